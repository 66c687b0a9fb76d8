"""System metadata: facts about the installation itself, each under its key."""

from salacia import Queries, SystemMetadata
from salacia_db.gateway.errors import Missing, invalid

_LONGEST = 255


async def get(queries: Queries, key: str) -> SystemMetadata:
    """The fact under a key. Raises `Missing` where there is none."""
    return _there(await queries.system_metadata.get(key=key))


async def put(
    queries: Queries, key: str, value: str, *, description: str | None = None
) -> SystemMetadata:
    """Writes the fact under a key, whether or not there was one; a description left out stays.

    Raises `InvalidArgument` for a key that is empty or longer than 255 characters.
    """
    if not isinstance(key, str) or not 1 <= len(key) <= _LONGEST:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise invalid("key", f"a text of 1 to {_LONGEST} characters")
    return await queries.system_metadata.set(key=key, value=value, description=description)


async def delete(queries: Queries, key: str) -> SystemMetadata:
    """Forgets the fact under a key, and returns what it was. Raises `Missing`."""
    return _there(await queries.system_metadata.delete(key=key))


async def with_prefix(queries: Queries, prefix: str = "") -> list[SystemMetadata]:
    """The facts whose key begins with these characters, by key; `%` and `_` mean themselves."""
    return await queries.system_metadata.with_prefix(prefix=prefix)


def _there(fact: SystemMetadata | None) -> SystemMetadata:
    if fact is None:
        raise Missing("fact")
    return fact
