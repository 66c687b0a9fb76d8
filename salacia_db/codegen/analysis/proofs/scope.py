"""A scope: one query while it is judged, and what is known of the rows that it returns."""

from collections.abc import Iterable
from typing import Protocol

from salacia_db.codegen.analysis.catalog import Catalog, Relation
from salacia_db.codegen.analysis.names import plain
from salacia_db.codegen.analysis.proofs.keys import ColumnKey, Key
from salacia_db.codegen.analysis.proofs.proof import Proof
from salacia_db.codegen.analysis.tree import Node


class Facts:
    """What holds for every row that a query returns.

    `known` are values that aren't NULL, with the place of the condition that says so. `present` are
    range table entries (joins included) that no outer join filled with NULLs.
    """

    __slots__ = ("forced", "known", "present")

    def __init__(self) -> None:
        self.known: dict[Key, int | None] = {}
        self.present: set[int] = set()
        self.forced: set[int] = set()
        """Entries that a known value or a join shows to be present."""

    def learn(self, known: dict[Key, int | None]) -> bool:
        """Add known values; whether any of them is news."""
        news = False
        for key, place in known.items():
            if key not in self.known:
                self.known[key] = place
                news = True
                if isinstance(key, tuple) and key[0] == 0:
                    self.forced.add(key[1])
        return news

    def find(self, entries: Iterable[int]) -> bool:
        """Add present entries; whether any of them is news."""
        before = len(self.present)
        self.present.update(entries)
        self.forced.update(self.present)
        return len(self.present) > before


class Prover(Protocol):
    """The rules, as they call each other."""

    catalog: Catalog
    given: frozenset[int]
    """The numbers of the parameters for which NULL is never sent."""

    def prove(self, node: Node, scope: "Scope") -> Proof:
        """Whether the expression can be NULL in a row of the scope."""
        ...

    def column(self, entry: int, attribute: int, scope: "Scope") -> Proof:
        """Whether a column of a range table entry of this very scope can be NULL."""
        ...

    def columns(self, query: Node, parent: "Scope | None", given: frozenset[int]) -> list[Proof]:
        """A query's output columns; `given` are attribute numbers known not to be NULL."""
        ...

    def assume(self, scope: "Scope", known: dict[Key, int | None]) -> "Scope":
        """The scope for those of its rows in which these values aren't NULL."""
        ...

    def one_row(self, query: Node) -> bool:
        """Whether the query returns exactly one row whatever the data."""
        ...

    def has_row(self, query: Node) -> bool:
        """Whether the query's FROM and WHERE surely leave a row, before any grouping."""
        ...

    def inside(self, query: Node, parent: "Scope | None") -> "Scope":
        """The scope of a query, its joins and conditions understood."""
        ...


class Scope:
    """One query level. `base` is the scope without what is only assumed of single rows."""

    __slots__ = (
        "base",
        "before",
        "cache",
        "compared",
        "ctes",
        "facts",
        "lost",
        "parent",
        "prover",
        "query",
        "rtable",
        "settled",
    )

    def __init__(self, query: Node, parent: "Scope | None", prover: Prover) -> None:
        self.query = query
        self.parent = parent
        self.prover = prover
        self.rtable = query.nodes("rtable")
        self.facts = Facts()
        self.lost: dict[int, Proof] = {}
        """Why an entry may be filled with NULLs, by its index."""
        self.base = self
        self.before: Scope | None = None
        """In RETURNING: the rows as they were found, before the statement changed them."""
        self.settled = False
        """In RETURNING: the conditions spoke of other rows than these; don't ask them again."""
        self.cache: dict[tuple[int, frozenset[int]], list[Proof]] = {}
        self.ctes: dict[str, list[Proof]] = {}
        self.compared: list[Proof] = []
        """Columns of the subquery in the `x IN (SELECT …)` that is being judged."""

    @property
    def catalog(self) -> Catalog:
        """The catalog that the tree's oids refer to."""
        return self.prover.catalog

    def prove(self, node: Node) -> Proof:
        """Whether the expression can be NULL in a row of this scope."""
        return self.prover.prove(node, self)

    def never_null(self, node: Node) -> bool:
        """Whether the expression is proven not to be NULL."""
        return not self.prover.prove(node, self).nullable

    def ancestor(self, levels: int) -> "Scope | None":
        """The query so many levels further out."""
        scope: Scope | None = self
        for _ in range(levels):
            scope = None if scope is None else scope.parent
        return scope

    def entry(self, index: int) -> Node | None:
        """The range table entry with this index, which counts from 1."""
        return self.rtable[index - 1] if 0 < index <= len(self.rtable) else None

    def relation(self, index: int) -> Relation | None:
        """The relation that the entry reads, if it reads one that the catalog knows."""
        entry = self.entry(index)
        return None if entry is None else self.catalog.relations.get(entry.number("relid"))

    def name(self, index: int) -> str:
        """What a person calls the entry: its table, its alias or the kind of thing that it is."""
        relation = self.relation(index)
        if relation is not None:
            return relation.table.ref.name
        entry = self.entry(index)
        alias = None if entry is None else entry.node("alias")
        if entry is not None and (alias is not None or entry.get("ctename")):
            return plain(entry.get("ctename") if alias is None else alias.get("aliasname"))
        kind = -1 if entry is None else entry.number("rtekind")
        return _KINDS.get(kind, "a FROM item")

    def condition(self, key: ColumnKey) -> "tuple[bool, int | None]":
        """Whether a condition here or further out lets no NULL of a column through; its place."""
        levels, entry, attribute = key
        scope: Scope | None = self
        for distance in range(levels, -1, -1):
            if scope is None:
                break
            inner = (distance, entry, attribute)
            if inner in scope.facts.known:
                return True, scope.facts.known[inner]
            scope = scope.parent
        return False, None


_KINDS = {
    1: "a subquery",
    2: "a join",
    3: "a function",
    4: "a table function",
    5: "VALUES",
    6: "a WITH query",
}
