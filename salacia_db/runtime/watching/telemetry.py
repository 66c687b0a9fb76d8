"""OpenTelemetry: spans and metrics by its conventions for databases. Names, never values."""

import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from time import time_ns
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit
from weakref import WeakKeyDictionary

from salacia_db.config import ConfigurationError, DatabaseSettings
from salacia_db.runtime.connections.counts import PoolStats
from salacia_db.runtime.connections.pool import Pool
from salacia_db.runtime.finding.tables import table_of
from salacia_db.runtime.statement import Statement

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter, Observation

_NAME = "salacia_db"
# Those that the conventions advise.
_OPERATION = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
_WRITES = {"create": "INSERT", "upsert": "INSERT", "update": "UPDATE", "delete": "DELETE"}


def is_wanted(asked: bool | None) -> bool:
    """Whether to tell OpenTelemetry: as asked, else where the program has set it up.

    Raises `ConfigurationError` where it is asked for and isn't installed.
    """
    if asked is None:
        return _is_set_up("opentelemetry.trace", "get_tracer_provider") or _is_set_up(
            "opentelemetry.metrics", "get_meter_provider"
        )
    if asked:
        try:
            import_module("opentelemetry.metrics")
            import_module("opentelemetry.trace")
        except ImportError:
            raise ConfigurationError(
                "telemetry=True needs opentelemetry-api: pip install 'salacia-db[telemetry]'"
            ) from None
    return asked


def _is_set_up(module: str, getter: str) -> bool:
    # Who has set it up has imported it. What the API gives otherwise is a class of its own.
    api = sys.modules.get(module)
    return api is not None and not type(getattr(api, getter)()).__module__.startswith(module)


class Telemetry:
    """A span and a measurement for each call; what a pool counts, whenever that is asked for."""

    def __init__(self, settings: DatabaseSettings, pool: Pool) -> None:
        from opentelemetry import metrics, trace

        self._common = _where(settings)
        # Of each statement, by name.
        self._known: dict[str, dict[str, Any]] = {}
        self._tracer = trace.get_tracer(_NAME)
        self._client = trace.SpanKind.CLIENT
        self._failed = trace.StatusCode.ERROR
        instruments = _instruments(metrics.get_meter_provider(), metrics.get_meter(_NAME))
        self._pool_name = instruments.observe(pool, _pool_name(self._common))
        self._duration = instruments.duration
        self._create_time = instruments.create_time
        self._wait_time = instruments.wait_time
        self._retries = instruments.retries

    def statement(self, statement: Statement, seconds: float, error: BaseException | None) -> None:
        """A span named after the query, and its duration."""
        known = self._known.get(statement.name)
        if known is None:
            known = self._known[statement.name] = {**self._common, **_what(statement)}
        attributes = dict(known)
        if error is not None:
            attributes["error.type"] = type(error).__name__
            state = getattr(error, "sqlstate", None)
            if state is not None:
                attributes["db.response.status_code"] = state
        self._duration.record(seconds, attributes)
        end = time_ns()
        span = self._tracer.start_span(
            statement.name,
            kind=self._client,
            attributes=attributes,
            start_time=end - int(seconds * 1e9),
        )
        if error is not None:
            # Nothing more of it: what a hook of the program's raises may show values.
            span.set_status(self._failed)
        span.end(end)

    def opened(self, seconds: float) -> None:
        """A connection was opened."""
        self._create_time.record(seconds, {"db.client.connection.pool.name": self._pool_name})

    def waited(self, seconds: float) -> None:
        """A caller waited for a connection."""
        self._wait_time.record(seconds, {"db.client.connection.pool.name": self._pool_name})

    def retried(self) -> None:
        """A unit of work is run again."""
        self._retries.add(1, self._common)


class _Instruments:
    """What is measured, made once for a provider: it would ignore a second observer."""

    def __init__(self, meter: "Meter") -> None:
        from opentelemetry.metrics import Observation

        self.pools: WeakKeyDictionary[Pool, str] = WeakKeyDictionary()
        self._observation = Observation
        self.duration = meter.create_histogram(
            "db.client.operation.duration",
            unit="s",
            description="Duration of database client operations.",
            explicit_bucket_boundaries_advisory=_OPERATION,
        )
        self.create_time = meter.create_histogram(
            "db.client.connection.create_time",
            unit="s",
            description="The time it took to create a new connection.",
            explicit_bucket_boundaries_advisory=_OPERATION,
        )
        self.wait_time = meter.create_histogram(
            "db.client.connection.wait_time",
            unit="s",
            description="The time callers waited for a connection, where none was free.",
            explicit_bucket_boundaries_advisory=_OPERATION,
        )
        self.retries = meter.create_counter(
            "salacia_db.retries",
            unit="{retry}",
            description="Units of work that db.run has run again.",
        )
        meter.create_observable_up_down_counter(
            "db.client.connection.count",
            [self._states],
            unit="{connection}",
            description="The number of connections that are currently in the given state.",
        )
        for name, get in _NOW.items():
            meter.create_observable_up_down_counter(
                f"db.client.connection.{name}", [self._each(get)], unit="{connection}"
            )
        meter.create_observable_counter(
            "db.client.connection.timeouts",
            [self._each(lambda stats: stats.timeouts)],
            unit="{timeout}",
            description="Callers who waited for a connection in vain.",
        )
        for name, get in _FAULTS.items():
            meter.create_observable_counter(
                f"salacia_db.connection.{name}", [self._each(get)], unit="{connection}"
            )

    def observe(self, pool: Pool, name: str) -> str:
        """From now on the pool's counts are measured; under this name, if no other has it."""
        taken, number, unique = set(self.pools.values()), 1, name
        while unique in taken:
            number += 1
            unique = f"{name}#{number}"
        self.pools[pool] = unique
        return unique

    def _states(self, _: "CallbackOptions") -> Iterable["Observation"]:
        for pool, name in list(self.pools.items()):
            stats = pool.stats()
            for state, count in (("used", stats.in_use), ("idle", stats.idle)):
                yield self._observation(
                    count, {**_named(name), "db.client.connection.state": state}
                )

    def _each(
        self, get: Callable[[PoolStats], int]
    ) -> "Callable[[CallbackOptions], Iterable[Observation]]":
        def observe(_: "CallbackOptions") -> "Iterable[Observation]":
            for pool, name in list(self.pools.items()):
                yield self._observation(get(pool.stats()), _named(name))

        return observe


_NOW: dict[str, Callable[[PoolStats], int]] = {
    "max": lambda stats: stats.max,
    "pending_requests": lambda stats: stats.waiting,
}
_FAULTS: dict[str, Callable[[PoolStats], int]] = {
    "opened": lambda stats: stats.opened,
    "failed": lambda stats: stats.failed,
    "closed": lambda stats: stats.closed,
    "broken": lambda stats: stats.broken,
    "cancelled": lambda stats: stats.cancelled,
    "leaked": lambda stats: stats.leaked,
    "deadlocks": lambda stats: stats.deadlocks,
}

_made: "WeakKeyDictionary[Any, _Instruments]" = WeakKeyDictionary()


def _instruments(provider: object, meter: "Meter") -> _Instruments:
    found = _made.get(provider)
    if found is None:
        found = _made[provider] = _Instruments(meter)
    return found


def _named(pool: str) -> dict[str, str]:
    return {"db.client.connection.pool.name": pool}


def _what(statement: Statement) -> dict[str, str]:
    """What a statement's name stands for, as far as that is one thing."""
    found = {"db.query.summary": statement.name}
    operation = _operation(statement)
    if operation is not None:
        found["db.operation.name"] = operation
    written = {table_of(write.model) for write in statement.writes}
    if len(written) == 1 and (table := written.pop()) is not None:
        found["db.collection.name"] = table
    return found


def _operation(statement: Statement) -> str | None:
    """INSERT, SELECT and so on, where the statement says what it does."""
    if statement.writes:
        return _WRITES[statement.writes[0].operation]
    for line in statement.sql.splitlines():
        word = line.split(None, 1)[0].upper() if line.strip() else "--"
        if not word.startswith("--"):
            return "SELECT" if word == "WITH" and statement.read_only else word
    return None


def _where(settings: DatabaseSettings) -> dict[str, Any]:
    """What all spans have in common: which database it is."""
    attributes: dict[str, Any] = {"db.system.name": "postgresql"}
    if settings.embedded:
        return attributes
    parts = urlsplit(settings.url)
    options = parse_qs(parts.query)
    hosts = parts.netloc.rpartition("@")[2]
    namespace = unquote(parts.path.removeprefix("/")) or options.get("dbname", [""])[0]
    if namespace:
        attributes["db.namespace"] = namespace
    if hosts and "," not in hosts:
        attributes["server.address"] = parts.hostname or ""
        if parts.port is not None and parts.port != 5432:
            attributes["server.port"] = parts.port
    elif not hosts and "host" in options and "," not in options["host"][0]:
        attributes["server.address"] = options["host"][0]
        if "port" in options and options["port"][0].isdigit():
            attributes["server.port"] = int(options["port"][0])
    return attributes


def _pool_name(common: dict[str, Any]) -> str:
    address, port = common.get("server.address", ""), common.get("server.port", 5432)
    return f"{address}:{port}/{common.get('db.namespace', '')}"
