# ruff: noqa: PT012 - a unit of work raises at the end of its block
"""A canary is sent every way that leads to the server; no error, log or frame of ours sings."""

import asyncio
import gc
import logging
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from items import ALL, INSERT, RENAME, UNNEST_MANY, Database, Item

import salacia_db
from salacia_db.runtime import (
    Batch,
    ConfigurationError,
    Dynamic,
    Hooks,
    Secret,
    Statement,
    Updating,
    When,
)
from salacia_db.runtime.connections.server import Server

CANARY = "canary-sk-s3cret"
OURS = str(Path(salacia_db.__file__).parent)
READ_ONLY: dict[str, Any] = {"read_only": True, "clean": True}

FIND = Statement(
    "items.find",
    f"-- items.find\nselect {ALL} from item where name = $1 and 1 / (amount - amount) = 1",
    parameters=("name",),
    **READ_ONLY,
)
RAISE = Statement(
    "items.raise",
    "-- items.raise\nselect items_raise($1)",
    parameters=("name",),
    clean=True,
)
CAST = Statement(
    "items.cast", "-- items.cast\nselect $1::text::int", parameters=("x",), **READ_ONLY
)
JSON = Statement(
    "items.json", "-- items.json\nselect $1::text::jsonb", parameters=("x",), **READ_ONLY
)
WRONG = Statement("items.wrong", "-- items.wrong\nselect $1::int", parameters=("x",), **READ_ONLY)
SLOW = Statement(
    "items.slow",
    "-- items.slow\nselect pg_sleep(5), $1::text",
    parameters=("x",),
    timeout=0.1,
    **READ_ONLY,
)
SHARED = Statement(
    "items.shared",
    "-- items.shared\nselect $1::text::int",
    parameters=("x",),
    batch=Batch(
        Statement(
            "items.shared",
            "-- items.shared\nselect x::int, n from unnest($1::text[]) with ordinality as c (x, n)",
            **READ_ONLY,
        ),
        size=16,
    ),
    **READ_ONLY,
)
EITHER = Dynamic(
    "items.either",
    ("-- items.either\nselect 1 where true", When(1, " and 1 = ", 0, "::text::int")),
    parameters=("x",),
    optional={"x": 1},
    **READ_ONLY,
)

FUNCTION = """
create function items_raise(name text) returns void language plpgsql as $$
begin
  raise exception 'refused' using detail = 'detail ' || name, hint = 'hint ' || name,
    errcode = '23514', constraint = 'names', table = 'item';
end $$
"""


def frames(error: BaseException) -> Iterator[tuple[str, str, object]]:
    """The local variables of ours on the way of an error, and of all that it comes from."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        each = todo.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        todo += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]
        place = each.__traceback__
        while place is not None:
            code = place.tb_frame.f_code
            if code.co_filename.startswith(OURS):
                for name, value in place.tb_frame.f_locals.items():
                    yield code.co_qualname, name, value
            place = place.tb_next


def sings(value: object, deep: int = 4) -> bool:
    """Whether the value shows the canary, as a reporter of errors would show it."""
    if CANARY in repr(value):
        return True
    if deep and isinstance(value, (list, tuple, set, frozenset)):
        return any(sings(part, deep - 1) for part in value)
    if deep and isinstance(value, dict):
        return any(sings(part, deep - 1) for part in (*value, *value.values()))
    return False


def check(error: BaseException) -> None:
    """Nothing of an error shows the canary: its text, its fields, those that it comes from."""
    for where, name, value in frames(error):
        assert not sings(value), f"{where}: {name}"
    todo: list[BaseException | None] = [error]
    while todo:
        each = todo.pop()
        if each is None:
            continue
        assert CANARY not in "".join((str(each), repr(each), repr(vars(each)), repr(each.args)))
        if isinstance(each, asyncpg.PostgresError):
            assert CANARY not in repr(each.as_dict())
        todo += [each.__cause__, each.__context__]


async def one_way(session: Any, way: str) -> object:
    """Sends the canary where it is refused."""

    async def later() -> AsyncIterator[tuple[Any, ...]]:
        yield (1, CANARY, 1, None)
        yield (2, CANARY, 1, None)

    match way:
        case "unique":
            await session.execute(INSERT, 1, CANARY, 0, None)
            return await session.fetchrow(INSERT, 2, CANARY, 0, None)
        case "one":
            return await session.fetchone(INSERT, 3, CANARY, -1, None)
        case "absent":
            return await session.fetchone(RENAME, 999, CANARY)
        case "value":
            return await session.fetchval(INSERT, CANARY, CANARY, 0, None)
        case "raise":
            return await session.fetch(RAISE, CANARY)
        case "cast":
            return await session.fetch(CAST, CANARY)
        case "json":
            return await session.fetchrow(JSON, CANARY)
        case "type":
            return await session.fetch(WRONG, CANARY)
        case "number":
            return await session.fetch(WRONG, CANARY, CANARY)
        case "slow":
            return await session.fetch(SLOW, CANARY)
        case "dynamic":
            statement, values = EITHER.choose(CANARY)
            return await session.fetch(statement, *values)
        case "batch":
            calls = (session.batched.fetchrow(SHARED, CANARY) for _ in range(8))
            found = await asyncio.gather(*calls, return_exceptions=True)
            for error in found[1:]:
                assert isinstance(error, BaseException)
                check(error)
            raise found[0]
        case "bulk":
            return await session.fetchmany(UNNEST_MANY, later(), tuple)
        case "rows":
            return await session.executemany(INSERT, [(1, CANARY, -1, None)] * 3, tuple)
        case "copy":
            from items import COPY, TARGET

            return await session.copy(COPY, TARGET, [(1, CANARY, "x", None)], tuple)
        case "copied":
            from items import COPY, TARGET

            return await session.copy(COPY, TARGET, [(1, CANARY, -1, None)] * 2, tuple)
        case "copy out":
            return await session.copy_out(CAST, (CANARY,), "/dev/null")
        case "stream":
            stream = session.stream(CAST, (CANARY,), list)
            return [row async for row in stream]
        case "chunks":
            stream = session.stream(CAST, (CANARY,), list)
            return [chunk async for chunk in stream.chunks()]
        case "raw":
            return await session.raw("fetch", "select $1::text::int", (CANARY,), None)
        case _:
            task = asyncio.ensure_future(session.fetch(SLOW, CANARY))
            await asyncio.sleep(0.05)
            task.cancel()
            return await task


WAYS = [
    *("unique", "one", "absent", "value", "raise", "cast", "json", "type", "number", "slow"),
    *("dynamic", "batch", "bulk", "rows", "copy", "copied", "copy out", "stream", "chunks", "raw"),
    "cancel",
]


@pytest.fixture
async def ready(url: str) -> str:
    connection = await asyncpg.connect(url)
    await connection.execute(FUNCTION)
    await connection.close()
    return url


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["pooled", "logged", "unit", "hooked"])
async def test_no_error_shows_a_value(
    ready: str, caplog: pytest.LogCaptureFixture, kind: str, way: str
):
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(repr(context)))
    hooks = Hooks()
    if kind == "hooked":

        @hooks.before_update(Item)
        async def before(event: Updating[Item]) -> None:
            told.append(repr(event) + repr(event.arguments))

    with warnings.catch_warnings(record=True) as warned:
        async with Database(ready, hooks=hooks, log_statements=kind == "logged") as db:
            with pytest.raises((Exception, asyncio.CancelledError)) as caught:
                if kind == "unit":
                    async with db.unit_of_work() as uow:
                        await one_way(uow.session, way)
                else:
                    await one_way(db.session, way)
            # The ways that are meant are refused by the library, not by a mistake of the test.
            assert isinstance(caught.value, (salacia_db.SalaciaError, asyncio.CancelledError)), (
                repr(caught.value)
            )
            check(caught.value)
            del caught
        gc.collect()
        await asyncio.sleep(0)
    for text in (*told, caplog.text, *(str(each.message) for each in warned)):
        assert CANARY not in text


@pytest.mark.parametrize("call", ["fetch", "fetchrow", "fetchval", "execute"])
async def test_raw_sql_shows_no_argument(db: Database, call: str):
    for target in (db, db.unit_of_work()):
        with pytest.raises(salacia_db.InvalidValue) as caught:
            if isinstance(target, Database):
                await getattr(target, call)("select $1::text::int", CANARY)
            else:
                async with target as uow:
                    await getattr(uow, call)("select $1::text::int", CANARY)
        check(caught.value)


async def test_waiting_for_a_connection_shows_no_argument(connect: Callable[..., Awaitable[Any]]):
    db = await connect(pool_max=1, pool_acquire=1)
    async with db.unit_of_work() as uow:
        await uow.execute("select 1")

        async def beside() -> None:
            await db.session.fetchrow(CAST, CANARY)

        with pytest.raises(salacia_db.PoolTimeout) as caught:
            await asyncio.ensure_future(beside())
        check(caught.value)


# --- passwords ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{CANARY}@127.0.0.1:1/x",
        f"postgresql://127.0.0.1:1/x?password={CANARY}",
        f"postgresql://u:{CANARY}@nowhere.invalid/x",
        f"postgresql://u:{CANARY}@127.0.0.1:1/x?sslmode=nonsense",
        f"postgresql://u:{CANARY}@127.0.0.1:1/x?sslmode=verify-full&sslrootcert=/nowhere",
    ],
)
async def test_a_password_shows_in_no_error(url: str):
    db = Database(url)
    assert CANARY not in repr(db) + repr(db.settings) + repr(vars(db)) + repr(Server(db.settings))
    with pytest.raises(salacia_db.ConnectionFailed) as caught:
        await db.open()
    check(caught.value)


async def test_a_wrong_password_shows_in_no_error(url: str, connect):
    db = await connect()
    await db.execute("select 1")
    with pytest.raises(salacia_db.ConnectionFailed) as caught:
        await Database(url.replace("://postgres@", f"://nobody:{CANARY}@", 1)).open()
    check(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://u:{CANARY}@h/db",
        f"postgresql://u:{CANARY}@[h/db",
        f"postgresql://u:{CANARY}@h:bad/db",
        f"postgresql://u:{CANARY}@x@h/db",
        f"postgresql://h/db?{CANARY}",
    ],
)
def test_a_bad_url_of_the_environment_shows_no_password(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(ConfigurationError) as caught:
        Database()
    check(caught.value)


# --- what others say ------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30))
def test_a_secret_shows_nothing(value: str):
    secret = Secret(f"{CANARY}{value}")
    assert CANARY not in f"{secret} {secret!r} {[secret]} {secret:>30}" + str(vars_of(secret))


def vars_of(secret: Secret[str]) -> object:
    return getattr(secret, "__dict__", None)


async def test_what_the_server_says_begins_no_line(db: Database, caplog: pytest.LogCaptureFixture):
    said = "ok\r\nERROR root forged\x1b[2J\x9b31m\u202e\u2028end"
    for code in ("P0001", "42703"):
        with pytest.raises(salacia_db.DatabaseError) as caught:
            await db.execute(
                f"do $$ begin raise exception '%', e'{escape(said)}' "
                f"using hint = e'{escape(said)}', errcode = '{code}'; end $$"
            )
        for text in (str(caught.value), str(caught.value.__cause__)):
            assert not set(text) & set("\r\n\x1b\x9b\u202e\u2028")
            assert r"ok\r\nERROR root forged\x1b[2J" in text


def escape(text: str) -> str:
    return "".join(f"\\u{ord(c):04x}" for c in text)
