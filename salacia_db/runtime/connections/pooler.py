"""Connections through a pooler that lends its own for a transaction, as PgBouncer may.

From one transaction to the next the session is another one, perhaps on another server. So nothing
is prepared under a name, nothing is kept in the session, and there is nothing to reset.
"""

import re
from functools import lru_cache
from time import monotonic
from typing import Any, NamedTuple

from salacia_db.runtime.connections.connection import INCARNATION, Connection, RawConnection
from salacia_db.runtime.errors import UsageError
from salacia_db.runtime.statement import Statement


class PooledRawConnection(RawConnection):
    """The driver's connection, which sends nothing that would stay in a session."""

    __slots__ = ()

    statement_cache_size = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # To look up types the driver would switch it off, and on again in another session.
        known: Any = getattr(self, "_server_caps")  # noqa: B009 (not in the stubs)
        self._server_caps = known._replace(jit=False)

    async def add_listener(self, channel: str, callback: Any) -> None:
        raise _refused("LISTEN", _LISTEN)

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        if not args:
            # Not remembered: where the transaction begins, the text holds values.
            check(query)
        return await super().execute(query, *args, timeout=timeout)

    async def _get_statement(self, query: str, *args: Any, **kwargs: Any) -> Any:
        _check_once(query)
        get: Any = getattr(super(), "_get_statement")  # noqa: B009 (not in the stubs)
        return await get(query, *args, **kwargs)


class PooledConnection(Connection):
    """A connection whose sessions are those of a pooler."""

    __slots__ = ()

    wanders = True

    async def _fetch_incarnation(self) -> str | None:
        found: str | None = await self.raw.fetchval(INCARNATION)
        return found

    async def prepare(self, statement: Statement) -> Any:
        """The statement without a name. What the server tells of it holds for one call only.

        It keeps the session until the call has ended, since the driver doesn't end the implicit
        transaction before that.
        """
        self.prepared_at = monotonic()
        prepared = await self.raw.prepare(statement.sql, name="")
        self.held = {statement: prepared}
        self.full = True
        return prepared


class _Rule(NamedTuple):
    pattern: re.Pattern[str]
    what: str
    instead: str


def _rule(pattern: str, what: str, instead: str) -> _Rule:
    return _Rule(re.compile(pattern, re.DOTALL), what, instead)


_LISTEN = "connect to PostgreSQL itself for it"
_LOCAL = "give it to `unit_of_work(settings=…)`, or make it local to the transaction"
# The driver uses other statements than those of its caller.
_UNNAMED = "leave it out: statements are prepared where they run"
# Of a command in small letters, with neither comments nor what stands in quotes.
_RULES = (
    _rule(r"^(?:un)?listen\b", "LISTEN", _LISTEN),
    _rule(r"^set\b(?!\s+(?:local|transaction|constraints)\b)", "SET", _LOCAL),
    _rule(r"^reset\b", "RESET", _LOCAL),
    _rule(
        r"\bset_config\s*\((?!(?:[^()]|\([^()]*\))*,\s*(?:is_local\s*[=:][>=]\s*)?true\s*\))",
        "set_config() without `true` at its end",
        _LOCAL,
    ),
    _rule(
        r"\bpg_(?:try_)?advisory_lock(?:_shared)?\s*\(",
        "a session-level advisory lock",
        "use pg_advisory_xact_lock() in a unit of work",
    ),
    _rule(r"^prepare\b(?!\s+transaction\b)", "PREPARE", _UNNAMED),
    _rule(r"^deallocate\b", "DEALLOCATE", _UNNAMED),
    _rule(r"^discard\b", "DISCARD", "leave it to the pooler"),
    _rule(r"^load\b", "LOAD", "set shared_preload_libraries on the server"),
    _rule(
        r"^create\s+(?:(?:global|local)\s+)?temp(?:orary)?\s"
        r"(?!\s*(?:sequence|view)\b)(?!.*\bon\s+commit\s+drop\b)",
        "a temporary table that outlives its transaction",
        "say ON COMMIT DROP, in a unit of work",
    ),
    _rule(
        r"^declare\b.*\bwith\s+hold\b",
        "a cursor WITH HOLD",
        "leave out WITH HOLD, in a unit of work",
    ),
)
_HIDDEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|e'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\""
    r"|\$((?:[a-z_]\w*)?)\$.*?\$\1\$",
    re.DOTALL,
)
_NAME = re.compile(r"-- ([\w.]+)\n")


def check(sql: str) -> None:
    """Raises `UsageError` where the text, as far as it shows, would leave something in a session.

    What functions and DO blocks do isn't seen.
    """
    for command in _HIDDEN.sub(_blank, sql.lower()).split(";"):
        for rule in _RULES:
            if rule.pattern.search(command.strip()):
                name = _NAME.match(sql)
                what = rule.what if name is None else f"{name[1]}: {rule.what}"
                raise _refused(what, rule.instead)


_check_once = lru_cache(maxsize=1024)(check)


def _blank(match: re.Match[str]) -> str:
    return " " if match[0].startswith(("--", "/*")) else "''"


def _refused(what: str, instead: str) -> UsageError:
    return UsageError(
        f"{what} needs a session of its own, which a pooler in transaction mode doesn't give: "
        f"{instead}"
    )
