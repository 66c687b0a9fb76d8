"""Health and system metadata, as the gateway's services give them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import salacia
from salacia_db.gateway import Missing, health, metadata
from salacia_db.runtime import InvalidArgument

# --- health ---------------------------------------------------------------------------------------


async def test_a_check_is_made_and_recorded(db: salacia.Database) -> None:
    check = await health.check(db, details={"pool": 5})
    assert (check.status, check.database_status) == ("healthy", True)
    assert (check.details, check.response_time_ms >= 0) == ({"pool": 5}, True)
    assert await health.latest(db) == check


async def test_a_slow_database_is_degraded(db: salacia.Database) -> None:
    assert (await health.check(db, slow_ms=0)).status == "degraded"


async def test_a_database_that_doesn_t_answer_is_unhealthy_and_nothing_is_raised() -> None:
    gone = salacia.connect("postgresql://127.0.0.1:1/none", profile="test", pool_acquire=1)
    check = await health.check(gone)
    assert (check.status, check.database_status) == ("unhealthy", False)
    assert check.created_at <= datetime.now(UTC)


async def test_a_database_that_takes_no_record_is_unhealthy(db: salacia.Database) -> None:
    await db.execute("alter table health_checks rename to away")
    check = await health.check(db)
    assert (check.status, check.database_status) == ("unhealthy", True)
    async with db.unit_of_work() as uow:
        assert (await health.check(uow)).status == "unhealthy"
        await metadata.put(uow, "the unit", "goes on")


async def test_details_that_are_no_json_are_the_caller_s_mistake(db: salacia.Database) -> None:
    with pytest.raises(InvalidArgument, match="details"):
        await health.check(db, details=object())


async def test_outages_and_uptime(db: salacia.Database) -> None:
    start = datetime.now(UTC) - timedelta(minutes=1)
    statuses: list[health.Status] = ["healthy", "unhealthy", "degraded", "unhealthy"]
    made = [
        await health.record(db, status=s, database_status=s != "unhealthy", response_time_ms=n)
        for n, s in enumerate(statuses)
    ]
    assert await health.latest(db) == made[3]
    assert await health.recent_unhealthy(db) == [made[3], made[1]]
    assert await health.recent_unhealthy(db, limit=1) == [made[3]]
    share = await health.uptime(db, since=start)
    assert (share.total, share.unhealthy, share.uptime) == (4, 2, 50)
    assert (await health.uptime(db, since=start, until=start)).uptime is None


@pytest.mark.parametrize(
    ("values", "parameter"),
    [({"status": "fine"}, "status"), ({"response_time_ms": -1}, "response_time_ms")],
)
async def test_what_no_check_can_be_is_told_by_its_name(
    db: salacia.Database, values: dict[str, Any], parameter: str
) -> None:
    good: dict[str, Any] = {"status": "healthy", "database_status": True, "response_time_ms": 1}
    with pytest.raises(InvalidArgument) as caught:
        await health.record(db, **(good | values))
    assert caught.value.parameter == parameter
    with pytest.raises(InvalidArgument):
        await health.uptime(db, since=datetime(2026, 1, 1))


# --- system metadata ------------------------------------------------------------------------------


async def test_facts_are_set_read_listed_and_forgotten(db: salacia.Database) -> None:
    first = await metadata.put(db, "schema.version", "8", description="the last migration")
    again = await metadata.put(db, "schema.version", "9")
    assert (again.id, again.value, again.description) == (first.id, "9", "the last migration")
    assert await metadata.get(db, "schema.version") == again
    await metadata.put(db, "schema_version", "x")
    assert await metadata.with_prefix(db, "schema.") == [again]
    assert [f.key for f in await metadata.with_prefix(db)] == ["schema.version", "schema_version"]
    assert await metadata.delete(db, "schema.version") == again
    for call in (metadata.get(db, "schema.version"), metadata.delete(db, "schema.version")):
        with pytest.raises(Missing, match="no such fact"):
            await call


@pytest.mark.parametrize("key", ["", "k" * 256, None])
async def test_a_key_that_can_t_be_is_told(db: salacia.Database, key: Any) -> None:
    with pytest.raises(InvalidArgument, match="`key` has to be a text of 1 to 255 characters"):
        await metadata.put(db, key, "v")
    assert (await metadata.put(db, "k" * 255, "v")).value == "v"
