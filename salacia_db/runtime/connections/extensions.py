"""Types that the driver has to look up: once for all connections, and with codecs of extensions.

Left alone, asyncpg asks about each enum, domain, composite or array of them anew on each
connection, in several round trips. Types of the usual extensions it carries as text: then it reads
no composite that holds one, and crashes the interpreter on an array with an empty element. Their
oids differ from database to database, so that their codecs are set when a type is looked up.
"""

import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import Any, NamedTuple

import asyncpg

_INT = struct.Struct("!i")


class SharedTypes(dict[int, Any]):
    """Types by oid; `forgotten` so many times, after which an older answer isn't to be added."""

    __slots__ = ("forgotten",)

    def __init__(self) -> None:
        super().__init__()
        self.forgotten = 0

    def forget(self) -> None:
        """Some of them have changed."""
        self.clear()
        self.forgotten += 1


class KnownTypes:
    """What connections have found out about the types of a database, by oid.

    A server of another life may have other types under these numbers, so that nothing is kept
    from one incarnation to the next, nor where that is unknown.
    """

    __slots__ = ("_incarnation", "_types")

    def __init__(self) -> None:
        self._incarnation: str | None = None
        self._types = SharedTypes()

    def of(self, incarnation: str | None) -> SharedTypes:
        """The types for a connection, which adds to them."""
        if incarnation is None or incarnation != self._incarnation:
            self._incarnation, self._types = incarnation, SharedTypes()
        return self._types


class _Known(NamedTuple):
    """In place of the statement that asked: it took no anonymous statement's place."""

    name: str = "known"


class TypedConnection(asyncpg.Connection):
    """asyncpg's connection, which knows the types of extensions, and those that others know.

    Each type in `known` stands behind those that it is made of; `before_types` sees to it that
    what others know is there, before anything is looked up. `learned_at` is when this connection
    asked the server last.
    """

    __slots__ = ("before_types", "known", "learned_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = SharedTypes()
        self.learned_at = 0.0
        self.before_types: Callable[[], Awaitable[None]] | None = None

    async def _introspect_types(self, typeoids: Any, timeout: float) -> Any:
        if self.before_types is not None and not self.is_in_transaction():
            await self.before_types()
        asked: Any = _Known()
        types: list[Any] = []
        if not self.known.keys() >= set(typeoids):
            introspect: Any = getattr(super(), "_introspect_types")  # noqa: B009 (not in the stubs)
            self.learned_at = monotonic()
            forgotten = self.known.forgotten
            types, asked = await introspect(typeoids, timeout)
            # What was asked before others noticed a change serves this statement only.
            if forgotten == self.known.forgotten:
                for row in types:
                    self.known.setdefault(row["oid"], row)
        if self.known.keys() >= set(typeoids):
            # All of them, so that the next statement finds them in place.
            types = list(self.known.values())
        settings: Any = self.get_settings()
        for row in types:
            codec = _CODECS.get(row["name"])
            if codec is not None and row["kind"] == b"b" and row["oid"] >= _FIRST_USER_OID:
                settings.add_python_codec(
                    row["oid"], row["name"], row["ns"], [], "scalar", *codec, "binary"
                )
        return types, asked


def _encode_text(value: str) -> bytes:
    return value.encode()


def _decode_text(data: bytes) -> str:
    return str(data, "utf-8")


def _encode_versioned(value: str) -> bytes:
    return b"\x01" + value.encode()


def _decode_versioned(data: bytes) -> str:
    return str(memoryview(data)[1:], "utf-8")


def encode_hstore(pairs: Mapping[str, str | None]) -> bytes:
    """hstore's binary form: the number of pairs, then each text behind its length."""
    parts = [_INT.pack(len(pairs))]
    for pair in pairs.items():
        for text in pair:
            data = b"" if text is None else text.encode()
            parts += (_INT.pack(-1 if text is None else len(data)), data)
    return b"".join(parts)


def decode_hstore(data: bytes) -> dict[str, str | None]:
    """The pairs of hstore's binary form."""
    at = _INT.size

    def text() -> str | None:
        nonlocal at
        (size,) = _INT.unpack_from(data, at)
        start = at + _INT.size
        at = start + max(size, 0)
        return None if size < 0 else str(data[start:at], "utf-8")

    (count,) = _INT.unpack_from(data)
    return {str(text()): text() for _ in range(count)}


def _vector(number: str) -> tuple[Callable[[Sequence[float]], bytes], Callable[[bytes], Any]]:
    """The codec of a vector: its dimensions, an unused word, its numbers in the given format."""

    def encode(numbers: Sequence[float]) -> bytes:
        return struct.pack(f"!hh{len(numbers)}{number}", len(numbers), 0, *numbers)

    def decode(data: bytes) -> list[float]:
        (count,) = struct.unpack_from("!h", data)
        return list(struct.unpack_from(f"!{count}{number}", data, 4))

    return encode, decode


_FIRST_USER_OID = 16384
_CODECS: dict[str, tuple[Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    "citext": (_encode_text, _decode_text),
    "ltree": (_encode_versioned, _decode_versioned),
    "lquery": (_encode_versioned, _decode_versioned),
    "ltxtquery": (_encode_versioned, _decode_versioned),
    "hstore": (encode_hstore, decode_hstore),
    "vector": _vector("f"),
    "halfvec": _vector("e"),
}
