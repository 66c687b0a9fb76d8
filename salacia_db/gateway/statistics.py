"""Figures over messages: of a filter, of the last minutes and hours, by hour and by model."""

from msgspec import Struct

from salacia import Queries, Summary
from salacia.statistics import StatisticsHourlyRow, StatisticsTopModelsRow
from salacia_db.gateway.arguments import page_limit
from salacia_db.gateway.messages import ALL, MessageFilter, arguments
from salacia_db.gateway.units import snapshot

_PERIODS = {"5 minutes": "last_5_minutes", "24 hours": "last_24_hours", "all": "overall"}
# Filters that the summaries know, so that no message need be read.
_SUMMARISED = frozenset(("since", "until", "model", "provider_id", "failed"))


class Periods(Struct, frozen=True, kw_only=True, rename="camel"):
    """The figures of the time until now."""

    last_5_minutes: Summary
    last_24_hours: Summary
    overall: Summary


class Dashboard(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a dashboard shows, all of one moment."""

    periods: Periods
    hourly: list[StatisticsHourlyRow]
    """The last 24 hours, the current one last; hours in which nothing happened are there."""
    top_models: list[StatisticsTopModelsRow]
    """The five models used most in the last 24 hours."""


async def summary(queries: Queries, where: MessageFilter = ALL) -> Summary:
    """The figures of all messages that match.

    Success is no error and status 200. The success rate is in percent, times in milliseconds; both
    are None where there is nothing to divide. Raises `InvalidArgument`.
    """
    given = arguments(where)
    if _SUMMARISED.issuperset(name for name, value in given.items() if value is not None):
        return await queries.statistics.overview(**{name: given[name] for name in _SUMMARISED})
    return await queries.statistics.summary(**given)


async def periods(queries: Queries) -> Periods:
    """The figures of the last 5 minutes, the last 24 hours and all time, in one round trip."""
    rows = await queries.statistics.periods()
    names = Summary.__struct_fields__
    return Periods(
        **{_PERIODS[row.period]: Summary(*(getattr(row, name) for name in names)) for row in rows}
    )


async def hourly(queries: Queries) -> list[StatisticsHourlyRow]:
    """The last 24 hours by hour of UTC, the current one last, empty hours among them."""
    return await queries.statistics.hourly()


async def top_models(queries: Queries, *, limit: int = 5) -> list[StatisticsTopModelsRow]:
    """The models used most in the last 24 hours. `limit` is 1 to 100. Raises `InvalidArgument`."""
    return await queries.statistics.top_models(limit=page_limit(limit))


async def dashboard(queries: Queries) -> Dashboard:
    """Periods, hours and models of one moment.

    Raises `UsageError` for a unit of work that is not `repeatable read`.
    """
    async with snapshot(queries) as seen:
        return Dashboard(
            periods=await periods(seen),
            hourly=await hourly(seen),
            top_models=await top_models(seen),
        )
