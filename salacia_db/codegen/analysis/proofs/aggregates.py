"""Aggregates and window functions: NULL where there was nothing to compute from."""

from salacia_db.codegen.analysis.catalog import FIRST_USER_OID
from salacia_db.codegen.analysis.functions import (
    ALWAYS_AGGREGATES,
    COLLECTING_AGGREGATES,
    ORDERED_AGGREGATES,
    RANKING_FUNCTIONS,
    TOTAL_AGGREGATES,
    WINDOW_VALUES,
)
from salacia_db.codegen.analysis.proofs.proof import Proof, maybe, never
from salacia_db.codegen.analysis.proofs.scope import Scope
from salacia_db.codegen.analysis.proofs.values import integer
from salacia_db.codegen.analysis.tree import Node

# Bits of a frame clause (parsenodes.h).
_ROWS_OR_GROUPS = 0x4 | 0x8
_START_UNBOUNDED, _START_CURRENT, _START_PRECEDING = 0x20, 0x200, 0x800
_END_UNBOUNDED, _END_CURRENT, _END_FOLLOWING = 0x100, 0x400, 0x4000
_EXCLUDES_CURRENT = 0x8000 | 0x10000


def aggregate(node: Node, scope: Scope) -> Proof:
    """An aggregate over a group that surely has a row, of values that aren't NULL."""
    owner = scope.ancestor(node.number("agglevelsup"))
    function = scope.catalog.functions.get(node.number("aggfnoid"))
    if owner is None or function is None or not function.builtin:
        return maybe("an aggregate that PostgreSQL doesn't bring", node)
    name = function.name
    if name in ALWAYS_AGGREGATES:
        return never(f"{name}() of no rows is a number", node)
    if not _has_rows(owner):
        if not owner.query.get("groupClause"):
            return maybe(f"{name}() of no rows is NULL; there is no GROUP BY", node)
        if _may_be_empty(owner.query.nodes("groupingSets")):
            return maybe(f"{name}() of an empty grouping set is NULL", node)
    if node.node("aggfilter") is not None:
        return maybe(f"the FILTER may leave {name}() no rows", node)
    if name in COLLECTING_AGGREGATES:
        return never(f"{name}() of a group's rows, of which there is one at least", node)
    if owner is not scope:
        return maybe(f"{name}() belongs to an outer query", node)
    if name in ORDERED_AGGREGATES:
        return _arguments(node, ("aggdirectargs", "args"), owner, name)
    if name in TOTAL_AGGREGATES:
        return _arguments(node, ("args",), owner, name)
    return maybe(f"{name}() may return NULL", node)


def _has_rows(owner: Scope) -> bool:
    """Whether an aggregate has a row even without a group: of FROM, or as HAVING counts them."""
    having = owner.query.node("havingQual")
    counted = having is not None and _counts(having, owner)
    return counted or owner.prover.has_row(owner.query)


# The least number with which `count(…) > n` and the like are true only where there is a row.
_LEAST = {">": 0, ">=": 1, "=": 1}


def _counts(condition: Node, owner: Scope) -> bool:
    """Whether it is true of groups that have a row alone: a count() of none is 0."""
    arguments = condition.nodes("args")
    if condition.tag == "BOOLEXPR":
        return condition.get("boolop") == "and" and any(_counts(a, owner) for a in arguments)
    operator, _ = owner.catalog.operators.get(condition.number("opno"), ("", 0))
    if operator not in _LEAST or len(arguments) != 2 or arguments[0].tag != "AGGREF":
        return False
    function = owner.catalog.functions.get(arguments[0].number("aggfnoid"))
    least = integer(arguments[1])
    return (
        function is not None
        and function.builtin
        and function.name == "count"
        and not arguments[0].number("agglevelsup")
        and condition.number("opno") < FIRST_USER_OID
        and least is not None
        and least >= _LEAST[operator]
    )


_EMPTY, _SIMPLE, _ROLLUP, _CUBE, _SETS = range(5)  # GroupingSetKind


def _may_be_empty(sets: list[Node]) -> bool:
    """Whether the grouping sets, multiplied with one another, have an empty one among them."""
    return bool(sets) and all(
        any(_may_be_empty([inner]) for inner in one.nodes("content"))
        if one.number("kind") == _SETS
        else one.number("kind") != _SIMPLE
        for one in sets
    )


def _arguments(node: Node, fields: tuple[str, ...], owner: Scope, name: str) -> Proof:
    """Over other rows than the one in hand, only what holds for all rows may be used."""
    for field in fields:
        for argument in node.nodes(field):
            expression = argument.node("expr") if argument.tag == "TARGETENTRY" else argument
            if expression is None or argument.flag("resjunk"):
                continue
            proof = owner.base.prove(expression)
            if proof.nullable:
                return proof
    return never(f"{name}() of a group's rows, none of whose values is NULL", node)


def window(node: Node, scope: Scope) -> Proof:
    """A window function over a frame that surely has a row."""
    function = scope.catalog.functions.get(node.number("winfnoid"))
    if function is None or not function.builtin:
        return maybe("a window function that PostgreSQL doesn't bring", node)
    name = function.name
    arguments = node.nodes("args")
    if name in RANKING_FUNCTIONS or name in ALWAYS_AGGREGATES:
        return _values(arguments if name == "ntile" else [], scope, name, node)
    if name in ("lag", "lead"):
        if len(arguments) < 3:
            hint = "give it a third argument, a default that is never NULL"
            return maybe(f"{name}() finds no row at the edge", node, hint=hint)
        return _values(arguments, scope, name, node)
    if not _frame_has_row(node, scope):
        return maybe(f"the frame of {name}() may be empty", node)
    if node.node("aggfilter") is not None:
        return maybe(f"the FILTER may leave {name}() no rows", node)
    if name in COLLECTING_AGGREGATES:
        return never(f"the frame of {name}() holds the current row", node)
    if name in WINDOW_VALUES or name in TOTAL_AGGREGATES:
        return _values(arguments, scope, name, node)
    return maybe(f"{name}() may return NULL", node)


def _values(arguments: list[Node], scope: Scope, name: str, node: Node) -> Proof:
    for argument in arguments:
        proof = scope.base.prove(argument)
        if proof.nullable:
            return proof
    return never(f"{name}() over values that aren't NULL", node)


def _frame_has_row(node: Node, scope: Scope) -> bool:
    """Whether the current row is always in its frame."""
    clauses = scope.query.nodes("windowClause")
    reference = node.number("winref")
    options = next(
        (c.number("frameOptions") for c in clauses if c.number("winref") == reference), 0
    )
    # A RANGE with an offset goes by values, which may be infinite or NULL: nothing is said of it.
    offsets = options & _ROWS_OR_GROUPS != 0
    start = _START_UNBOUNDED | _START_CURRENT | (_START_PRECEDING if offsets else 0)
    end = _END_UNBOUNDED | _END_CURRENT | (_END_FOLLOWING if offsets else 0)
    return bool(options & start and options & end) and not options & _EXCLUDES_CURRENT
