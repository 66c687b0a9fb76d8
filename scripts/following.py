"""Many followers of the gateway's stream, in a process of their own: what each was told, and when.

They share what they read: a part of the stream that is the same for all is taken apart once, and an
id is kept once.
"""

import asyncio
import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import Connection
from time import perf_counter, process_time
from typing import Any
from urllib.parse import urlsplit

import uvloop

EVENT = re.compile(rb'event: (?:message:created|(gap))\ndata: {(?:"id":"([^"]*)")?')
MARKS = (0.5, 0.99, 1.0)
WAIT, PAUSE = 20.0, 0.1


@dataclass
class Told:
    """What all followers were told.

    `latencies` are seconds: median, of 99 %, and the longest; `processor` those that it all took.
    """

    lost: int = 0
    twice: int = 0
    gaps: int = 0
    latencies: tuple[float, ...] = ()
    processor: float = 0.0


@lru_cache(maxsize=64)
def messages(part: bytes) -> tuple[list[bytes], int]:
    """The messages of whole events, and how many gaps are among these."""
    found = EVENT.findall(part)
    return [message for gap, message in found if not gap], sum(bool(gap) for gap, _ in found)


class Follower(asyncio.Protocol):
    """One stream: which messages came, and when each did."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.ids: list[bytes] = []
        self.times = array("d")
        self.gaps = 0
        self.left = b""

    def connection_made(self, transport: Any) -> None:
        transport.write(b"GET /api/events/messages HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        now = perf_counter()
        whole, _, self.left = (self.left + data).rpartition(b"\n\n")
        if b"retry:" in whole:
            self.ready.set()
        ids, gaps = messages(whole)
        self.ids += ids
        self.times.extend([now] * len(ids))
        self.gaps += gaps


def follow(address: str, count: int, pipe: Connection) -> None:
    """Follows until it is sent what was committed when, by id; answers with a `Told`."""
    uvloop.run(_follow(address, count, pipe))


async def _follow(address: str, count: int, pipe: Connection) -> None:
    parts = urlsplit(address)
    loop = asyncio.get_running_loop()
    followers = [Follower() for _ in range(count)]
    for each in followers:
        await loop.create_connection(lambda each=each: each, parts.hostname, parts.port)
    async with asyncio.timeout(WAIT):
        await asyncio.gather(*(each.ready.wait() for each in followers))
    pipe.send(None)
    committed: dict[bytes, float] = await loop.run_in_executor(None, pipe.recv)
    for _ in range(int(WAIT / PAUSE)):
        if all(len(each.ids) >= len(committed) for each in followers):
            break
        await asyncio.sleep(PAUSE)
    pipe.send(_told(followers, committed))


def _told(followers: list[Follower], committed: Mapping[bytes, float]) -> Told:
    told, late = Told(processor=process_time()), array("d")
    for each in followers:
        came = dict(zip(reversed(each.ids), reversed(each.times), strict=True))
        told.gaps += each.gaps
        told.twice += len(each.ids) - len(came)
        told.lost += len(committed.keys() - came.keys())
        late.extend(
            time - committed[message] for message, time in came.items() if message in committed
        )
    ordered = sorted(late) or [0.0]
    told.latencies = tuple(ordered[min(int(len(ordered) * p), len(late) - 1)] for p in MARKS)
    return told
