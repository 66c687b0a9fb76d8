"""Going through a query tree."""

from collections.abc import Iterator

from salacia_db.codegen.analysis.catalog import Event
from salacia_db.codegen.analysis.tree import Node, Value


def descend(value: Value, *, queries: bool = True) -> Iterator[Node]:
    """Every node in the value, itself first; without `queries` not into those inside it."""
    stack: list[Value] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, Node):
            yield item
            stack += [
                field
                for field in item.fields.values()
                if isinstance(field, list)
                or (isinstance(field, Node) and (queries or field.tag != "QUERY"))
            ]
        elif isinstance(item, list):
            stack += item


def returns_set(node: Node) -> bool:
    """Whether the node is the call of a function that returns a set."""
    return node.flag("funcretset") or node.flag("opretset")


def outputs(query: Node) -> list[Node]:
    """The TARGETENTRYs that the query returns to its caller: RETURNING's, for a change."""
    changes = query.number("commandType") != SELECT
    entries = query.nodes("returningList" if changes else "targetList")
    return [entry for entry in entries if not entry.flag("resjunk")]


SELECT, UPDATE, INSERT, DELETE, MERGE = range(1, 6)
"""CmdType; MERGE came with PostgreSQL 15, before it 5 stood for utility statements."""

_EVENTS: dict[int, frozenset[Event]] = {
    SELECT: frozenset(),
    UPDATE: frozenset(("update",)),
    INSERT: frozenset(("insert",)),
    DELETE: frozenset(("delete",)),
    MERGE: frozenset(("insert", "update", "delete")),
}


def events(query: Node) -> frozenset[Event]:
    """The events of triggers and rules that the query's own change raises on its target."""
    raised = _EVENTS.get(query.number("commandType"), _EVENTS[MERGE])
    return raised | _EVENTS[UPDATE] if query.node("onConflict") is not None else raised


JOIN_ENTRY, GROUP_ENTRY = 2, 9
"""RTEKind of a join, and of the GROUP step that PostgreSQL 18 added."""


def behind(query: Node, entry: int, attribute: int) -> Node | None:
    """The expression that a column of a join or of the GROUP step stands for."""
    rtable = query.nodes("rtable")
    node = rtable[entry - 1] if 0 < entry <= len(rtable) else None
    kind = 0 if node is None else node.number("rtekind")
    if node is None or kind not in (JOIN_ENTRY, GROUP_ENTRY):
        return None
    if kind == GROUP_ENTRY and query.get("groupingSets"):
        return None  # the value is NULL wherever its set doesn't group by it
    columns = node.get("joinaliasvars" if kind == JOIN_ENTRY else "groupexprs")
    if not isinstance(columns, list) or not 0 < attribute <= len(columns):
        return None
    column = columns[attribute - 1]
    return column if isinstance(column, Node) else None


def with_query(
    around: tuple[Node, ...], name: object, levels: int
) -> tuple[Node, tuple[Node, ...]] | None:
    """A WITH query that isn't recursive, and the queries around it.

    `around` are the queries from the outermost to the one that names it, `levels` further out.
    """
    if levels >= len(around):
        return None
    owners = around[: len(around) - levels]
    for cte in owners[-1].nodes("cteList"):
        query = cte.node("ctequery")
        if cte.get("ctename") == name and query is not None and not cte.flag("cterecursive"):
            return query, owners
    return None
