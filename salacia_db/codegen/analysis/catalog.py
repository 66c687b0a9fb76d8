"""The catalog: what a database's system tables say of relations, types and functions, by oid."""

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from salacia_db.codegen.facts import PgType, Table

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
Event: TypeAlias = Literal["insert", "update", "delete", "truncate"]
FIRST_USER_OID = 16384  # FirstNormalObjectId: what lies below was made by initdb


class Function(Struct, frozen=True):
    """A row of pg_proc. `kind`: f(unction), a(ggregate), w(indow), p(rocedure).

    `body` is the printed tree of a function in standard SQL (`RETURN …`, `BEGIN ATOMIC …`).
    """

    oid: int
    schema: str
    name: str
    kind: str
    strict: bool
    volatility: Literal["i", "s", "v"]
    returns_set: bool
    language: str
    arguments: tuple[int, ...]
    result: int
    rows: float
    body: str = ""

    @property
    def builtin(self) -> bool:
        """Whether PostgreSQL itself brings it, so that its name tells what it does."""
        return self.oid < FIRST_USER_OID


class Trigger(Struct, frozen=True):
    """An enabled trigger; internal ones (foreign keys) are left out.

    `only_writes`: its function's comment vouches that it does no more than write rows, for each row
    of a statement what it would do if that came by itself.
    """

    name: str
    timing: Literal["before", "after", "instead"]
    per_row: bool
    events: frozenset[Event]
    function: int
    only_writes: bool = False


class Relation(Struct, frozen=True):
    """What the proofs need to know of one relation, beyond the facts that generated code shows.

    `not_null` and `not_null_alone` hold attribute numbers that can't be NULL when read with its
    descendants (`inh`) and ONLY. `keys` and `keys_alone` are, likewise, unique keys (sets of
    attribute numbers) that hold for every row read: valid, immediate, without predicate or
    expression, by the column's own collation and its type's default equality. Their columns may be
    nullable (compare with `not_null`), where several rows may hold NULL. `partial_keys` hold, by
    the same rules, for the rows of which the predicate is true: its printed tree comes second.

    `triggers`, `foreign`, `row_security`, `policy_functions` and `check_functions` (of constraints,
    indexes and generated columns) are those of the relation and of all its descendants. `rules` are
    the events of its rules, a view's own left out: other changes run as they are written.
    `cascades` are relations whose foreign keys pass on changes.

    `exclusive` are the attribute numbers on which rows exclude each other (unique indexes and
    exclusion constraints), 0 for what is no plain column. `deferrable`: some are checked later.
    """

    table: Table
    not_null: frozenset[int]
    not_null_alone: frozenset[int]
    keys: tuple[frozenset[int], ...]
    keys_alone: tuple[frozenset[int], ...]
    triggers: tuple[Trigger, ...]
    rules: frozenset[Event]
    row_security: bool
    foreign: bool
    policy_functions: frozenset[int] = frozenset()
    check_functions: frozenset[int] = frozenset()
    partial_keys: tuple[tuple[frozenset[int], str], ...] = ()
    cascades: frozenset[int] = frozenset()
    row_type: int = 0
    partition: bool = False
    extension: bool = False
    exclusive: frozenset[int] = frozenset()
    deferrable: bool = False


class Catalog(Struct, frozen=True):
    """Everything by oid, read in a few statements when the schema is loaded."""

    server_version: int
    types: dict[int, PgType]
    relations: dict[int, Relation]
    functions: dict[int, Function]
    operators: dict[int, tuple[str, int]]  # oid → (name, function oid)
    equality: frozenset[int]  # operators that are the equality of a btree operator class
    extension_types: frozenset[int] = frozenset()  # types that belong to an extension
    domain_functions: Mapping[int, frozenset[int]] = {}  # what the checks of a domain call
    keywords: frozenset[str] = frozenset()  # those that can't be any name unless quoted
    search_path: tuple[str, ...] = ()  # where names without a schema are found

    def relation_of_type(self, oid: int) -> Relation | None:
        """The relation whose rows have this composite type."""
        return next((r for r in self.relations.values() if r.row_type == oid), None)

    def quote(self, name: str) -> str:
        """The name as SQL takes it, in quotes where it needs them."""
        if _PLAIN.fullmatch(name) and name not in self.keywords:
            return name
        return '"' + name.replace('"', '""') + '"'
