"""Health: whether the database answers, how fast, and how it has been."""

from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Literal, TypeAlias, get_args

from salacia import HealthCheck, Queries, Uptime
from salacia_db.gateway.arguments import at_least, moment, page_limit
from salacia_db.gateway.errors import invalid
from salacia_db.gateway.units import apart
from salacia_db.runtime import InvalidArgument, SalaciaError, uuid7

Status: TypeAlias = Literal["healthy", "degraded", "unhealthy"]
"""It works; it works, but slowly or in part; it is down."""


async def check(
    queries: Queries, *, slow_ms: int = 1000, details: Any | None = None
) -> HealthCheck:
    """Asks the database, and records what came of it.

    Healthy where it answered, degraded where that took `slow_ms` milliseconds or longer, unhealthy
    where it didn't or couldn't take the record, so that the check is in no table then. Waiting for
    a connection counts. Raises `InvalidArgument` for details that are no JSON, and nothing else.
    """
    start = perf_counter()
    try:
        await queries.health_checks.ping()
    except SalaciaError:
        return _unrecorded(start, details, answered=False)
    took = _since(start)
    status: Status = "degraded" if took >= slow_ms else "healthy"
    try:
        async with apart(queries) as own:
            return await record(
                own, status=status, database_status=True, response_time_ms=took, details=details
            )
    except InvalidArgument:
        raise
    except SalaciaError:
        return _unrecorded(start, details, answered=True)


async def record(
    queries: Queries,
    *,
    status: Status,
    database_status: bool,
    response_time_ms: int,
    details: Any | None = None,
) -> HealthCheck:
    """Records a check that was made just now. Raises `InvalidArgument`."""
    if status not in get_args(Status):
        raise invalid("status", "one of " + ", ".join(map(repr, get_args(Status))))
    return await queries.health_checks.create(
        status=status,
        database_status=database_status,
        response_time_ms=at_least(0, response_time_ms, "response_time_ms"),
        details=details,
    )


async def latest(queries: Queries) -> HealthCheck | None:
    """The newest check that was recorded, or None."""
    return await queries.health_checks.latest()


async def recent_unhealthy(queries: Queries, *, limit: int = 20) -> list[HealthCheck]:
    """The last checks that found the gateway down, newest first. `limit` is 1 to 100.

    Raises `InvalidArgument`.
    """
    return await queries.health_checks.recent_unhealthy(limit=page_limit(limit))


async def uptime(queries: Queries, *, since: datetime, until: datetime | None = None) -> Uptime:
    """How often the gateway was found up in a period, which goes on until now without an end.

    A degraded gateway is up. The share is in percent, and None where nobody looked. Raises
    `InvalidArgument` for a time without a time zone.
    """
    moment(since, "since")
    moment(until, "until")
    return await queries.health_checks.uptime(since=since, until=until)


def _since(start: float) -> int:
    return round((perf_counter() - start) * 1000)


def _unrecorded(start: float, details: Any | None, *, answered: bool) -> HealthCheck:
    return HealthCheck(uuid7(), "unhealthy", answered, _since(start), details, datetime.now(UTC))
