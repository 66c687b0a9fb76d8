"""What can be seen of the work: statistics, slow statements, spans and metrics."""

import asyncio
import importlib
import logging
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from items import GET, Database, Item
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from salacia_db.runtime import (
    ConfigurationError,
    SerializationFailure,
    Statement,
    Table,
    UniqueViolation,
)
from salacia_db.runtime.finding import tables
from salacia_db.runtime.watching.slow import SlowLog
from salacia_db.runtime.watching.watcher import StatementLog


class Seen:
    """What OpenTelemetry's SDK was told."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader])

    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def points(self, name: str) -> list[tuple[dict[str, object], float]]:
        """The attributes and values (of histograms: how many) under a metric's name."""
        data = self.reader.get_metrics_data()
        return [
            (dict(point.attributes), getattr(point, "value", getattr(point, "count", None)))
            for resource in ([] if data is None else data.resource_metrics)
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Seen]:
    """OpenTelemetry, set up by the program before it connects."""
    made = Seen()
    # The API lets a process set its providers once; the test sets them for itself.
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", made.tracers)
    inside = importlib.import_module("opentelemetry.metrics._internal")
    monkeypatch.setattr(inside, "_METER_PROVIDER", made.meters)
    assert trace.get_tracer_provider() is made.tracers
    assert metrics.get_meter_provider() is made.meters
    yield made
    made.tracers.shutdown()
    made.meters.shutdown()


# --- statistics -----------------------------------------------------------------------------------


async def test_statements_are_counted_and_timed_where_that_is_asked_for(connect) -> None:
    db = await connect(measure=True)
    await db.items.insert(1)
    for _ in range(3):
        await db.items.list()
    with pytest.raises(UniqueViolation):
        await db.items.insert(1)
    await db.items.sleep(s=0.05)
    async with db.unit_of_work() as uow:
        await uow.items.list()
        await uow.items.add_many([(2, "a", 0, None), (3, "b", 0, None)])
        _ = [item async for item in uow.items.stream()]
    found = db.stats().statements
    assert found["items.list"].calls == 5
    assert (found["items.insert"].calls, found["items.insert"].errors) == (2, 1)
    assert found["items.add"].calls == 1
    assert found["COMMIT"].calls == 1
    assert 0.05 <= found["items.sleep"].longest == found["items.sleep"].total
    assert all(0 < each.longest <= each.total for each in found.values())


async def test_a_plain_database_measures_no_statements_and_still_counts_its_pool(connect) -> None:
    db = await connect(pool_max=3)
    await db.items.list()
    await db.execute("select 1")
    async with db.unit_of_work() as uow:
        await uow.items.list()
        stats = db.stats()
        assert stats.statements == {}
        assert (stats.pool.max, stats.pool.open) == (3, 1)
        assert (stats.pool.in_use, stats.pool.idle) == (1, 0)
    pool = db.stats().pool
    assert (pool.in_use, pool.idle) == (0, 1)
    assert (pool.opened, pool.closed, pool.reset, pool.acquired) == (1, 0, 1, None)


async def test_lendings_are_counted_where_something_is_measured(connect) -> None:
    db = await connect(pool_max=2, measure=True)
    before = db.stats().pool
    assert before.acquired == 1  # the first connection, which open() looks at
    await asyncio.gather(*(db.items.sleep(s=0.01) for _ in range(6)))
    after = db.stats().pool
    assert after.acquired == 7
    assert after.waited - before.waited >= 4


async def test_what_is_run_again_is_counted(connect) -> None:
    db = await connect()
    tries = 0

    async def work(uow: object) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise SerializationFailure("made up", sqlstate="40001")

    await db.run(work)
    assert db.stats().retries == 2


# --- slow statements ------------------------------------------------------------------------------


async def told_slow(caplog: pytest.LogCaptureFixture, many: int) -> list[str]:
    async with asyncio.timeout(10):
        while True:
            lines = [r.getMessage() for r in caplog.records if r.name == "salacia_db.slow"]
            if len(lines) >= many:
                return lines
            await asyncio.sleep(0.02)


async def test_slow_statements_are_logged_by_name(connect, caplog) -> None:
    db = await connect(slow_statements=0.1)
    await db.items.list()
    await db.items.sleep(s=0.15)
    with pytest.raises(TimeoutError):
        await db.items.sleep_shortly(s=5)
    slow, late = await told_slow(caplog, 2)
    assert slow.startswith("items.sleep took 0.")
    assert late.endswith(", and raised DeadlineExceeded")
    assert len(await told_slow(caplog, 2)) == 2


async def test_the_plan_of_a_slow_statement_is_told_without_values(connect, caplog) -> None:
    db = await connect(slow_statements=0.000001, slow_plans=True, pool_max=1)
    await db.items.insert(1, "s3cret")
    await db.items.get(id=1234567)
    await db.items.get(id=1234567)
    lines = await told_slow(caplog, 5)
    plans = [line for line in lines if "its plan" in line]
    assert len(plans) == 2  # of each statement once
    of_get = next(line for line in plans if line.startswith("items.get: "))
    assert "Index Scan using item_pkey" in of_get
    assert "$1" in of_get
    assert all(line.startswith("  | ") for line in of_get.splitlines()[1:])
    assert "1234567" not in caplog.text
    assert "s3cret" not in caplog.text
    assert len(await db.items.list()) == 1  # nothing was run by it


async def test_what_has_no_plan_is_not_asked_for(connect, caplog) -> None:
    db = await connect(slow_statements=0.000001, slow_plans=True)
    await db.items.copy([(1, "a", 0, None)])
    await db.execute("select 's3cret'")
    await db.items.list()
    lines = await told_slow(caplog, 5)
    assert next(line for line in lines if "plan" in line).startswith("items.list: its plan")
    assert "s3cret" not in caplog.text


def test_slow_plans_need_to_know_what_is_slow(url: str) -> None:
    with pytest.raises(ConfigurationError, match="slow_plans needs slow_statements"):
        Database(url, slow_plans=True)
    with pytest.raises(ConfigurationError, match="through a pooler in transaction mode"):
        Database(url, slow_plans=True, slow_statements=1.0, pooler="transaction")
    with pytest.raises(ConfigurationError, match="slow_statements is 0"):
        Database(url, slow_statements=0.0)


@given(name=st.text(st.characters(codec="utf-8") | st.sampled_from("\r\n\x1b\u2028\x85\u202e")))
def test_no_name_can_forge_a_line_of_a_log(name: str) -> None:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    loggers = [logging.getLogger(f"salacia_db.{each}") for each in ("statements", "slow")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        statement = Statement(name, "select 1")
        for error in (None, ValueError()):
            StatementLog().statement(statement, 1.0, error)
            SlowLog(0.5, None).statement(statement, 1.0, error)
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)
    assert len(lines) == 4
    assert all(len(line.splitlines()) == 1 for line in lines)
    assert not any("\x1b" in line or "\u202e" in line for line in lines)


# --- OpenTelemetry --------------------------------------------------------------------------------


async def test_a_span_is_named_after_the_query_and_shows_no_value(seen: Seen, connect) -> None:
    db = await connect()
    await db.items.insert(1, "s3cret")
    with pytest.raises(UniqueViolation):
        await db.items.insert(1, "s3cret")
    async with db.unit_of_work() as uow:
        await uow.items.rename(1, "s3cret 2")
        await uow.items.get(id=1)
    await db.fetchval("select 's3cret 3'")
    spans = seen.spans()
    assert [span.name for span in spans] == [
        "items.insert",
        "items.insert",
        "items.rename",
        "items.get",
        "COMMIT",
        "raw SQL",
    ]
    attributes = dict(spans[1].attributes or {})
    assert attributes == {
        "db.system.name": "postgresql",
        "db.namespace": await db.fetchval("select current_database()"),
        "server.address": attributes["server.address"],
        "server.port": attributes["server.port"],
        "db.query.summary": "items.insert",
        "db.operation.name": "INSERT",
        "error.type": "UniqueViolation",
        "db.response.status_code": "23505",
    }
    assert all(span.kind is trace.SpanKind.CLIENT for span in spans)
    assert [span.status.is_ok for span in spans] == [True, False, True, True, True, True]
    operations = [(span.attributes or {}).get("db.operation.name") for span in spans]
    assert operations == ["INSERT", "INSERT", "UPDATE", "SELECT", "COMMIT", None]
    assert "s3cret" not in "".join(span.to_json() for span in spans)


async def test_a_span_of_a_write_names_its_table(seen: Seen, connect, monkeypatch) -> None:
    class ItemTable(Table[Item]):
        pass

    monkeypatch.setattr(tables, "_sources", {})
    ItemTable("items", Item, "public", "item")
    db = await connect()
    await db.items.insert(1)
    await db.items.list()
    await db.items.audited(1, "b")  # writes two tables
    named = [(span.attributes or {}).get("db.collection.name") for span in seen.spans()]
    assert named == ["public.item", None, None]


async def test_a_span_has_the_callers_as_its_parent_and_its_own_time(seen: Seen, connect) -> None:
    db = await connect()
    with trace.get_tracer("test").start_as_current_span("request") as request:
        await db.items.sleep(s=0.05)
    mine = next(span for span in seen.spans() if span.name == "items.sleep")
    assert mine.parent is not None
    assert mine.parent.span_id == request.get_span_context().span_id
    assert mine.start_time is not None
    assert mine.end_time is not None
    assert mine.end_time - mine.start_time >= 50_000_000


async def test_durations_and_the_pool_are_metrics(seen: Seen, connect) -> None:
    db = await connect(pool_max=1, pool_acquire=1)
    other = await connect(pool_max=7)
    await other.items.list()
    async with db.unit_of_work() as uow:
        await uow.items.list()
        with pytest.raises(TimeoutError):
            await asyncio.create_task(db.items.list())
        counts = seen.points("db.client.connection.count")
        assert sorted(value for _, value in counts) == [0, 0, 1, 1]
        assert {a["db.client.connection.state"] for a, _ in counts} == {"idle", "used"}
    durations = seen.points("db.client.operation.duration")
    lists = [(a, n) for a, n in durations if a["db.query.summary"] == "items.list"]
    assert sum(n for _, n in lists) == 3
    assert {a.get("error.type") for a, _ in lists} == {None, "PoolTimeout"}
    assert sorted(n for _, n in seen.points("db.client.connection.max")) == [1, 7]
    assert sorted(n for _, n in seen.points("db.client.connection.timeouts")) == [0, 1]
    assert sum(n for _, n in seen.points("db.client.connection.create_time")) == 2
    assert sum(n for _, n in seen.points("db.client.connection.wait_time")) >= 1
    assert sorted(n for _, n in seen.points("salacia_db.connection.opened")) == [1, 1]


async def test_retries_are_a_metric(seen: Seen, connect) -> None:
    db = await connect()
    tries = 0

    async def work(uow: object) -> None:
        nonlocal tries
        tries += 1
        if tries < 2:
            raise SerializationFailure("made up", sqlstate="40001")

    await db.run(work)
    assert [n for _, n in seen.points("salacia_db.retries")] == [1]


async def test_telemetry_is_off_where_nobody_has_set_it_up_or_it_is_not_wanted(
    connect, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    unwanted = await connect(telemetry=False)
    await unwanted.items.list()
    monkeypatch.undo()
    assert trace.get_tracer_provider() is not seen.tracers
    plain = await connect()
    await plain.session.fetchrow(GET, 1)
    assert seen.spans() == []
    assert type(plain.session).__name__ == "PooledSession"
    assert type(unwanted.session).__name__ == "PooledSession"


def test_telemetry_that_is_not_installed_is_told(url: str, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", None)
    with pytest.raises(ConfigurationError, match=r"salacia-db\[telemetry\]"):
        Database(url, telemetry=True)
