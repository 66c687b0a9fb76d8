"""Effects: what a statement reads and writes, and whether it leaves the session as it was."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from salacia_db.codegen.analysis.calls import called, converted, only_reading, reads_text
from salacia_db.codegen.analysis.catalog import FIRST_USER_OID, Catalog, Function, Relation
from salacia_db.codegen.analysis.touched import cascaded, read_columns, written_columns
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.vetted import Touches, bound, tells_time, touches
from salacia_db.codegen.analysis.walk import DELETE, INSERT, MERGE, SELECT, UPDATE, descend
from salacia_db.codegen.facts import Operation, PgType

_RELATION = 0  # RTEKind
_DO_UPDATE = 2  # OnConflictAction
LAST_TIME = 8  # SVFOP_LOCALTIMESTAMP_N; later ones are names of roles and the like
_OPERATIONS: dict[int, Operation] = {INSERT: "create", UPDATE: "update", DELETE: "delete"}
# What the actions of a foreign key (ON DELETE CASCADE, SET NULL, …) do to other tables.
_CASCADING = frozenset(("update", "delete"))
_TIMES = (1082, 1083, 1114, 1184, 1266)  # date, time, timestamp, timestamptz, timetz
_EVERYTHING = Touches.DATA | Touches.SESSION


class Effects(Struct, frozen=True):
    """What a statement does.

    `reads` and `writes` are relations by oid, in order, those of WITH queries and views included;
    what triggers and foreign keys change further isn't among them. `read_only`: nothing is written
    or locked, by functions included. `clean`: settings, temporary tables, session locks and the
    like stay as they were. `uses_time`: what it returns or writes may depend on the transaction's
    time. `before_begin`: in READ COMMITTED it reads the same before its transaction begins as
    within, and takes nothing that is held to the end. `not_read_only` and `not_clean` say what kept
    the statement from being so; empty where it is.

    `columns_read` and `columns_written` are the names of columns by relation, the changes that
    foreign keys pass on included; None where it may be any of any table.
    """

    read_only: bool
    clean: bool
    reads: tuple[int, ...]
    writes: tuple[tuple[int, Operation], ...]
    uses_time: bool
    before_begin: bool
    not_read_only: str = ""
    not_clean: str = ""
    columns_read: dict[int, frozenset[str]] | None = None
    columns_written: dict[int, frozenset[str]] | None = None


def effects(queries: list[Node], catalog: Catalog) -> Effects:
    """The effects of the rewritten trees of one statement.

    Without a tree, as for a utility statement, anything may happen.
    """
    if not queries:
        reason = "PostgreSQL tells nothing of this statement"
        return Effects(False, False, (), (), True, False, reason, reason)
    seen = _Seen(catalog)
    for query in queries:
        for node in descend(query):
            seen.visit(node)
    # All that isn't known touches the session as well, but for triggers that somebody vouches for.
    clean = Touches.SESSION not in seen.reasons
    known = clean and seen.columns_known
    read_only = Touches.DATA not in seen.reasons
    return Effects(
        read_only=read_only,
        clean=clean,
        reads=tuple(sorted(seen.reads)),
        writes=tuple(sorted(seen.writes)),
        uses_time=seen.uses_time or not known,
        before_begin=read_only and clean and not seen.uses_time and not seen.bound,
        not_read_only=seen.reasons.get(Touches.DATA, ""),
        not_clean=seen.reasons.get(Touches.SESSION, ""),
        columns_read=seen.columns_read if known else None,
        columns_written=seen.columns_written if known else None,
    )


class _Seen:
    """What was found so far in the trees of a statement."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.reasons: dict[Touches, str] = {}
        self.reads: set[int] = set()
        self.writes: set[tuple[int, Operation]] = set()
        self.columns_read: dict[int, frozenset[str]] = {}
        self.columns_written: dict[int, frozenset[str]] = {}
        self.uses_time = False
        self.columns_known = True
        # To its transaction, for what its functions or policies may depend on.
        self.bound = False
        self.entered: set[int] = set()

    def visit(self, node: Node) -> None:
        """Take in one node."""
        if node.tag == "QUERY":
            self._query(node)
        elif node.tag == "SQLVALUEFUNCTION":
            self.uses_time = self.uses_time or node.number("op") <= LAST_TIME
        elif node.tag == "NEXTVALUEEXPR":
            self._touch(Touches.DATA, "it takes a sequence's next value")
        if reads_text(node) and any(map(self._is_time, converted(node))):
            self.uses_time = True  # 'now', 'today'
        for oid in called(node, self.catalog.operators):
            self._call(oid)
        for oid in converted(node):
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
                self._read(query, entry, new=index == target and command == INSERT)
        if query.get("rowMarks"):
            self._touch(Touches.DATA, "it locks rows")
        if command == SELECT:
            return
        if command not in (INSERT, UPDATE, DELETE, MERGE) or not 0 < target <= len(rtable):
            self._touch(_EVERYTHING, "it is not understood")
            return
        self._write(query, rtable[target - 1].number("relid"))

    def _read(self, query: Node, entry: Node, *, new: bool) -> None:
        """`new`: the rows of the relation are those that the query itself makes."""
        oid = entry.number("relid")
        relation = self.catalog.relations.get(oid)
        if relation is None:
            if oid >= FIRST_USER_OID:
                self._touch(_EVERYTHING, "it reads a relation that is not known here")
            return
        columns = read_columns(query, entry, relation)
        if not new:
            self.reads.add(oid)
        if columns or not new:
            _add(self.columns_read, oid, columns)
        name = relation.table.ref.name
        if relation.foreign:
            self._touch(_EVERYTHING, f"{name} is a foreign table")
        if relation.row_security:
            self.bound = True
            for function in relation.policy_functions:
                self._call(function, f"a policy of {name} calls ")

    def _write(self, query: Node, oid: int) -> None:
        found = tuple(_operations(query))
        self.writes.update((oid, operation) for operation in found)
        self._touch(Touches.DATA, "it writes")
        relation = self.catalog.relations.get(oid)
        if (
            relation is None
            or relation.rules & _events(found)
            or relation.table.kind not in ("r", "p")
        ):
            self._touch(Touches.SESSION, "its target has rules or is not a table")
            return
        columns = written_columns(query, relation)
        _add(self.columns_written, oid, columns)
        self._fire(relation, _events(found))
        if _CASCADING & _events(found):
            self._cascade(relation, {oid})
            deletes = "delete" in found
            for other, passed in cascaded(relation, columns, self.catalog, deletes=deletes).items():
                _add(self.columns_written, other, passed)
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
            if not trigger.events & events or trigger.function < FIRST_USER_OID:
                continue
            self.columns_known = False
            if trigger.only_writes:
                continue
            reason = f"the trigger {trigger.name} of {relation.table.ref.name} may do anything"
            self._touch(_EVERYTHING, reason)

    # --- functions and types ----------------------------------------------------------------------

    def _call(self, oid: int, prefix: str = "it calls ") -> None:
        function = self.catalog.functions.get(oid)
        self.bound = self.bound or function is None or bound(function)
        if function is not None and self._enters(function):
            return
        found = touches(function)
        if found:
            name = "a function that is not known here" if function is None else function.name + "()"
            self._touch(found, prefix + name)
        if function is not None and tells_time(function):
            self.uses_time = True

    def _is_time(self, oid: int) -> bool:
        """Whether a value of the type is, or holds, a time that text may leave open."""
        type_ = self.catalog.types.get(oid)
        if type_ is None or oid in _TIMES:
            return True
        parts = [] if type_.element is None else [type_.element]
        parts += [attribute for _, attribute in type_.attributes]
        return any(self._is_time(part.oid) for part in parts)

    def _enters(self, function: Function) -> bool:
        """Whether the function's body could be looked through instead of the function itself."""
        nodes = only_reading(function.body) if function.body else ()
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


def _add(columns: dict[int, frozenset[str]], oid: int, more: frozenset[str]) -> None:
    columns[oid] = columns.get(oid, frozenset()) | more
