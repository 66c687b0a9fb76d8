"""Messages: interactions as people list, filter and read them."""

from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from salacia import AiInteraction, AiProvider, Message, MessageDetail, Queries, Summary, tables
from salacia.messages import MessagesSearchSort
from salacia_db.gateway.arguments import at_least, identifier, moment, page_limit
from salacia_db.gateway.errors import Missing, invalid
from salacia_db.gateway.units import snapshot
from salacia_db.runtime import Condition, OrderBy

MessageSort: TypeAlias = MessagesSearchSort
"""By time, id, model, tokens or response time, each in both directions."""


class MessageFilter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Which messages are meant: those for which everything holds that is given.

    Raises `InvalidArgument` for a time without a time zone.
    """

    model: str | None = None
    """The name of the model."""
    provider_id: UUID | None = None
    """The provider that was asked."""
    since: datetime | None = None
    """The start of a period, which belongs to it."""
    until: datetime | None = None
    """The end of a period, which doesn't."""
    failed: bool | None = None
    """Whether there is an error."""
    min_tokens: int | None = None
    """At least so many tokens in all. Messages without a count don't match, nor below."""
    max_tokens: int | None = None
    """At most so many tokens in all."""
    min_response_time_ms: int | None = None
    """At least so long, in milliseconds."""
    max_response_time_ms: int | None = None
    """At most so long, in milliseconds."""
    search: str | None = None
    """Words that all stand somewhere in request or response. Blank is as if it weren't given."""

    def __post_init__(self) -> None:
        moment(self.since, "since")
        moment(self.until, "until")


class MessagePage(Struct, frozen=True, kw_only=True, rename="camel"):
    """A page by its number, and the figures of all messages that match: all of one moment."""

    items: list[Message]
    page: int
    limit: int
    total: int
    total_pages: int
    has_next: bool
    has_previous: bool
    statistics: Summary


class MessageList(Struct, frozen=True, kw_only=True, rename="camel"):
    """Messages next to each other, and the way to those beside them."""

    items: list[Message]
    has_more: bool
    """Whether more follow in the direction that was walked."""
    next_cursor: str | None
    """What to give as `after` for the messages behind these; None where there are none."""
    previous_cursor: str | None
    """What to give as `before` for the messages before these; None where there are none."""


class InteractionWithProvider(Struct, frozen=True):
    """An interaction and the provider that was asked; None where that is deleted, or not meant."""

    interaction: AiInteraction
    provider: AiProvider | None


ALL = MessageFilter()
"""The filter that lets every message through."""
NEWEST = (tables.ai_interactions.created_at.desc(), tables.ai_interactions.id.desc())
"""The newest interactions first."""


async def get(queries: Queries, id: UUID | str) -> MessageDetail:
    """One message with all that was sent and received, and its provider's name and type.

    Raises `InvalidArgument` for what is no UUID, `Missing` where there is no such message.
    """
    found = await queries.messages.get(id=identifier(id))
    if found is None:
        raise Missing("message")
    return found


async def page(
    queries: Queries,
    where: MessageFilter = ALL,
    *,
    sort: MessageSort = "newest",
    page: int = 1,
    limit: int = 20,
) -> MessagePage:
    """The messages of one page, from 1 on, with the total and the figures of the same filter.

    `limit` is 1 to 100. Raises `InvalidArgument`, and `UsageError` for a unit of work that is not
    `repeatable read`, in which page and figures could be of two moments.
    """
    at_least(1, page, "page")
    page_limit(limit)
    given = arguments(where)
    async with snapshot(queries) as seen:
        found = await seen.messages.search_numbered(**given, sort=sort, page=page, limit=limit)
        figures = await seen.statistics.summary(**given)
    return MessagePage(
        items=found.items,
        page=page,
        limit=limit,
        total=found.total,
        total_pages=found.pages,
        has_next=found.has_next,
        has_previous=found.has_previous,
        statistics=figures,
    )


async def browse(
    queries: Queries,
    where: MessageFilter = ALL,
    *,
    sort: MessageSort = "newest",
    limit: int = 20,
    after: str | None = None,
    before: str | None = None,
) -> MessageList:
    """The messages behind a cursor, or before one; the first without either.

    `limit` is 1 to 100. Raises `InvalidArgument`, `InvalidCursor` for a cursor that is damaged or
    belongs to another filter or sort.
    """
    page_limit(limit)
    if after is not None and before is not None:
        raise invalid("before", "left out where `after` is given")
    found = await queries.messages.search(
        **arguments(where), sort=sort, limit=limit, after=after, before=before
    )
    return MessageList(
        items=found.items,
        has_more=found.has_next if before is None else found.has_previous,
        next_cursor=found.next,
        previous_cursor=found.previous,
    )


async def with_providers(
    queries: Queries,
    where: Condition | None = None,
    *,
    provider: Condition | None = None,
    order_by: OrderBy = NEWEST,
    limit: int = 20,
) -> list[InteractionWithProvider]:
    """Interactions by any condition, each with its provider (belongs to) by any other condition.

    Two statements, however many rows. `limit` is 1 to 100. Raises `InvalidArgument`.
    """
    rows = await queries.find(
        AiInteraction, where=where, order_by=order_by, limit=page_limit(limit)
    )
    found = await queries.relations.ai_interactions.load_provider(rows, where=provider)
    return [InteractionWithProvider(*pair) for pair in zip(rows, found, strict=True)]


def arguments(where: MessageFilter) -> dict[str, Any]:
    """The filter as the generated queries take it."""
    given = asdict(where)
    if where.search is not None and not where.search.strip():
        given["search"] = None
    return given
