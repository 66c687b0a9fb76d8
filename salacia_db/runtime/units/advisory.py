"""Advisory locks: those of PostgreSQL's on a number, held until the transaction ends."""

from hashlib import blake2b

from salacia_db.runtime.errors import InvalidArgument
from salacia_db.runtime.statement import Statement

_BITS = 64


def _statement(name: str, function: str) -> Statement:
    name = f"salacia_db.{name}"
    sql = f"-- {name}\nselect pg_catalog.{function}($1::pg_catalog.int8)"
    return Statement(name, sql, parameters=("key",), read_only=True, clean=True)


LOCK = _statement("advisory_lock", "pg_advisory_xact_lock")
TRY_LOCK = _statement("try_advisory_lock", "pg_try_advisory_xact_lock")


def lock_key(key: int | str) -> int:
    """The number that is locked: the key itself, or of a text the first 8 bytes of its BLAKE2b.

    (big-endian, signed). Raises `InvalidArgument`.
    """
    if isinstance(key, str):
        return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)
    if isinstance(key, bool) or not isinstance(key, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        expected = "a whole number or a text"
    elif not -(1 << _BITS - 1) <= key < 1 << _BITS - 1:
        expected = "a number of 64 bits"
    else:
        return key
    raise InvalidArgument(f"`key` has to be {expected}", parameter="key", expected=expected)
