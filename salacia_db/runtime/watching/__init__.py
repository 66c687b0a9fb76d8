"""What can be seen of the work: counts, logs, OpenTelemetry. Only where that is asked for."""

from salacia_db.runtime.watching.watching import Watching

__all__ = ["Watching"]
