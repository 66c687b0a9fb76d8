"""The proxy: each way to break a connection, seen from both ends."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from faults.proxy import CuttingProxy, after_bytes, always, once


class Echo:
    """A server that answers what it is sent, and keeps what it was sent."""

    def __init__(self) -> None:
        self.got = b""
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                self.got += data
                writer.write(data)
        except OSError:
            pass
        finally:
            self.ended.set()
            writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Echo, CuttingProxy]]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with CuttingProxy(f"postgresql://me@127.0.0.1:{port}/base") as proxy:
        yield echo, proxy
    server.close()


async def dial(proxy: CuttingProxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = proxy.url.removeprefix("postgresql://me@").removesuffix("/base").partition(":")
    return await asyncio.open_connection(host, int(port))


async def ask(proxy: CuttingProxy, data: bytes = b"COMMIT") -> bytes:
    """What comes back, to the end or until nothing has come for a moment; b"!" at a reset."""
    reader, writer = await dial(proxy)
    writer.write(data)
    back = b""
    try:
        while part := await asyncio.wait_for(reader.read(65536), 0.1):
            back += part
    except TimeoutError:
        back += b"?"
    except ConnectionResetError:
        back += b"!"
    finally:
        writer.transport.abort()
    return back


async def test_everything_passes_both_ways(echo) -> None:
    assert await ask(echo[1]) == b"COMMIT?"


async def test_a_cut_before_keeps_it_from_the_server(echo) -> None:
    server, proxy = echo
    proxy.rule = once(b"COMMIT", "before")
    assert await ask(proxy) == b""
    assert await ask(proxy) == b"COMMIT?"
    assert server.got == b"COMMIT"


async def test_a_cut_after_lets_it_through_and_keeps_the_answer(echo) -> None:
    server, proxy = echo
    proxy.rule = once(b"COMMIT", "after")
    assert await ask(proxy) == b""
    assert server.got == b"COMMIT"


async def test_a_hole_swallows_and_stays_open_until_it_is_healed(echo) -> None:
    server, proxy = echo
    proxy.rule = always(b"", "hole")
    reader, writer = await dial(proxy)
    writer.write(b"COMMIT")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.1)
    assert server.got == b""
    assert not server.ended.is_set()
    proxy.heal()
    assert await asyncio.wait_for(reader.read(1), 1) == b""
    await asyncio.wait_for(server.ended.wait(), 1)
    writer.close()


async def test_bytes_are_counted(echo) -> None:
    server, proxy = echo
    proxy.rule = after_bytes(3)
    assert await ask(proxy) in (b"", b"COM")
    assert server.got == b"COM"
    proxy.reply = after_bytes(2)
    assert await ask(proxy) == b"CO"


async def test_what_passes_can_be_replaced(echo) -> None:
    proxy = echo[1]
    proxy.reply = once(b"COMMIT", b"garble")
    assert await ask(proxy) == b"garble?"


async def test_a_cut_can_be_a_reset(echo) -> None:
    proxy = echo[1]
    proxy.resetting = True
    proxy.rule = always(b"", "before")
    assert await ask(proxy) == b"!"


async def test_all_can_be_cut_at_once_and_refused(echo) -> None:
    server, proxy = echo
    reader, writer = await dial(proxy)
    writer.write(b"x")
    assert await reader.read(1) == b"x"
    proxy.cut()
    assert await asyncio.wait_for(reader.read(1), 1) == b""
    await asyncio.wait_for(server.ended.wait(), 1)
    writer.close()
    proxy.refusing = True
    assert await ask(proxy) in (b"", b"!")
    proxy.heal()
    assert await ask(proxy) == b"COMMIT?"


@pytest.mark.parametrize("slow", [{"delay": 0.03}, {"rate": 200.0}, {"rule": always(b"", 0.03)}])
async def test_what_passes_can_be_slow(echo, slow: dict[str, object]) -> None:
    proxy = echo[1]
    for name, value in slow.items():
        setattr(proxy, name, value)
    began = time.monotonic()
    assert await ask(proxy) == b"COMMIT?"
    assert time.monotonic() - began >= 0.03 + 0.1


async def test_new_clients_can_be_led_to_another_server(echo) -> None:
    first, proxy = echo
    second = Echo()
    server = await asyncio.start_server(second.serve, "127.0.0.1", 0)
    proxy.lead_to(f"postgresql://me@127.0.0.1:{server.sockets[0].getsockname()[1]}/base")
    assert await ask(proxy) == b"COMMIT?"
    assert (first.got, second.got) == (b"", b"COMMIT")
    server.close()


async def test_a_server_away_cuts_the_client() -> None:
    async with CuttingProxy("postgresql://me@127.0.0.1:1/base") as proxy:
        assert await ask(proxy) in (b"", b"!")
