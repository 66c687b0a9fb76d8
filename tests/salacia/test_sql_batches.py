"""Calls of the gateway that come together share a statement, and have the answers of each alone."""

import asyncio
from uuid import UUID

from exchanges import load

from salacia import Database


async def test_lookups_together_find_what_each_finds_alone(db: Database) -> None:
    exchanges = await load(db)
    ids = [exchange.id for exchange in exchanges[:50]] + [UUID(int=0)]
    alone = [await db.ai_interactions.get(id=key) for key in ids]
    together = await asyncio.gather(*(db.ai_interactions.get(id=key) for key in ids))
    assert together == alone
    assert alone[-1] is None

    wanted = [e.provider_id for e in exchanges[:50] if e.provider_id is not None]
    providers = await asyncio.gather(*(db.ai_providers.get(id=key) for key in wanted))
    assert [p and p.id for p in providers] == wanted
    named = await asyncio.gather(
        *(db.ai_providers.get_by_name(name=p.name) for p in providers if p is not None)
    )
    assert named == providers


async def test_requests_that_are_logged_together_share_a_commit(db: Database) -> None:
    logged = await asyncio.gather(
        *(
            db.api_requests.create(method="GET", path=f"/{n}", query=[{"n": n}], body=[n])
            for n in range(20)
        )
    )
    assert [(each.path, each.query, each.body) for each in logged] == [
        (f"/{n}", [{"n": n}], [n]) for n in range(20)
    ]
    assert await db.fetchval("select count(distinct xmin::text) from api_requests") == 2
