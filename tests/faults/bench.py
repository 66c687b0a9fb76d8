"""The bench: what a scenario's body works with, and the checks after it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
from msgspec import Struct

from faults import checks
from faults.clients import Client, Salacia, Session
from faults.ledger import SCHEMA, Entry, Ledger
from faults.proxy import CuttingProxy
from faults.servers import BreakableServer, breakable_server
from salacia_db.postgres.scratch import scratch_databases

if TYPE_CHECKING:
    from faults.scenario import Scenario

T = TypeVar("T")
Step = Callable[[Session, Entry], Awaitable[None]]

# So long after its deadline a caller counts as one who never comes back.
_PATIENCE = 3.0


class Found(Struct):
    """What a scenario found for one library.

    `recovery_s` is the longest that the pool took to recover, None where it didn't.
    """

    attempts: int
    violations: dict[str, int]
    recovery_s: float | None
    told: dict[str, int]


class Bench:
    """What a scenario's body works with.

    `client` is the library under test, connected through `proxy`. `ledger` knows every attempt.
    `bystander` is a connection that no fault touches, unless the server itself goes away: `direct`
    is the URL for another. `fresh` is what `checks.STATE` says of a new connection. `server` is
    there for scenarios with `own=True`.
    """

    client: Client
    fresh: str
    proxy: CuttingProxy
    bystander: asyncpg.Connection
    direct: str

    def __init__(self, scenario: "Scenario", attempts: int) -> None:
        self.scenario = scenario
        self.attempts = attempts
        self.ledger = Ledger()
        self.violations = checks.none()
        self.told: Counter[str] = Counter()
        self._recoveries: list[float | None] = []
        self._lag = checks.Lag()
        self._server: BreakableServer | None = None
        self._abandoned: set[asyncio.Task[Any]] = set()

    @property
    def server(self) -> BreakableServer:
        """The scenario's own server."""
        assert self._server is not None, "say own=True"
        return self._server

    async def keep(self, context: AbstractAsyncContextManager[T]) -> T:
        """Enters something that the checks after the body need, too; it is left after them."""
        return await self._stack.enter_async_context(context)

    # --- attempts ---------------------------------------------------------------------------------

    async def attempt(
        self,
        work: Step | None = None,
        *,
        before_commit: Callable[[], object] | None = None,
        deadline: float | None = None,
        cancel_after: Iterable[float] = (),
    ) -> Entry:
        """A transaction that writes all parts of an entry, or does `work`; never raises.

        `before_commit` is called at the end of the block. It is cancelled after so many seconds,
        each counted from the one before. The deadline is one wait for a connection and one stalled
        statement, where it isn't given.
        """

        async def transaction(entry: Entry) -> None:
            async with self.client.unit(entry) as session:
                if work is None:
                    await session.write_all(entry)
                else:
                    await work(session, entry)
                if before_commit is not None:
                    before_commit()

        return await self.observe(transaction, deadline=deadline, cancel_after=cancel_after)

    async def observe(
        self,
        call: Callable[[Entry], Coroutine[Any, Any, object]],
        *,
        hooks: bool = True,
        deadline: float | None = None,
        cancel_after: Iterable[float] = (),
    ) -> Entry:
        """Any call that writes an entry: what its caller is told, and when; never raises."""
        if deadline is None:
            deadline = self.client.acquire + self.client.timeout
        entry = self.ledger.open(deadline, hooks=hooks)
        began = monotonic()
        task = asyncio.ensure_future(call(entry))
        for pause in cancel_after:
            await asyncio.wait({task}, timeout=pause)
            task.cancel()
        await asyncio.wait({task}, timeout=deadline + _PATIENCE)
        entry.seconds = monotonic() - began
        entry.lag = self._lag.since(began)
        if not task.done():
            entry.told = "hung"
            task.cancel()
            self._abandoned.add(task)
            return entry
        try:
            task.result()
        except (Exception, asyncio.CancelledError) as error:
            entry.error = error
            entry.told = self.client.told(error)
        else:
            entry.told = "committed"
        return entry

    async def attempts_at_once(self, count: int, **options: Any) -> list[Entry]:
        """So many attempts, all begun at once."""
        return await asyncio.gather(*(self.attempt(**options) for _ in range(count)))

    async def all_write(self, work: Step | None = None) -> None:
        """An attempt on each of the pool's connections at once; whoever fails is counted in P."""
        everybody = asyncio.Barrier(self.client.size)

        async def meet(session: Session, entry: Entry) -> None:
            try:
                await (session.write_all(entry) if work is None else work(session, entry))
            except BaseException:
                await everybody.abort()
                raise
            await everybody.wait()

        entries = await self.attempts_at_once(self.client.size, work=meet)
        self.violations["P"] += sum(entry.told != "committed" for entry in entries)

    async def alone_at_once(self, count: int) -> None:
        """So many lone statements, without a transaction around them, all begun at once."""
        write = self.client.write_alone
        await self.together(self.observe(write, hooks=False) for _ in range(count))

    async def together(self, work: Iterable[Coroutine[Any, Any, object]]) -> None:
        """All of it at once."""
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)

    @asynccontextmanager
    async def load(
        self, callers: int | None = None, *, pause: float = 0.002, **options: Any
    ) -> AsyncIterator[None]:
        """Callers who make one attempt after the other while the block runs, with pauses."""
        over = False

        async def caller() -> None:
            while not over:
                await self.attempt(**options)
                await asyncio.sleep(pause)

        callers = callers or 2 * self.client.size
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(caller())
            try:
                yield
            finally:
                over = True

    # --- looking ----------------------------------------------------------------------------------

    async def backends(self) -> list[int]:
        """The process ids of the server's sessions of the client."""
        rows = await self.bystander.fetch(
            "select pid from pg_stat_activity "
            "where datname = current_database() and application_name = $1",
            self.client.application,
        )
        return [row[0] for row in rows]

    async def fill(self) -> None:
        """Has the pool open all its connections."""
        assert await checks.lends_all(self.client) is not None

    async def recovered(self) -> float | None:
        """The seconds from now until the pool lends all its connections at once.

        Called by a body where the fault goes on, or where it has just ended; else at the end.
        """
        took = await checks.lends_all(self.client)
        if took is None:
            self.violations["P"] += 1
        self._recoveries.append(took)
        return took

    async def connect_again(self) -> None:
        """A new bystander, after the server has been away."""
        self.bystander.terminate()
        self.bystander = await asyncpg.connect(self.direct)

    async def check(self) -> Found:
        """All invariants, once the body is done and every fault is over."""
        self.proxy.heal()
        await self.recovered()
        if self.bystander.is_closed():
            await self.connect_again()
        await self.settle()
        took = [each for each in self._recoveries if each is not None]
        whole = len(took) == len(self._recoveries)
        return Found(
            attempts=self.told.total(),
            violations={letter: self.violations[letter] for letter in "ABCPSDLK"},
            recovery_s=round(max(took), 2) if whole else None,
            told=dict(self.told),
        )

    async def settle(self) -> None:
        """Compares what callers were told so far with what is there, and closes the ledger.

        Nobody may be making an attempt meanwhile.
        """
        if isinstance(self.client, Salacia):
            await self.ledger.resolve(self.client.db)
        self.violations["S"] += await checks.sessions(self.client, self.bystander)
        self.violations["L"] += await checks.states(self.client, self.fresh)
        self.violations["D"] += checks.lateness(self.ledger.entries)
        self.violations.update(await self.ledger.compare(self.bystander))
        self.told.update(self.ledger.told)
        self.ledger.entries.clear()

    async def run(self, library: type[Client]) -> Found:
        """Runs the scenario for one library. Raises `NotRun`."""
        scenario = self.scenario
        async with AsyncExitStack() as self._stack:
            stack = self._stack
            await stack.enter_async_context(self._lag)
            if scenario.own:
                self._server = await stack.enter_async_context(breakable_server(scenario.settings))
                self.direct = self._server.url()
            else:
                databases = stack.enter_context(scratch_databases())
                self.direct = databases.create()
            self.bystander = await asyncpg.connect(self.direct)
            stack.callback(lambda: self.bystander.terminate())
            await self.bystander.execute(SCHEMA)
            self.proxy = await stack.enter_async_context(CuttingProxy(self.direct))
            self.fresh = await self.bystander.fetchval(checks.STATE)
            self.client = library(
                *(self.proxy.url, scenario.size, scenario.timeout, scenario.acquire),
                pooled=scenario.pooled,
            )
            await self.client.open()
            stack.push_async_callback(self._close)
            await scenario.body(self)
            return await self.check()

    async def _close(self) -> None:
        closing = asyncio.ensure_future(self.client.close())
        await asyncio.wait({closing, *self._abandoned}, timeout=5.0)
