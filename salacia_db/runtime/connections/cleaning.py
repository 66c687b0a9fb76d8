"""Cleaning: what a borrower has left in a session is gone before the next one has it."""

from salacia_db.runtime.connections.connection import Connection

# What DISCARD ALL does, without what breaks the driver's own prepared statements.
RESET = (
    "RESET SESSION AUTHORIZATION; RESET ALL; CLOSE ALL; UNLISTEN *; "
    "SELECT pg_advisory_unlock_all(); DISCARD SEQUENCES; DISCARD TEMP"
)
# To list those that are held costs more than all the rest.
_DEALLOCATE = (
    "SELECT string_agg(format('DEALLOCATE %I', name), '; ') FROM pg_prepared_statements "
    "WHERE NOT starts_with(name, '__asyncpg_stmt_')"
)


async def clean(connection: Connection) -> None:
    """Puts the session back as it was when it was opened. Raises the driver's errors.

    A connection on which somebody has changed how values are read can't be put back: it ends when
    it is given back.
    """
    raw = connection.raw
    raw.forget_listeners()
    if raw.altered:
        connection.retire()
    if raw.is_in_transaction():
        await raw.execute("ROLLBACK")
    if not connection.wanders:
        await _reset(connection)
    connection.dirty = False


async def _reset(connection: Connection) -> None:
    raw = connection.raw
    await raw.execute(RESET)
    if connection.named:
        left: str | None = await raw.fetchval(_DEALLOCATE)
        if left is not None:
            await raw.execute(left)
        connection.named = connection.names
