"""Narrowing: which values can't be NULL, given what an expression came out as.

Everything is asked as "what follows if this expression is one of these outcomes", with outcomes
out of true, false and NULL. An answer maps the keys of values that aren't NULL to their place.
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from salacia_db.codegen.analysis.catalog import FIRST_USER_OID
from salacia_db.codegen.analysis.proofs.keys import Key, column_key, expression_key
from salacia_db.codegen.analysis.proofs.proof import located
from salacia_db.codegen.analysis.proofs.scope import Scope
from salacia_db.codegen.analysis.proofs.values import boolean, holds_elements, is_null
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.walk import behind

Known: TypeAlias = dict[Key, int | None]
Outcomes: TypeAlias = frozenset[bool | None]

TRUE: Outcomes = frozenset((True,))
NOT_TRUE: Outcomes = frozenset((False, None))
_SURE: Outcomes = frozenset((True, False))
_EVERY: Outcomes = frozenset((True, False, None))
_NOTHING: Known = {}
_EXISTS, _ALL, _ANY, _ROWCOMPARE, _EXPR = range(5)  # SubLinkType


def implied(node: Node, outcomes: Outcomes, scope: Scope) -> Known:
    """What isn't NULL in rows for which the boolean expression is one of the outcomes."""
    if outcomes == _EVERY:
        return _NOTHING
    rule = _BOOLEAN.get(node.tag)
    if rule is not None:
        return rule(node, outcomes, scope)
    return _NOTHING if None in outcomes else not_null(node, scope)


def not_null(node: Node, scope: Scope) -> Known:
    """What else isn't NULL in rows for which the expression isn't; the expression included."""
    known: Known = {}
    key: Key | None = column_key(node) if node.tag == "VAR" else None
    if node.tag != "VAR" and node.tag != "CONST":
        key = expression_key(node, scope.catalog)
    if key is not None:
        known[key] = located(node)
    if isinstance(key, tuple):
        # Where a column isn't NULL there is a row, whichever column of it an OR speaks of.
        known[key[0], key[1], 0] = located(node)
    rule = _VALUES.get(node.tag)
    if rule is not None:
        known = _both(rule(node, scope), known)
    return known


def strict_arguments(node: Node, scope: Scope) -> Known:
    """A strict function gives NULL, or no row, as soon as one argument is NULL."""
    catalog = scope.catalog
    operator = catalog.operators.get(node.number("opno"))
    oid = operator[1] if operator is not None else node.number("funcid")
    function = catalog.functions.get(oid)
    if function is None or not function.strict:
        return _NOTHING
    return _all(not_null(argument, scope) for argument in node.nodes("args"))


# --- combining ------------------------------------------------------------------------------------


def _both(one: Known, other: Known) -> Known:
    return {**one, **other} if one and other else one or other


def _all(parts: Iterable[Known]) -> Known:
    known: Known = {}
    for part in parts:
        known = _both(known, part)
    return known


def _any(parts: Iterable[Known | None]) -> Known:
    """What follows whichever of the cases it is; None is a case that can't be."""
    cases = [part for part in parts if part is not None]
    if not cases:
        return _NOTHING
    first, *rest = cases
    return {key: place for key, place in first.items() if all(key in other for other in rest)}


# --- boolean expressions, by what they came out as ------------------------------------------------


def _boolexpr(node: Node, outcomes: Outcomes, scope: Scope) -> Known:
    arguments = node.nodes("args")
    kind = node.get("boolop")
    if kind == "not":
        flipped = frozenset(None if o is None else not o for o in outcomes)
        return _all(implied(argument, flipped, scope) for argument in arguments)
    if kind not in ("and", "or"):
        return _NOTHING
    # AND is false as soon as one argument is, and otherwise all are true or NULL; OR mirrors it.
    decisive = kind == "or"
    cases: list[Known] = []
    if decisive in outcomes:
        one: Outcomes = frozenset((decisive,))
        if None in outcomes and (not decisive) not in outcomes:
            one = frozenset((decisive, None))
            return _any(implied(argument, one, scope) for argument in arguments)
        cases += [implied(argument, one, scope) for argument in arguments]
    rest = outcomes - {decisive}
    if rest:
        every = rest if None not in rest else frozenset((not decisive, None))
        cases.append(_all(implied(argument, every, scope) for argument in arguments))
    return _any(cases)


def _nulltest(node: Node, outcomes: Outcomes, scope: Scope) -> Known:
    """The test itself is never NULL. Of a row, `IS NULL` false says that not all of it is NULL."""
    argument = node.node("arg")
    is_null_test = node.number("nulltesttype") == 0
    if argument is None or outcomes - {None} != frozenset((not is_null_test,)):
        return _NOTHING
    known = not_null(argument, scope)
    if not is_null_test and argument.tag == "ROWEXPR":  # `(a, b) IS NOT NULL`: both
        known = _both(known, _all(not_null(a, scope) for a in argument.nodes("args")))
    return known


# BoolTestType → the outcomes of the argument for which the test is true.
_TESTS: tuple[Outcomes, ...] = (
    TRUE,
    NOT_TRUE,
    frozenset((False,)),
    frozenset((True, None)),
    frozenset((None,)),
    _SURE,
)


def _booleantest(node: Node, outcomes: Outcomes, scope: Scope) -> Known:
    argument = node.node("arg")
    kind = node.number("booltesttype")
    if argument is None or not 0 <= kind < len(_TESTS):
        return _NOTHING
    passing = _TESTS[kind]
    before: frozenset[bool | None] = frozenset()
    if True in outcomes:
        before |= passing
    if False in outcomes:
        before |= _EVERY - passing
    return implied(argument, before, scope) if before else _NOTHING


def _arrayop(node: Node, outcomes: Outcomes, scope: Scope) -> Known:
    """`x = ANY (array)`, `x <> ALL (array)`: an empty array answers without looking at x."""
    if None in outcomes or len(node.nodes("args")) != 2:
        return _NOTHING
    value, array = node.nodes("args")
    operator = scope.catalog.operators.get(node.number("opno"))
    function = None if operator is None else scope.catalog.functions.get(operator[1])
    if function is None or not function.strict:
        return _NOTHING
    known = not_null(array, scope)
    compared: Outcomes = frozenset((node.flag("useOr"),))  # what an empty array never gives
    if outcomes == compared or holds_elements(array):
        known = _both(known, not_null(value, scope))
    return known


def _distinct(node: Node, outcomes: Outcomes, scope: Scope) -> Known:
    arguments = node.nodes("args")
    if len(arguments) != 2:
        return _NOTHING
    outcome = outcomes - {None}
    known: Known = {}
    for one, other in (arguments, arguments[::-1]):
        same = outcome == frozenset((False,)) and scope.never_null(other)
        if same or (outcome == TRUE and is_null(other)):
            known = _both(known, not_null(one, scope))
    return known


def _coalesce_test(node: Node, outcomes: Outcomes, scope: Scope) -> Known:
    cases: list[Known | None] = []
    for argument in node.nodes("args"):
        constant = boolean(argument)
        value = outcomes - {None}
        if constant is not None:
            cases.append(_NOTHING if constant in value else None)
            break  # later arguments are never reached
        cases.append(implied(argument, value, scope) if value else None)
    else:
        cases.append(_NOTHING if None in outcomes else None)
    return _any(cases)


def _sublink(node: Node, outcomes: Outcomes, scope: Scope) -> Known:
    """A subquery that found a row: its conditions held, also where they speak of our columns."""
    kind = node.number("subLinkType")
    found = kind == _EXPR and None not in outcomes
    if not found and not (kind in (_EXISTS, _ANY) and outcomes == TRUE):
        return _NOTHING
    known = _found(node, scope)
    test = node.node("testexpr")
    if kind == _ANY and test is not None:
        known = _both(known, implied(test, TRUE, scope))
    return known


def _found(node: Node, scope: Scope) -> Known:
    query = node.node("subselect")
    # A query that aggregates without GROUP BY returns a row even where it found none.
    if query is None or query.get("setOperations") or query.get("groupingSets"):
        return _NOTHING
    if query.node("havingQual") or (query.flag("hasAggs") and not query.get("groupClause")):
        return _NOTHING
    inner = scope.prover.inside(query, scope)
    return {
        (key[0] - 1, key[1], key[2]): place
        for key, place in inner.facts.known.items()
        if isinstance(key, tuple) and key[0] > 0
    }


_BOOLEAN: dict[str, Callable[[Node, Outcomes, Scope], Known]] = {
    "BOOLEXPR": _boolexpr,
    "NULLTEST": _nulltest,
    "BOOLEANTEST": _booleantest,
    "SCALARARRAYOPEXPR": _arrayop,
    "DISTINCTEXPR": _distinct,
    "COALESCEEXPR": _coalesce_test,
    "SUBLINK": _sublink,
}


# --- values that aren't NULL ----------------------------------------------------------------------


def _argument(node: Node, scope: Scope) -> Known:
    argument = node.node("arg")
    return _NOTHING if argument is None else not_null(argument, scope)


def _first(node: Node, scope: Scope) -> Known:
    """NULLIF gives its first argument or NULL."""
    return _all(not_null(argument, scope) for argument in node.nodes("args")[:1])


def _one_of(node: Node, scope: Scope) -> Known:
    """COALESCE, GREATEST and LEAST: one argument at least."""
    return _any(not_null(argument, scope) for argument in node.nodes("args"))


def _leading_pair(node: Node, scope: Scope) -> Known:
    """`(a, b) < (x, y)` looks at the first pair in any case."""
    if not _strict_pair(node, scope):
        return _NOTHING
    pairs = (*node.nodes("largs")[:1], *node.nodes("rargs")[:1])
    return _all(not_null(side, scope) for side in pairs)


def _strict_pair(node: Node, scope: Scope) -> bool:
    numbers = node.numbers("opnos")
    operator = scope.catalog.operators.get(numbers[0]) if numbers else None
    function = None if operator is None else scope.catalog.functions.get(operator[1])
    return function is not None and function.strict


def _subscripts(node: Node, scope: Scope) -> Known:
    container = node.node("refexpr")
    if container is None or node.node("refassgnexpr") is not None:
        return _NOTHING
    number = node.number("refcontainertype")
    type_ = scope.catalog.types.get(number)
    if number >= FIRST_USER_OID and (type_ is None or type_.kind != "array"):
        return _NOTHING  # an extension may answer for NULL as it likes
    subscripts = [*node.nodes("refupperindexpr"), *node.nodes("reflowerindexpr")]
    return _all(not_null(part, scope) for part in (container, *subscripts))


def _of_join(node: Node, scope: Scope) -> Known:
    """A column of a join with an alias or USING, or of the GROUP step, is another expression."""
    if node.number("varlevelsup") or node.number("varreturningtype"):
        return _NOTHING
    inner = behind(scope.query, node.number("varno"), node.number("varattno"))
    return _NOTHING if inner is None else not_null(inner, scope)


_VALUES: dict[str, Callable[[Node, Scope], Known]] = {
    "VAR": _of_join,
    "FUNCEXPR": strict_arguments,
    "OPEXPR": strict_arguments,
    "RELABELTYPE": _argument,
    "COERCEVIAIO": _argument,
    "ARRAYCOERCEEXPR": _argument,
    "CONVERTROWTYPEEXPR": _argument,
    "COLLATEEXPR": _argument,
    "COERCETODOMAIN": _argument,
    "FIELDSELECT": _argument,
    "NULLIFEXPR": _first,
    "COALESCEEXPR": _one_of,
    "MINMAXEXPR": _one_of,
    "ROWCOMPAREEXPR": _leading_pair,
    "SUBSCRIPTINGREF": _subscripts,
    "SUBLINK": lambda node, scope: _sublink(node, _SURE, scope),
    "BOOLEXPR": lambda node, scope: _boolexpr(node, _SURE, scope),
    "SCALARARRAYOPEXPR": lambda node, scope: _arrayop(node, _SURE, scope),
}
