"""What can be seen of the work: counts, logs, OpenTelemetry."""
