"""Bounds: the least and the most rows that a query can have, from keys, LIMIT and aggregates."""

from msgspec import Struct

from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.determined import (
    CTE,
    FULL,
    INNER,
    LEFT,
    RIGHT,
    SUBQUERY,
    VALUES,
    Around,
    Determined,
    has_one_row,
)
from salacia_db.codegen.analysis.proofs.values import boolean, integer, is_null
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.walk import (
    DELETE,
    INSERT,
    MERGE,
    SELECT,
    UPDATE,
    events,
    with_query,
)


class Bounds(Struct, frozen=True):
    """The least rows, 0 or 1, and the most: 0, 1, or 2 for any number, with the reason for it."""

    least: int
    most: int
    reason: str = ""


_INTERSECT, _EXCEPT = 2, 3  # SetOperation
_DO_UPDATE = 2  # OnConflictAction
_BY_SOURCE = 1  # MERGE_WHEN_NOT_MATCHED_BY_SOURCE


def many(reason: str) -> Bounds:
    """Any number of rows."""
    return Bounds(0, 2, reason)


def rows(
    query: Node, catalog: Catalog, fixed: frozenset[int] = frozenset(), outer: Around = ()
) -> Bounds:
    """The bounds of the rows that a query returns, or changes where it has no RETURNING.

    Only rows that share one value, not NULL, in each output column of `fixed` are counted. `outer`
    are the queries around it, the nearest last, where its WITH queries may be found.
    """
    command = query.number("commandType")
    if command == SELECT:
        operation = query.node("setOperations")
        if operation is not None:
            found = _operation(operation, query, catalog, fixed, outer)
        else:
            found = _select(query, catalog, fixed, outer)
        return _limited(query, found)
    if command == INSERT:
        return _insert(query, catalog, outer)
    if command in (UPDATE, DELETE):
        return _changed(query, catalog, outer)
    if command == MERGE and query.get("mergeActionList"):
        return _merge(query, catalog, outer)
    return many("it is not known how many rows this statement has")


def _most(query: Node, catalog: Catalog, fixed: frozenset[int], outer: Around) -> int:
    return rows(query, catalog, fixed, outer).most


# --- SELECT ---------------------------------------------------------------------------------------


def _select(query: Node, catalog: Catalog, fixed: frozenset[int], outer: Around) -> Bounds:
    if query.flag("hasTargetSRFs"):
        return many("a function in the select list returns a set")
    having = query.node("havingQual") is not None
    if query.get("groupingSets"):
        return many("grouping sets make several rows")
    if not query.get("groupClause") and (having or query.flag("hasAggs")):
        return Bounds(0 if having else 1, 1, "an aggregate without GROUP BY makes one row")
    determined = Determined(query, catalog, fixed, outer, _most)
    found = _joined(query, catalog, determined, outer)
    # Rows that another transaction changed meanwhile, or that SKIP LOCKED skips, drop out.
    least = 0 if having or query.get("rowMarks") else found.least
    for clause in ("groupClause", "distinctClause"):
        if found.most > 1 and query.get(clause) and determined.all_fixed(clause):
            return Bounds(least, 1, "all rows have the same values to group by or to tell apart")
    return Bounds(least, found.most, found.reason)


def has_row(query: Node, catalog: Catalog) -> bool:
    """Whether FROM and WHERE surely leave a row, before any grouping."""
    tree = query.node("jointree")
    return tree is None or _least(tree, query, catalog, (query,)) > 0


def _joined(query: Node, catalog: Catalog, determined: Determined, outer: Around) -> Bounds:
    tree = query.node("jointree")
    if tree is None:
        return Bounds(1, 1, "there is no FROM")
    determined.solve(tree)
    least = _least(tree, query, catalog, (*outer, query))
    for entry in determined.entries:
        if not determined.single(entry):
            return Bounds(least, 2, determined.why(entry))
    return Bounds(least, 1, determined.why_single(determined.entries))


def _least(node: Node, query: Node, catalog: Catalog, around: Around) -> int:
    """The least rows of a node of the join tree; `around` ends with the query itself."""
    if node.tag == "RANGETBLREF":
        return _least_of_entry(node.number("rtindex"), query, catalog, around)
    quals = node.node("quals")
    always = quals is None or boolean(quals) is True
    if node.tag == "FROMEXPR":
        children = [_least(child, query, catalog, around) for child in node.nodes("fromlist")]
        return min(children, default=1) if always else 0
    left, right = node.node("larg"), node.node("rarg")
    if left is None or right is None:
        return 0
    ours = _least(left, query, catalog, around)
    theirs = _least(right, query, catalog, around)
    both = min(ours, theirs) if always else 0
    by_kind = {INNER: both, LEFT: ours, RIGHT: theirs, FULL: max(ours, theirs)}
    return by_kind.get(node.number("jointype"), 0)


def _least_of_entry(index: int, query: Node, catalog: Catalog, around: Around) -> int:
    entry = query.nodes("rtable")[index - 1]
    kind = entry.number("rtekind")
    if entry.get("securityQuals"):
        return 0
    inner = entry.node("subquery")
    if kind == SUBQUERY and inner is not None:
        return rows(inner, catalog, frozenset(), around).least
    if kind == CTE:
        found = with_query(around, entry.get("ctename"), entry.number("ctelevelsup"))
        return 0 if found is None else rows(found[0], catalog, frozenset(), found[1]).least
    return 1 if kind == VALUES or has_one_row(entry) else 0


def _limited(query: Node, found: Bounds) -> Bounds:
    count, offset = query.node("limitCount"), query.node("limitOffset")
    least, most, reason = found.least, found.most, found.reason
    if offset is not None and not is_null(offset) and integer(offset) != 0:
        least = 0
    if count is not None and not is_null(count):
        limit = integer(count)
        if limit is None or limit < 1:
            least = 0
        # With ties, more rows than the limit may come.
        if limit is not None and 0 <= limit < most and not query.number("limitOption"):
            most, reason = limit, f"LIMIT {limit}"
    return Bounds(min(least, most), most, reason)


# --- set operations -------------------------------------------------------------------------------


def _operation(
    node: Node, query: Node, catalog: Catalog, fixed: frozenset[int], outer: Around
) -> Bounds:
    left, right = node.node("larg"), node.node("rarg")
    if left is None or right is None:  # a RANGETBLREF
        inner = query.nodes("rtable")[node.number("rtindex") - 1].node("subquery")
        around = (*outer, query)
        return many("not understood") if inner is None else rows(inner, catalog, fixed, around)
    ours = _operation(left, query, catalog, fixed, outer)
    theirs = _operation(right, query, catalog, fixed, outer)
    operation = node.number("op")
    if operation == _INTERSECT:
        fewer = ours if ours.most <= theirs.most else theirs
        return Bounds(0, fewer.most, fewer.reason)
    if operation == _EXCEPT:
        return Bounds(0, ours.most, ours.reason)
    least = max(ours.least, theirs.least)
    if not node.flag("all") and len(fixed) == len(node.numbers("colTypes")):
        return Bounds(least, 1, "UNION merges equal rows")
    if ours.most + theirs.most > 1:
        return Bounds(least, 2, "UNION adds the rows of two queries")
    return Bounds(least, ours.most + theirs.most, ours.reason or theirs.reason)


# --- changes --------------------------------------------------------------------------------------


def _insert(query: Node, catalog: Catalog, outer: Around) -> Bounds:
    if query.flag("hasTargetSRFs"):
        return many("a function among the values returns a set")
    determined = Determined(query, catalog, frozenset(), outer, _most)
    found = _joined(query, catalog, determined, outer)
    conflict = query.node("onConflict")
    skips = conflict is not None and (
        conflict.number("action") != _DO_UPDATE or conflict.node("onConflictWhere") is not None
    )
    if skips or _may_suppress(query, catalog):
        return Bounds(0, found.most, found.reason)
    return found


def _may_suppress(query: Node, catalog: Catalog) -> bool:
    """Whether something in the database may keep the row from being written."""
    target = query.nodes("rtable")[query.number("resultRelation") - 1]
    relation = catalog.relations.get(target.number("relid"))
    if relation is None or relation.foreign or query.number("querySource"):
        return True
    raised = events(query)
    return (
        relation.table.kind not in ("r", "p")
        or bool(relation.rules & raised)
        or any(
            trigger.timing != "after" and trigger.per_row and trigger.events & raised
            for trigger in relation.triggers
        )
    )


def _changed(query: Node, catalog: Catalog, outer: Around) -> Bounds:
    """UPDATE and DELETE touch each row of the target once, however often it is joined."""
    tree, target = query.node("jointree"), query.number("resultRelation")
    relation = catalog.relations.get(query.nodes("rtable")[target - 1].number("relid"))
    if tree is None or relation is None or query.number("querySource"):
        return many("a rule put this query there")
    if relation.rules & events(query):
        return many("rules may make more of this statement")
    determined = Determined(query, catalog, frozenset(), outer, _most)
    determined.solve(tree)
    if not determined.single(target):
        return many(determined.why(target))
    return Bounds(0, 1, determined.why_single([target]))


def _merge(query: Node, catalog: Catalog, outer: Around) -> Bounds:
    """One row of the source, for which the key of the target is fixed, gives one action."""
    tree, condition = query.node("jointree"), query.node("mergeJoinCondition")
    if tree is None or condition is None:  # until 16 the join tree says less
        return many("MERGE acts on every row of its source")
    if any(a.number("matchKind") == _BY_SOURCE for a in query.nodes("mergeActionList")):
        return many("MERGE acts on every row of its target that the source doesn't have")
    determined = Determined(query, catalog, frozenset(), outer, _most)
    determined.solve(tree)
    for entry in determined.entries:
        if not determined.single(entry):
            return many(determined.why(entry))
    target = query.number("mergeTargetRelation") or query.number("resultRelation")
    determined.join(target, condition)
    if not determined.single(target):
        return many(determined.why(target))
    return Bounds(0, 1, determined.why_single([target]))
