"""Commits whose command or reply is lost, and errors that are swallowed."""

from contextlib import suppress

import asyncpg

from faults.clients import Session
from faults.ledger import Entry
from faults.proxy import once
from faults.scenario import Bench, scenario
from salacia_db.runtime import IntegrityError


@scenario("COMMIT cut before the server has it", quick=20, full=500)
async def commit_cut_before(bench: Bench) -> None:
    def cut() -> None:
        bench.proxy.rule = once(b"COMMIT", "before")

    for _ in range(bench.attempts):
        await bench.attempt(before_commit=cut)


@scenario("COMMIT carried out, its reply cut", quick=20, full=500)
async def commit_cut_after(bench: Bench) -> None:
    def cut() -> None:
        bench.proxy.rule = once(b"COMMIT", "after")

    for _ in range(bench.attempts):
        await bench.attempt(before_commit=cut)


@scenario("an error swallowed inside the transaction", quick=20, full=500)
async def swallowed_error(bench: Bench) -> None:
    async def work(session: Session, entry: Entry) -> None:
        await session.write_all(entry)
        with suppress(IntegrityError, asyncpg.IntegrityConstraintViolationError):
            await session.write(entry, 0)

    for _ in range(bench.attempts):
        await bench.attempt(work)
