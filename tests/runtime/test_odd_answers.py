"""Answers that make no sense: no caller is told wrong, and the pool is whole afterwards."""

import asyncio
import io
import struct
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import count
from typing import Any

import asyncpg
import pytest
from cutting_proxy import CuttingProxy
from items import Database, Item
from slots import all_slots, settled

from salacia_db.runtime import (
    CommitOutcomeUnknown,
    ConnectionFailed,
    ConnectionLost,
    DeadlineExceeded,
    Statement,
    Stream,
    listening,
)
from salacia_db.runtime.connections.loss import misread, of_a_value

# --- what is odd ----------------------------------------------------------------------------------


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def problem(severity: bytes, state: bytes) -> bytes:
    return message(b"E", b"S%b\0V%b\0C%b\0Mit happened\0\0" % (severity, severity, state))


FATAL = problem(b"FATAL", b"57P01")
ERROR = problem(b"ERROR", b"22000")
# What nobody asked for, and nothing depends on.
ASIDE = (
    message(b"N", b"SNOTICE\0VNOTICE\0C00000\0Mlook\0\0")
    + message(b"S", b"work_mem\0004MB\0")
    + message(b"A", struct.pack("!i", 7) + b"other\0\0")
    + message(b"?", b"unknown")
)
# Whatever follows is part of it.
ENDLESS = b"D\x3f\xff\xff\xff"
READY = b"Z"

Change = Callable[[bytes], bytes]
ODD: dict[str, Change] = {
    "aside": lambda m: ASIDE + m,
    "last words": lambda m: FATAL + m,
    "last words after": lambda m: m + FATAL if m[:1] == READY else m,
    "error after": lambda m: m + ERROR if m[:1] == READY else m,
    "ready again": lambda m: m + m if m[:1] == READY else m,
    # What lacks something of CSV is CSV still, and the tag of a command without its number a tag;
    # of a setting the driver takes the next message for a part, and waits until the deadline.
    "empty": lambda m: m if m[:1] in b"dS" else message(m[:1], b""),
    "cut short": lambda m: m if m[:1] in b"dSC" else message(m[:1], m[5:-2]),
}


class Oddity:
    """Changes the n-th message that can be in what the server answers from now on.

    Of several alike in a row, as rows are, only the first is counted.
    """

    def __init__(self, proxy: CuttingProxy, name: str, at: int) -> None:
        self.kind = b""
        self._change = ODD.get(name, lambda m: ENDLESS + m)
        self._left = at
        self._before = b""
        self._unfinished = 0
        proxy.reply = self._rule

    def _rule(self, data: bytes) -> bytes | None:
        if self.kind or len(data) == 1:  # the answer to who asks for TLS
            return None
        at = self._unfinished
        while at < len(data):
            kind = data[at : at + 1]
            end = at + 1 + int.from_bytes(data[at + 1 : at + 5])
            changed = self._change(data[at:end])
            if kind != self._before and changed != data[at:end]:
                self._left -= 1
            if self._left < 0:
                self.kind = kind
                return data[:at] + changed + data[end:]
            self._before, at = kind, end
        self._unfinished = at - len(data)
        return None


# --- calls, and what they give --------------------------------------------------------------------

ROW = (1, "first", 0, None)
ITEM = Item(*ROW)
MANY = Statement("items.many", "select g from generate_series(1, 600) g", read_only=True)
TYPED = Statement("items.typed", "select i, array[i] from item i", read_only=True, clean=True)
DIRTY = "select set_config('application_name', 'changed', false)"

Call = Callable[[Database], Coroutine[Any, Any, object]]


async def read(stream: Stream[Any]) -> int:
    seen = 0
    async with stream:
        async for _ in stream:
            seen += 1
    return seen


async def copied_out(db: Database) -> int:
    out = io.BytesIO()
    await db.session.copy_out(MANY, (), out)
    return len(out.getvalue().split())


async def nested(db: Database) -> object:
    async with db.unit_of_work() as uow:
        await uow.items.list()
        async with uow.unit_of_work() as inner:
            await inner.items.insert(*ROW)
        with suppress(ValueError):
            async with uow.unit_of_work() as inner:
                await inner.items.insert(2)
                raise ValueError
        return await uow.items.list()


async def copied_in_a_unit(db: Database) -> int:
    async with db.unit_of_work() as uow:
        await uow.items.list()
        return await uow.items.copy([ROW])


READS: dict[str, tuple[Call, object]] = {
    "fetch": (lambda db: db.items.list(), []),
    "types": (lambda db: db.session.fetch(TYPED), []),
    "stream": (lambda db: read(db.session.stream(MANY, (), list)), 600),
    "copy out": (copied_out, 601),
    "raw, and a reset": (lambda db: db.fetchval(DIRTY), "changed"),
}
WRITES: dict[str, tuple[Call, object]] = {
    "write": (lambda db: db.items.insert(*ROW), ITEM),
    "bulk": (lambda db: db.items.unnest_many([ROW]), [ITEM]),
    "many": (lambda db: db.items.add_many([ROW]), 1),
    "copy": (lambda db: db.items.copy([ROW]), 1),
    "nested": (nested, [ITEM]),
    "copy in a unit": (copied_in_a_unit, 1),
}


async def told(work: Coroutine[Any, Any, object]) -> tuple[object, BaseException | None]:
    """What the work gives, and what it raises; it ends, though its deadline is not measured."""
    async with asyncio.timeout(30):
        (found,) = await asyncio.gather(work, return_exceptions=True)
    return (None, found) if isinstance(found, BaseException) else (found, None)


async def whole(db: Database, bystander: asyncpg.Connection) -> None:
    """The pool's only connection works, and its answers are those to what was asked."""
    await settled(db, bystander)
    expected = [Item(*row) for row in await bystander.fetch("table item")]
    async with asyncio.timeout(20):
        while True:
            # Where the odd came after its last reply, who comes next finds out.
            with suppress(ConnectionLost, DeadlineExceeded):
                assert await db.items.list() == expected
                assert await db.items.divide(by=3) == 4
                assert len(await all_slots(db)) == 1
                break


async def hit(
    db: Database,
    proxy: CuttingProxy,
    bystander: asyncpg.Connection,
    name: str,
    oddity: str,
    at: int,
) -> bool:
    """Calls where the n-th message of the answers is odd; whether it came so far."""
    call, right = (READS | WRITES)[name]
    await bystander.execute("truncate item cascade")
    odd = Oddity(proxy, oddity, at)
    found, error = await told(call(db))
    proxy.heal()
    where = (oddity, at, odd.kind, error)
    await whole(db, bystander)
    there = await bystander.fetchval("select count(*) from item")
    if error is None:
        assert found == right, where
        assert there == (name in WRITES), where
    elif isinstance(error, CommitOutcomeUnknown):
        known = "committed" if there else "aborted"
        assert await error.resolve(db) in (known, "unknown"), where
    else:
        assert isinstance(error, (ConnectionLost, DeadlineExceeded)), where
        assert there == 0, where
    assert error is None or oddity != "aside", where
    # At its deadline on a slow machine, it hadn't come so far.
    return bool(odd.kind) or isinstance(error, DeadlineExceeded)


@pytest.mark.parametrize("name", READS | WRITES)
async def test_who_calls_is_told_right_and_the_pool_is_whole(
    connect, proxy: CuttingProxy, bystander, name: str
) -> None:
    db = await connect(url=proxy.url, pool_max=1)
    for oddity in ODD:
        at = 0
        while True:
            await bystander.execute("truncate item cascade")
            await (READS | WRITES)[name][0](db)  # so that all is prepared, and nothing looked up
            if not await hit(db, proxy, bystander, name, oddity, at):
                break
            at += 1
        assert at > 0


@pytest.mark.parametrize("name", ["types", "write", "copy"])
async def test_so_is_who_calls_first(connect, proxy: CuttingProxy, bystander, name: str) -> None:
    for oddity in ODD:
        for at in count():
            async with Database(proxy.url, pool_max=1, close_timeout=1.0) as db:
                if not await hit(db, proxy, bystander, name, oddity, at):
                    break
        assert at > 0


@pytest.mark.parametrize("name", ["stream", "raw, and a reset", "write", "copy", "nested"])
async def test_so_is_who_gets_no_end_of_an_answer(
    connect, proxy: CuttingProxy, bystander, name: str
) -> None:
    db = await connect(url=proxy.url, pool_max=1, timeout=0.15)
    for at in count():
        if not await hit(db, proxy, bystander, name, "endless", at):
            break
    assert at > 3


@pytest.mark.parametrize("oddity", [*ODD, "endless"])
async def test_a_connection_is_opened_whole_or_not(proxy: CuttingProxy, oddity: str) -> None:
    settings = {} if oddity == "aside" else {"connect_timeout": 0.5}
    at, opened = 0, False
    while not opened:
        odd = Oddity(proxy, oddity, at)
        db = Database(proxy.url, pool_max=1, close_timeout=1.0, **settings)
        _, error = await told(db.open())
        proxy.heal()
        if error is None:
            _, error = await told(db.items.list())
            assert error is None or isinstance(error, ConnectionLost), (oddity, at, odd.kind)
            opened = not odd.kind
            await db.close()
        else:
            assert isinstance(error, ConnectionFailed), (oddity, at, odd.kind, error)
        assert error is None or oddity != "aside"
        # Where nothing was odd, the machine was too slow.
        at += bool(odd.kind)
    assert at > 0


@pytest.mark.parametrize("oddity", [*ODD, "endless"])
async def test_who_listens_hears_or_is_told(
    connect, proxy: CuttingProxy, bystander, monkeypatch, oddity: str
) -> None:
    db = await connect(url=proxy.url, pool_max=1)
    at, heard = 0, False
    while not heard:
        armed: list[Oddity] = []

        def arm(data: bytes, at: int = at, armed: list[Oddity] = armed) -> None:
            if b"LISTEN" in data:
                armed.append(Oddity(proxy, oddity, at))

        proxy.rule = arm
        listener = db.listen("jobs")
        monkeypatch.setattr(listening, "_ANSWER", 0.3 if oddity == "endless" else 10.0)
        _, error = await told(listener.__aenter__())
        monkeypatch.setattr(listening, "_ANSWER", 10.0)
        proxy.heal()
        hit = any(odd.kind for odd in armed)
        if error is None:
            heard = not hit
            await is_heard(listener, bystander)
        else:
            assert isinstance(error, ConnectionFailed), (oddity, at, error)
        await listener.__aexit__(None, None, None)
        assert error is None or oddity != "aside"
        at += hit
    assert at > 0


async def is_heard(listener: listening.Listener, bystander: asyncpg.Connection) -> None:
    """It may have to listen anew, and says then that it has missed some."""
    async with asyncio.timeout(20):
        heard = ""
        while not heard:
            await bystander.execute("notify jobs, 'one'")
            with suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    heard = (await anext(listener)).payload


@pytest.mark.parametrize("error", [TypeError(), ValueError(), BufferError()])
def test_what_compiled_code_raises_is_told_by_its_file(error: Exception) -> None:
    def raised(*files: str) -> Exception:
        source = "def call(*inner):\n    if inner: inner[0](*inner[1:])\n    raise error"
        calls: list[Callable[..., object]] = []
        for file in files:
            space: dict[str, Any] = {"error": error.with_traceback(None)}
            exec(compile(source, file, "exec"), space)
            calls.append(space["call"])
        with pytest.raises(type(error)) as caught:
            calls[0](*calls[1:])
        return caught.value

    protocol, value, codec = "asyncpg/protocol/x.pyx", "asyncpg/pgproto/codecs/x.pyx", "codec.py"
    assert misread(raised(protocol))
    assert not of_a_value(raised(protocol))
    assert of_a_value(raised(protocol, value))
    assert of_a_value(raised(protocol, codec))
    assert not misread(raised(protocol, codec))
    assert not of_a_value(raised(codec))
    assert not misread(raised(codec))
