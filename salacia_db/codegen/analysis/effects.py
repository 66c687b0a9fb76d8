"""Effects: what a statement reads and writes, and whether it leaves the session as it was."""

from collections.abc import Iterable, Iterator
from functools import cache

from msgspec import Struct

from salacia_db.codegen.analysis.catalog import FIRST_USER_OID, Catalog, Function, Relation
from salacia_db.codegen.analysis.tree import Node, parse_tree
from salacia_db.codegen.analysis.vetted import Touches, tells_time, touches
from salacia_db.codegen.analysis.walk import DELETE, INSERT, MERGE, SELECT, UPDATE, descend
from salacia_db.codegen.facts import Operation, PgType

_RELATION = 0  # RTEKind
_DO_UPDATE = 2  # OnConflictAction
_LAST_TIME = 8  # SVFOP_LOCALTIMESTAMP_N; later ones are names of roles and the like
_OPERATIONS: dict[int, Operation] = {INSERT: "create", UPDATE: "update", DELETE: "delete"}
# What the actions of a foreign key (ON DELETE CASCADE, SET NULL, …) do to other tables.
_CASCADING = frozenset(("update", "delete"))
_EVERYTHING = Touches.DATA | Touches.SESSION


class Effects(Struct, frozen=True):
    """What a statement does.

    `reads` and `writes` are relations by oid, in order, those of WITH queries and views included;
    what triggers and foreign keys change further isn't among them. `read_only`: nothing is written
    or locked, by functions included. `clean`: settings, temporary tables, session locks and the
    like stay as they were. `uses_time`: the result depends on the time. `not_read_only` and
    `not_clean` say what kept the statement from being so; empty where it is.
    """

    read_only: bool
    clean: bool
    reads: tuple[int, ...]
    writes: tuple[tuple[int, Operation], ...]
    uses_time: bool
    not_read_only: str = ""
    not_clean: str = ""


def effects(queries: list[Node], catalog: Catalog) -> Effects:
    """The effects of the rewritten trees of one statement.

    Without a tree, as for a utility statement, anything may happen.
    """
    if not queries:
        reason = "PostgreSQL tells nothing of this statement"
        return Effects(False, False, (), (), False, reason, reason)
    seen = _Seen(catalog)
    for query in queries:
        for node in descend(query):
            seen.visit(node)
    return Effects(
        read_only=Touches.DATA not in seen.reasons,
        clean=Touches.SESSION not in seen.reasons,
        reads=tuple(sorted(seen.reads)),
        writes=tuple(sorted(seen.writes)),
        uses_time=seen.uses_time,
        not_read_only=seen.reasons.get(Touches.DATA, ""),
        not_clean=seen.reasons.get(Touches.SESSION, ""),
    )


class _Seen:
    """What was found so far in the trees of a statement."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.reasons: dict[Touches, str] = {}
        self.reads: set[int] = set()
        self.writes: set[tuple[int, Operation]] = set()
        self.uses_time = False
        self.entered: set[int] = set()

    def visit(self, node: Node) -> None:
        """Take in one node."""
        if node.tag == "QUERY":
            self._query(node)
        elif node.tag == "SQLVALUEFUNCTION":
            self.uses_time = self.uses_time or node.number("op") <= _LAST_TIME
        elif node.tag == "NEXTVALUEEXPR":
            self._touch(Touches.DATA, "it takes a sequence's next value")
        for oid in self._called(node):
            self._call(oid)
        for oid in _converted(node):
            if oid >= FIRST_USER_OID:
                self._domains(self.catalog.types.get(oid))

    def _touch(self, touched: Touches, reason: str) -> None:
        for one in (Touches.DATA, Touches.SESSION):
            if one & touched:
                self.reasons.setdefault(one, reason)

    # --- relations --------------------------------------------------------------------------------

    def _query(self, query: Node) -> None:
        command = query.number("commandType")
        rtable = query.nodes("rtable")
        target = query.number("resultRelation")
        for index, entry in enumerate(rtable, 1):
            if entry.number("rtekind") == _RELATION and entry.get("relkind") in (
                "r",
                "p",
                "m",
                "f",
            ):
                self._read(entry.number("relid"), count=index != target or command != INSERT)
        if query.get("rowMarks"):
            self._touch(Touches.DATA, "it locks rows")
        if command == SELECT:
            return
        if command not in (INSERT, UPDATE, DELETE, MERGE) or not 0 < target <= len(rtable):
            self._touch(_EVERYTHING, "it is not understood")
            return
        self._write(rtable[target - 1].number("relid"), _operations(query))

    def _read(self, oid: int, *, count: bool) -> None:
        relation = self.catalog.relations.get(oid)
        if relation is None:
            if oid >= FIRST_USER_OID:
                self._touch(_EVERYTHING, "it reads a relation that is not known here")
            return
        if count:
            self.reads.add(oid)
        name = relation.table.ref.name
        if relation.foreign:
            self._touch(_EVERYTHING, f"{name} is a foreign table")
        if relation.row_security:
            for function in relation.policy_functions:
                self._call(function, f"a policy of {name} calls ")

    def _write(self, oid: int, operations: Iterable[Operation]) -> None:
        found = tuple(operations)
        self.writes.update((oid, operation) for operation in found)
        self._touch(Touches.DATA, "it writes")
        relation = self.catalog.relations.get(oid)
        if relation is None or relation.rules or relation.table.kind not in ("r", "p"):
            self._touch(Touches.SESSION, "its target has rules or is not a table")
            return
        self._fire(relation, _events(found))
        if _CASCADING & _events(found):
            self._cascade(relation, {oid})
        for function in relation.check_functions:
            self._call(function, f"a check, index or column of {relation.table.ref.name} calls ")

    def _cascade(self, relation: Relation, seen: set[int]) -> None:
        """What foreign keys change in turn may fire triggers, too."""
        for oid in relation.cascades - seen:
            seen.add(oid)
            reached = self.catalog.relations.get(oid)
            if reached is None:
                self._touch(_EVERYTHING, "a foreign key reaches a relation that is not known here")
                continue
            self._fire(reached, _CASCADING)
            self._cascade(reached, seen)

    def _fire(self, relation: Relation, events: frozenset[str]) -> None:
        for trigger in relation.triggers:
            if trigger.events & events and trigger.function >= FIRST_USER_OID:
                reason = f"the trigger {trigger.name} of {relation.table.ref.name} may do anything"
                self._touch(_EVERYTHING, reason)

    # --- functions and types ----------------------------------------------------------------------

    def _called(self, node: Node) -> Iterator[int]:
        for name in ("funcid", "aggfnoid", "winfnoid"):
            if node.number(name):
                yield node.number(name)
        # Operators of one's own types may stand in rows that are compared as a whole.
        for number in (node.number("opno"), *node.numbers("opnos")):
            if number:
                yield self.catalog.operators.get(number, ("", 0))[1]

    def _call(self, oid: int, prefix: str = "it calls ") -> None:
        function = self.catalog.functions.get(oid)
        if function is not None and self._enters(function):
            return
        found = touches(function)
        if found:
            name = "a function that is not known here" if function is None else function.name + "()"
            self._touch(found, prefix + name)
        if function is not None and tells_time(function):
            self.uses_time = True

    def _enters(self, function: Function) -> bool:
        """Whether the function's body could be looked through instead of the function itself."""
        nodes = _only_reading(function.body) if function.body else ()
        if nodes and function.oid not in self.entered:
            self.entered.add(function.oid)
            for node in nodes:
                self.visit(node)
        return bool(nodes)

    def _domains(self, type_: PgType | None) -> None:
        """A value of a domain passes its checks."""
        if type_ is None:
            return
        for function in self.catalog.domain_functions.get(type_.oid, ()):
            self._call(function, f"a check of {type_.name} calls ")
        if type_.element is not None:
            self._domains(type_.element)
        for _, attribute in type_.attributes:
            self._domains(attribute)


@cache
def _only_reading(body: str) -> tuple[Node, ...]:
    """The nodes of a function's printed body; none of one whose tree doesn't tell everything.

    It is as it was parsed: rules and column defaults are not applied, views not expanded.
    """
    try:
        nodes = tuple(descend(parse_tree(body.encode())))
    except ValueError:
        return ()
    for node in nodes:
        if node.tag == "QUERY" and node.number("commandType") != SELECT:
            return ()
        if node.number("relid") and node.get("relkind") == "v":
            return ()
    return nodes


def _operations(query: Node) -> Iterator[Operation]:
    command = query.number("commandType")
    if command == MERGE:
        for action in query.nodes("mergeActionList"):
            if action.number("commandType") in _OPERATIONS:
                yield _OPERATIONS[action.number("commandType")]
        return
    conflict = query.node("onConflict")
    upsert = conflict is not None and conflict.number("action") == _DO_UPDATE
    yield "upsert" if upsert else _OPERATIONS[command]


def _events(operations: Iterable[Operation]) -> frozenset[str]:
    """The triggers' events that the operations raise."""
    raised: dict[Operation, tuple[str, ...]] = {
        "create": ("insert",),
        "update": ("update", "insert", "delete"),  # a row that moves to another partition
        "delete": ("delete",),
        "upsert": ("insert", "update", "delete"),
    }
    return frozenset(event for operation in operations for event in raised[operation])


def _converted(node: Node) -> Iterator[int]:
    """The types into which the node brings a value that may not have been of it."""
    for name in ("resulttype", "funcresulttype", "paramtype", "typid"):
        if node.number(name):
            yield node.number(name)
    yield from node.numbers("funccoltypes")
    yield from node.numbers("coltypes")
