"""What ./scripts/load leaves, and that ./scripts/sizes measures it: on few interactions."""

import importlib
from pathlib import Path

import psycopg
import pytest
from by_hand import value

import salacia

SCRIPTS = Path(__file__).parents[2] / "scripts"

LEFT = """
select indexrelid::regclass::text, pg_get_indexdef(indexrelid), attstattarget::int
from pg_index i
left join pg_attribute a on a.attrelid = i.indexrelid and attnum = 1
where indrelid = 'ai_interactions'::regclass
union all
select tgname, pg_get_triggerdef(oid) || tgenabled::text, 0 from pg_trigger
where tgrelid = 'ai_interactions'::regclass and not tgisinternal
union all
select conname, pg_get_constraintdef(oid), convalidated::int from pg_constraint
where conrelid = 'ai_interactions'::regclass
union all
select attname, attstorage::text, 0 from pg_attribute where attrelid = 'ai_interactions'::regclass
union all
select relname, relkind::text || coalesce(reloptions::text, ''), 0 from pg_class
where relnamespace = 'public'::regnamespace
order by 1, 2
"""


async def test_a_loaded_database_is_whole_and_can_be_measured(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    load, sizes = importlib.import_module("load"), importlib.import_module("sizes")
    monkeypatch.setattr(load, "CHUNK", 700)
    with psycopg.connect(url, autocommit=True) as session:
        before = session.execute(LEFT).fetchall()
        await load.load(url, 2_000)
        assert session.execute(LEFT).fetchall() == before
        async with salacia.connect(url, profile="test") as db:
            assert await db.statistics.overview() == await db.statistics.summary()
            assert await db.upkeep.recount() == 0
            assert len(await db.messages.search(search="often", limit=50)) == 20
            assert len(await db.messages.search(search="needle")) == 1
        ids = "select count(*) from (select id, lag(id) over (order by created_at, id) as last"
        assert value(session, f"{ids} from ai_interactions) i where id <= last") == 0
        size = "select avg(length(request::text)) from ai_interactions"
        assert 900 < value(session, size) < 1_100
        figures = await sizes.measure(url, seconds=0.1)
        assert figures["recorded a second, with the upkeep beside"] > 0
        assert figures["page, by newest, deep"] > 0
        with pytest.raises(load.Refused, match="empty database"):
            await load.load(url, 1)


async def test_a_load_stops_where_the_disk_would_be_full(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    load = importlib.import_module("load")
    monkeypatch.setattr(load, "SPARE", 1 << 60)
    with pytest.raises(load.Refused, match="of disk are left"):
        await load.load(url, 10)
