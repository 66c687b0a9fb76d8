"""Secrets, UUIDs of version 7, and the log of statements."""

import copy
import logging
import time
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from items import Database

from salacia_db.runtime import Secret, UniqueViolation, uuid7


def test_a_secret_shows_nowhere_by_accident() -> None:
    secret = Secret("sk-s3cret")
    shown = f"{secret} {secret!r} {secret!s:>20} {[secret]} {{}}".format(secret)
    assert "s3cret" not in shown
    assert "**********" in shown
    assert secret.reveal() == "sk-s3cret"
    with pytest.raises(TypeError) as caught:
        msgspec.json.encode(secret)
    assert "s3cret" not in str(caught.value)
    assert not hasattr(secret, "__dict__")
    assert copy.deepcopy(secret) == secret


def test_secrets_are_equal_where_their_values_are() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_uuids_sort_by_the_time_of_their_making() -> None:
    made = [uuid7() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    before = time.time_ns() // 1_000_000
    one = uuid7()
    after = time.time_ns() // 1_000_000
    # Within a burst the clock may be left behind by a little.
    assert before <= one.int >> 80 <= after + 1
    assert one.version == 7
    assert one.variant == "specified in RFC 4122"


def test_uuids_do_not_go_back_with_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    first = uuid7()
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)
    assert uuid7() > first


def test_threads_make_different_uuids() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = [
            u
            for found in pool.map(lambda _: [uuid7() for _ in range(1000)], range(8))
            for u in found
        ]
    assert len(set(made)) == 8000


async def test_statements_are_logged_by_name_and_time_only_where_asked(
    connect, db: Database, caplog
) -> None:
    caplog.set_level(logging.DEBUG)
    await db.items.insert(1, "s3cret")
    assert not [r for r in caplog.records if r.name == "salacia_db.statements"]
    logged = await connect(log_statements=True)
    await logged.items.get(id=1)
    await logged.items.insert(2, "s3cret 2")
    await logged.fetch("select 's3cret'")
    with pytest.raises(UniqueViolation):
        await logged.items.insert(2, "s3cret 3")
    async with logged.unit_of_work() as uow:
        await uow.items.list()
        await uow.items.add_many([(3, "s3cret 4", 0, None)])
        await uow.items.copy([(4, "s3cret 5", 0, None)])
        await uow.fetchval("select 1")
        _ = [item async for item in uow.items.stream()]
    await logged.items.add_many([(5, "s3cret 6", 0, None)])
    lines = [r.getMessage() for r in caplog.records if r.name == "salacia_db.statements"]
    assert [line.partition(" ")[0] for line in lines] == [
        "items.get",
        "items.insert",
        "raw",
        "items.insert",
        "items.list",
        "items.add",
        "items.copy",
        "raw",
        "items.list",
        "items.add",
    ]
    assert lines[3].endswith(" ms UniqueViolation")
    assert "s3cret" not in "".join(lines)


async def test_a_statement_with_hooks_is_logged_once(connect, caplog) -> None:
    caplog.set_level(logging.INFO, "salacia_db.statements")
    logged = await connect(log_statements=True)
    logged.hooks.after_create()(lambda event: None)
    await logged.items.insert(1)
    assert [r.getMessage().partition(" ")[0] for r in caplog.records] == ["items.insert"]
