"""Requests a second that the gateway answers: the list of messages, and recording one.

A server and its clients are two processes. Each client has a connection that it keeps, and sends a
request when it has the answer to the last one.
"""

import argparse
import asyncio
import multiprocessing
import re
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import msgspec
import uvloop

from load import load
from salacia_db.postgres.scratch import scratch_database
from served import served

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
WORDS = "the table keeps what was asked and what was answered "
MESSAGE = {
    "model": "gpt-4",
    "request": {"messages": [{"role": "user", "content": WORDS * 20}]},
    "response": {
        "choices": [{"message": {"content": WORDS * 20}}],
        "usage": {"input_tokens": 250, "output_tokens": 250},
    },
    "statusCode": 200,
    "responseTimeMs": 800,
}


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """A request as it is sent."""
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nuser-agent: scripts/requests\r\n"
    if body:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


REQUESTS = {
    "GET /api/messages": request("GET", "/api/messages"),
    "POST /api/messages": request("POST", "/api/messages", msgspec.json.encode(MESSAGE)),
}


@dataclass
class Counted:
    """Answers, and the seconds that each took."""

    seconds: float = 0.0
    failed: int = 0
    times: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        times = sorted(self.times)
        p50, p99 = (times[int(len(times) * part)] * 1000 for part in (0.5, 0.99))
        rate = len(times) / self.seconds
        told = f"{rate:.0f} a second, p50 {p50:.1f} ms, p99 {p99:.1f} ms"
        return told + (f", {self.failed} FAILED" if self.failed else "")


class Client(asyncio.Protocol):
    """A connection on which one request follows the other until `end`."""

    def __init__(self, sent: bytes, end: float, counted: Counted) -> None:
        self.sent = sent
        self.end = end
        self.counted = counted
        self.answer = b""
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.start = perf_counter()
        self.transport.write(self.sent)

    def data_received(self, data: bytes) -> None:
        self.answer += data
        head = self.answer.find(b"\r\n\r\n") + 4
        if head < 4:
            return
        length = LENGTH.search(self.answer, 0, head)
        if length is None or len(self.answer) < head + int(length[1]):
            return
        now = perf_counter()
        self.counted.times.append(now - self.start)
        self.counted.failed += not self.answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201"))
        self.answer = b""
        if now < self.end:
            self.send()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.over.set_result(None)


async def _ask(address: str, sent: bytes, clients: int, seconds: float) -> Counted:
    parts, counted = urlsplit(address), Counted()
    loop = asyncio.get_running_loop()
    start = perf_counter()
    end = start + seconds
    made = [Client(sent, end, counted) for _ in range(clients)]
    for client in made:
        await loop.create_connection(lambda client=client: client, parts.hostname, parts.port)
    await asyncio.gather(*(client.over for client in made))
    counted.seconds = perf_counter() - start
    return counted


def ask(address: str, sent: bytes, clients: int, seconds: float) -> Counted:
    """What came of asking so long."""
    return uvloop.run(_ask(address, sent, clients, seconds))


def main() -> None:
    parser = argparse.ArgumentParser(prog="./scripts/requests", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="messages that are there before")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10, help="for each kind of request")
    parser.add_argument("--serve", nargs="*", default=[], help="arguments of `salacia serve`")
    options = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    with scratch_database() as url, spawn.Pool(1) as pool:
        asyncio.run(load(url, options.rows))
        with served(url, *options.serve) as address:
            for name, sent in REQUESTS.items():
                for seconds in (min(2.0, options.seconds), options.seconds):  # the first to warm up
                    counted = pool.apply(ask, (address, sent, options.clients, seconds))
                print(f"{name}: {counted}", flush=True)


if __name__ == "__main__":
    main()
