"""Two primaries: a standby was promoted, and the one before lives on."""

import logging
from collections.abc import AsyncIterator
from typing import NamedTuple

import asyncpg
import pytest
from cutting_proxy import CuttingProxy
from faults.servers import breakable_server, standby_of
from slots import all_slots


class Pair(NamedTuple):
    """A primary and what was its standby, to either of which the proxy leads."""

    old: str
    new: str
    proxy: CuttingProxy


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    replicated = {"wal_level": "replica", "max_wal_senders": "4"}
    async with (
        breakable_server(replicated) as server,
        standby_of(server) as standby,
        CuttingProxy(server.url()) as proxy,
    ):
        await standby.promote()
        yield Pair(server.url(), standby.url(), proxy)


async def sessions(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        count = "select count(*) from pg_stat_activity where application_name = 'salacia_db'"
        return int(await connection.fetchval(count))
    finally:
        await connection.close()


def told(caplog) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "salacia_db.pool"]


async def test_connections_to_a_primary_that_has_a_successor_are_replaced(
    connect, pair: Pair, caplog
) -> None:
    caplog.set_level(logging.WARNING, "salacia_db.pool")
    db = await connect(url=pair.proxy.url, pool_max=3)
    async with db.unit_of_work() as used:
        await used.execute("select 1")
        async with db.unit_of_work() as idle:
            await idle.execute("select 1")
        pair.proxy.lead_to(pair.new)
        async with db.unit_of_work(), db.unit_of_work() as another, db.unit_of_work() as third:
            await another.execute("select 1")
            assert told(caplog) == []
            await third.execute("select 1")
            assert told(caplog) == [
                "a standby was promoted to timeline 2, and the primary before it still answers: "
                "its connections, 2, are replaced"
            ]
        # Whoever is at work there may end it.
        await used.execute("select 1")
    assert len(await all_slots(db)) == 3
    assert await sessions(pair.old) == 0
    assert await sessions(pair.new) == 3


async def test_the_way_back_to_an_old_primary_is_reported_and_taken(
    connect, pair: Pair, caplog
) -> None:
    caplog.set_level(logging.WARNING, "salacia_db.pool")
    pair.proxy.lead_to(pair.new)
    db = await connect(url=pair.proxy.url, pool_max=2)
    async with db.unit_of_work() as first:
        await first.execute("select 1")
        pair.proxy.lead_to(pair.old)
        async with db.unit_of_work() as second:
            await second.execute("select 1")
    assert told(caplog) == [
        "two primaries: a new connection leads to timeline 1, though a standby was promoted to "
        "timeline 2 before; what is written there may be lost"
    ]
    assert await sessions(pair.old) == 1
