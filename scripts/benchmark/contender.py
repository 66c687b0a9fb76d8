"""What a contender offers: a method per workload, as somebody who uses that library writes it."""

import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID

CONNECTIONS = 10
"""Everybody's pool has so many."""
CHUNK = 500
"""Who streams fetches so many rows at a time, if there is a choice."""

New = dict[str, Any]
Update = tuple[UUID, int, int]


class Contender:
    """A contender leaves out what its library doesn't have."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def open(self) -> None:
        """Opens the pool."""
        raise NotImplementedError

    async def close(self) -> None:
        """Closes it."""
        raise NotImplementedError

    def joined(self, row: Any) -> tuple[Any, Any]:
        """The interaction and the provider of a row of `with_provider`: for the comparison only."""
        return row, row.provider

    async def get(self, id: UUID) -> Any:
        """One interaction by its key."""
        raise NotImplementedError

    async def page(self, model: str) -> Sequence[Any]:
        """The newest 20 of a model, without those that failed."""
        raise NotImplementedError

    async def slim(self, since: dt.datetime) -> Sequence[Any]:
        """1,000 interactions without their jsonb."""
        raise NotImplementedError

    async def full(self, since: dt.datetime) -> Sequence[Any]:
        """1,000 interactions, jsonb decoded."""
        raise NotImplementedError

    async def insert(self, row: New) -> Any:
        """Inserts an interaction; gives it back whole."""
        raise NotImplementedError

    async def insert_many(self, rows: list[New]) -> None:
        """Inserts 1,000 interactions, all or none."""
        raise NotImplementedError

    async def update(self, id: UUID, response_time_ms: int, completion_tokens: int) -> Any:
        """Updates an interaction by its key; gives it back whole."""
        raise NotImplementedError

    async def with_provider(self, model: str) -> Sequence[Any]:
        """The newest 20 of a model, each with its provider."""
        raise NotImplementedError

    async def transaction(self, name: str, row: New) -> None:
        """In one transaction: a new provider, and an interaction of it."""
        raise NotImplementedError

    async def counted_page(self, model: str) -> tuple[int, Sequence[Any]]:
        """How many interactions a model has, and the newest 20."""
        raise NotImplementedError

    async def stream(self, since: dt.datetime, count: int) -> tuple[int, Any]:
        """Reads so many rows through a server-side cursor; how many came, and the last."""
        raise NotImplementedError

    async def get_shared(self, id: UUID) -> Any:
        """As `get`; concurrent calls may share a statement."""
        raise NotImplementedError

    async def insert_shared(self, row: New) -> Any:
        """As `insert`; concurrent calls may share a statement."""
        raise NotImplementedError

    async def hooked(
        self, hooks: int, id: UUID, response_time_ms: int, completion_tokens: int
    ) -> Any:
        """As `update`; then so many functions see the row before the transaction ends."""
        raise NotImplementedError

    async def unit(self, updates: list[Update]) -> None:
        """In one transaction: some updates by key, one statement each, rows returned."""
        raise NotImplementedError


async def notice(row: object) -> None:
    """What the hooks of all contenders do."""
