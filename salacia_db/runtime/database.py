"""The database: configuration, pool, session and units of work under one name.

A generated package derives its own two classes from those here, and adds its groups:

    class UnitOfWork(runtime.UnitOfWork):
        @lazy
        def messages(self) -> Messages:
            return Messages(self.session)

    class Database(runtime.Database[UnitOfWork]):
        unit_of_work_class = UnitOfWork

        @lazy
        def messages(self) -> Messages:
            return Messages(self.session)

    def connect(
        url: str | None = None,
        *,
        profile: Profile | None = None,
        hooks: Hooks | None = None,
        **settings: Unpack[Overrides],
    ) -> Database:
        return Database(url, profile=profile, hooks=hooks, **settings)

Neither class has slots, and neither constructor is overridden, so that groups can be cached.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, ClassVar, Generic, Self, TypeVar, TypeVarTuple, Unpack, cast

from salacia_db.config import EMBEDDED_DATABASE, Overrides, Profile, load_settings
from salacia_db.runtime.connections.connection import NEVER, Connection
from salacia_db.runtime.connections.pool import Pool
from salacia_db.runtime.connections.role_check import check_role
from salacia_db.runtime.connections.server import Server
from salacia_db.runtime.errors import ConfigurationError, ConnectionFailed, Outcome, UsageError
from salacia_db.runtime.finding.finder import Finder
from salacia_db.runtime.listening import Listener
from salacia_db.runtime.place import caller
from salacia_db.runtime.pooled import PooledSession
from salacia_db.runtime.required import RefusingSession, check_given
from salacia_db.runtime.session import Session
from salacia_db.runtime.statement import Row
from salacia_db.runtime.units.again import run
from salacia_db.runtime.units.commit import outcome
from salacia_db.runtime.units.hooks import Hooks
from salacia_db.runtime.units.late import LateRunner
from salacia_db.runtime.units.options import Isolation, Options, Setting, UnitOptions
from salacia_db.runtime.units.session import TransactionSession
from salacia_db.runtime.units.transaction import Transaction
from salacia_db.runtime.units.unit_of_work import UnitOfWork
from salacia_db.runtime.unseen import forget, unseen
from salacia_db.runtime.watching import Watching
from salacia_db.runtime.watching.stats import Stats

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
U = TypeVar("U", bound=UnitOfWork)


class Database(Finder[Session], Generic[U]):
    """A database, with a pool of connections: `async with connect() as db`.

    Or `db = await connect().open()` and in the end `await db.close()`. It belongs to the event
    loop and the process that opened it. Configuration is read at once, connections are opened by
    `open`.
    """

    unit_of_work_class: ClassVar[type[UnitOfWork]] = UnitOfWork
    search_path: ClassVar[tuple[str, ...]] = ()
    """The schemas in which the generator found what the statements name without one."""

    def __init__(
        self,
        url: str | None = None,
        *,
        profile: Profile | None = None,
        hooks: Hooks | None = None,
        **settings: Unpack[Overrides],
    ) -> None:
        try:
            self.settings = load_settings(url, profile=profile, **settings)
        except ConfigurationError as error:
            url = None
            forget(error)
            raise
        self.hooks = hooks if hooks is not None else Hooks()
        self.timeout = NEVER if self.settings.timeout is None else self.settings.timeout
        self._server = Server(self.settings, self._search_path())
        self._watching = Watching.of(self.settings, self.open_connection)
        watching = self._watching
        self.pool = (
            Pool(self.settings.pool, self.open_connection) if watching is None else watching.pool
        )
        self._late = LateRunner(self.hooks, self.settings.hook_timeout)
        self._retries = 0
        self._pooled = PooledSession(self) if watching is None else watching.session(self)
        self._required = self.settings.require_settings
        self.session: Session = RefusingSession(self._required) if self._required else self._pooled
        self._make_transaction = Transaction if watching is None else watching.transaction
        self._make_session = TransactionSession if watching is None else watching.unit_session

    def __repr__(self) -> str:
        # While a wrong setting is being told there is none yet.
        settings = getattr(self, "settings", None)
        return f"<{type(self).__qualname__} {settings.location if settings else 'not configured'}>"

    # --- opening and closing ----------------------------------------------------------------------

    async def open(self) -> Self:
        """Opens the first connection. Raises `ConnectionFailed`.

        And `ConfigurationError` for a role that `role_check` refuses.

        An `embedded:` server is started if it doesn't run.
        """
        if self.settings.embedded:
            self._server.move(await asyncio.to_thread(_start_embedded, self.settings.url))
        await self.pool.open()
        try:
            await check_role(self.pool, self.settings)
        except BaseException:
            await self.pool.close(0)
            raise
        return self

    async def close(self) -> None:
        """Runs what queues for a batch, waits for hooks in the background and connections in use.

        Each for up to `close_timeout` seconds; then they are ended.
        """
        patience = self.settings.close_timeout
        try:
            await self._pooled.flush(patience)
            await self._late.close(patience)
        except asyncio.CancelledError:
            # Who is cancelled waits for nobody more, and leaves no connection open all the same.
            await self._end(0)
            raise
        await self._end(patience)

    async def _end(self, patience: float) -> None:
        async with AsyncExitStack() as stack:
            if self._watching is not None:
                stack.push_async_callback(self._watching.close)
            # What the last units of work left behind.
            stack.push_async_callback(self._late.close, patience)
            await self.pool.close(patience)

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    # --- units of work ----------------------------------------------------------------------------

    def unit_of_work(
        self,
        *,
        isolation: Isolation | None = None,
        read_only: bool = False,
        deferrable: bool = False,
        settings: Mapping[str, Setting] | None = None,
        defer_begin: bool = False,
    ) -> U:
        """A transaction: `async with db.unit_of_work() as uow`.

        `settings` are transaction-local, and travel with BEGIN. With `defer_begin` the transaction
        begins with the first statement that isn't proven to read the same without one. Raises
        `UsageError` for what can't be, and where a setting of `require_settings` is missing.
        """
        options = Options(isolation, read_only, deferrable, settings or {}, defer_begin)
        if self._required:
            check_given(self._required, options.settings)
        transaction = self.transaction(options, caller())
        session = self._make_session(transaction, self.hooks, limit=self.settings.fetch_limit)
        return cast("U", self.unit_of_work_class(session, self._late))

    async def run(
        self,
        function: Callable[[U, *Ts], Awaitable[T]],
        *args: *Ts,
        attempts: int = 10,
        seconds: float = 30.0,
        **options: Unpack[UnitOptions],
    ) -> T:
        """What `await function(uow, *args)` returns, once its unit of work is committed.

        The whole function runs again, in a new unit, where a serialization failure, a deadlock, a
        schema that changed or a lost connection undid it: up to `attempts` times in all, and until
        `seconds` have passed, with random pauses that grow. Then the last error is raised, as any
        other is at once, `CommitOutcomeUnknown` above all. What the function does beside its unit
        of work happens each time. `options` are those of `unit_of_work`.
        """
        return await run(
            lambda: self.unit_of_work(**options),
            function,
            args,
            attempts=attempts,
            seconds=seconds,
            retried=self._retried,
        )

    # --- SQL that the generator hasn't seen -------------------------------------------------------

    @unseen
    async def fetch(self, sql: str, *args: Any, timeout: float | None = None) -> list[Row]:
        """The rows of a statement, with `$1`, `$2` … for its arguments."""
        rows: list[Row] = await self.session.raw("fetch", sql, args, timeout)
        return rows

    @unseen
    async def fetchrow(self, sql: str, *args: Any, timeout: float | None = None) -> Row | None:
        """The first row of a statement, or None."""
        row: Row | None = await self.session.raw("fetchrow", sql, args, timeout)
        return row

    @unseen
    async def fetchval(self, sql: str, *args: Any, timeout: float | None = None) -> Any:
        """The first value of a statement's first row, or None."""
        return await self.session.raw("fetchval", sql, args, timeout)

    @unseen
    async def execute(self, sql: str, *args: Any, timeout: float | None = None) -> int:
        """Runs a statement, or several where there are no arguments; the rows affected last."""
        count: int = await self.session.raw("execute", sql, args, timeout)
        return count

    # --- what others send -------------------------------------------------------------------------

    def listen(self, *channels: str, limit: int = 10_000) -> Listener:
        """What NOTIFY sends on these channels: `async with db.listen("jobs") as notifications`.

        On a connection of its own beside the pool. Up to `limit` that nobody has read are kept.
        Raises `UsageError` for a name that can't be one, and through a pooler in transaction mode.
        """
        if self.settings.pooler is not None:
            raise UsageError(
                "LISTEN needs a session of its own, which a pooler in transaction mode doesn't "
                "give: connect to PostgreSQL itself for it"
            )
        return Listener(self.open_connection, channels, limit=limit)

    # --- what can be seen of it -------------------------------------------------------------------

    def stats(self) -> Stats:
        """The pool's state and what it has counted; of each statement, where that is measured."""
        watching = self._watching
        return Stats(
            pool=self.pool.stats(),
            retries=self._retries,
            statements={} if watching is None else watching.tally.stats(),
        )

    # --- for the runtime --------------------------------------------------------------------------

    def _search_path(self) -> tuple[str, ...]:
        wanted = self.settings.search_path
        if wanted == "server":
            return ()
        return self.search_path if wanted == "generated" else tuple(wanted)

    async def open_connection(self) -> Connection:
        """A connection beside the pool; the caller ends it. Raises `ConnectionFailed`."""
        return await self._server.connect()

    async def outcome(self, xid: int, incarnation: str, timeout: float) -> Outcome:
        """What became of a transaction; `CommitOutcomeUnknown.resolve` asks that."""
        return await outcome(self.open_connection, xid, incarnation, timeout)

    def transaction(self, options: Options, where: str) -> Transaction:
        """What a new unit of work stands on."""
        return self._make_transaction(
            self.pool, self.open_connection, timeout=self.timeout, options=options, where=where
        )

    def _retried(self) -> None:
        self._retries += 1
        if self._watching is not None:
            self._watching.retried()


def _start_embedded(url: str) -> str:
    # Imported late: production needs no server of its own.
    from salacia_db.postgres import PostgresError, embedded_url

    try:
        return embedded_url(url, EMBEDDED_DATABASE)
    except PostgresError as error:
        raise ConnectionFailed(f"no embedded server: {error}") from None
