"""A scenario: what goes wrong, how often, and what was found afterwards."""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic
from typing import Any

import asyncpg
from msgspec import Struct, field

from faults import checks
from faults.clients import Asyncpg, Client, Salacia, Session
from faults.ledger import SCHEMA, Entry, Ledger
from faults.proxy import CuttingProxy
from faults.servers import BreakableServer, breakable_server
from salacia_db.postgres.scratch import scratch_databases

Body = Callable[["Bench"], Coroutine[Any, Any, None]]
Step = Callable[[Session, Entry], Awaitable[None]]

# So long after its deadline a caller counts as one who never comes back.
_PATIENCE = 3.0


class Scenario(Struct, frozen=True):
    """A fault, and who has to bear it.

    `quick` and `full` are numbers of attempts; what they mean is the body's to say. `own` servers
    can be restarted; else the scenario has a database of its own on a server that others use, too.
    `settings` are those of an own server. `ci`: part of the quick selection that the tests run.
    `programs` must be there, else it is not run. `against` are the libraries.
    """

    name: str
    title: str
    body: Body
    quick: int
    full: int
    size: int = 4
    timeout: float = 1.0
    acquire: float = 5.0
    own: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    ci: bool = True
    programs: tuple[str, ...] = ()
    against: tuple[type[Client], ...] = (Salacia, Asyncpg)

    def lacking(self) -> str | None:
        """Why it can't be run here; None where it can."""
        missing = [each for each in self.programs if find_program(each) is None]
        return f"{', '.join(missing)} not found" if missing else None


class Found(Struct):
    """What a scenario found for one library. `recovery_s` is None where the pool didn't recover."""

    attempts: int
    violations: dict[str, int]
    recovery_s: float | None
    told: dict[str, int]


class NotRun(Exception):
    """Raised by a scenario's body where something that it needs isn't there: says what."""


SCENARIOS: dict[str, Scenario] = {}


def scenario(title: str, *, quick: int, full: int, **options: Any) -> Callable[[Body], Body]:
    """Registers a function as a scenario; its name, with dashes, is the scenario's."""

    def register(body: Body) -> Body:
        name = body.__name__.replace("_", "-")
        assert name not in SCENARIOS, name
        SCENARIOS[name] = Scenario(name, title, body, quick, full, **options)
        return body

    return register


def find_program(name: str) -> str | None:
    """A program on PATH, or where Debian keeps those of administrators."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


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

    def __init__(self, scenario: Scenario, attempts: int) -> None:
        self.scenario = scenario
        self.attempts = attempts
        self.ledger = Ledger()
        self.violations = checks.none()
        self.told: Counter[str] = Counter()
        self.recovery_s: float | None = None
        self._recovered = False
        self._lag = checks.Lag()
        self._server: BreakableServer | None = None
        self._abandoned: set[asyncio.Task[Any]] = set()

    @property
    def server(self) -> BreakableServer:
        """The scenario's own server."""
        assert self._server is not None, "say own=True"
        return self._server

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
        if not self._recovered:
            self._recovered, self.recovery_s = True, took
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
        return Found(
            attempts=self.told.total(),
            violations={letter: self.violations[letter] for letter in "ABCPSDLK"},
            recovery_s=None if self.recovery_s is None else round(self.recovery_s, 2),
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
        async with AsyncExitStack() as stack:
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
            self.client = library(self.proxy.url, scenario.size, scenario.timeout, scenario.acquire)
            await self.client.open()
            stack.push_async_callback(self._close)
            await scenario.body(self)
            return await self.check()

    async def _close(self) -> None:
        closing = asyncio.ensure_future(self.client.close())
        await asyncio.wait({closing, *self._abandoned}, timeout=5.0)


async def run(scenario: Scenario, library: type[Client], *, quick: bool) -> Found:
    """Runs a scenario for one library. Raises `NotRun`."""
    lacking = scenario.lacking()
    if lacking is not None:
        raise NotRun(lacking)
    return await Bench(scenario, scenario.quick if quick else scenario.full).run(library)
