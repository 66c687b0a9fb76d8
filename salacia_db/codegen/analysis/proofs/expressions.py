"""Expressions: what makes each kind of node not null. What has no rule here may be NULL."""

from collections.abc import Callable

from salacia_db.codegen.analysis.catalog import FIRST_USER_OID, Function
from salacia_db.codegen.analysis.functions import Totality, totality
from salacia_db.codegen.analysis.proofs import aggregates
from salacia_db.codegen.analysis.proofs.arrays import elements, gathered
from salacia_db.codegen.analysis.proofs.columns import set_column, variable
from salacia_db.codegen.analysis.proofs.joins import full_joins
from salacia_db.codegen.analysis.proofs.keys import Key
from salacia_db.codegen.analysis.proofs.narrowing import NOT_TRUE, TRUE, implied, not_null
from salacia_db.codegen.analysis.proofs.proof import Proof, located, maybe, never, placed
from salacia_db.codegen.analysis.proofs.scope import Scope
from salacia_db.codegen.analysis.proofs.values import integer, is_null
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.walk import DELETE, INSERT, UPDATE, descend, returns_set

Rule = Callable[[Node, Scope], Proof]


def _first_nullable(nodes: list[Node], scope: Scope) -> Proof | None:
    for node in nodes:
        proof = scope.prove(node)
        if proof.nullable:
            return proof
    return None


def _every(nodes: list[Node], scope: Scope, reason: str, node: Node) -> Proof:
    """Not null if all of them are."""
    return _first_nullable(nodes, scope) or never(reason, node)


def _some(nodes: list[Node], scope: Scope, name: str, node: Node) -> Proof:
    """Not null if one of them is."""
    for argument in nodes:
        proof = scope.prove(argument)
        if not proof.nullable:
            told = f"not null: an argument of {name} is never NULL"
            return placed(placed(Proof(False, told, proof.location), argument), node)
    hint = "give it a last argument that is never NULL"
    return maybe(f"every argument of {name} may be NULL", node, hint=hint)


def _of_argument(node: Node, scope: Scope) -> Proof:
    """A conversion gives NULL for NULL only; PostgreSQL raises where it fails."""
    argument = node.node("arg")
    return maybe("not understood", node) if argument is None else scope.prove(argument)


def _const(node: Node, scope: Scope) -> Proof:
    return maybe("the constant NULL", node) if node.flag("constisnull") else never("a constant")


def _param(node: Node, scope: Scope) -> Proof:
    number = node.number("paramid")
    # A column of the sublink whose comparison is being judged.
    if node.number("paramkind") == 2 and 0 < number <= len(scope.compared):
        return scope.compared[number - 1]
    # What the caller sends, not one that a plan hands on.
    if node.number("paramkind") == 0 and number in scope.prover.given:
        return never(f"the parameter ${number} takes no None", node)
    return maybe(f"the parameter ${number} may be NULL", node)


def _function(node: Node, scope: Scope) -> Function | None:
    operator = scope.catalog.operators.get(node.number("opno"))
    oid = operator[1] if operator is not None else node.number("funcid")
    return scope.catalog.functions.get(oid)


def _call(node: Node, scope: Scope) -> Proof:
    function = _function(node, scope)
    if function is None:
        return maybe("a function that is not known here", node)
    if node.flag("funcretset") or node.flag("opretset"):
        return _set(node, function, scope)
    arguments = node.nodes("args")
    kind = totality(function, arguments)
    if kind is Totality.ALWAYS and not node.flag("funcvariadic"):
        return never(f"{function.name}() never returns NULL", node)
    if kind is Totality.FIRST and not node.flag("funcvariadic"):
        arguments = arguments[:1]
    if kind is Totality.PARTIAL:
        return maybe(f"{_shown(node, function, scope)} may return NULL", node)
    nullable = _first_nullable(arguments, scope)
    if nullable is not None:
        return placed(nullable, node)
    return never(f"{_shown(node, function, scope)} gives no NULL for arguments that aren't", node)


def _set(node: Node, function: Function, scope: Scope) -> Proof:
    """A set in the select list: beside a longer one it is filled up with NULLs."""
    targets = scope.query.get("targetList")
    sets = [n for n in descend(targets, queries=False) if returns_set(n)]
    if len(sets) != 1 or sets[0] is not node or not function.builtin:
        return maybe(f"{function.name}() in the select list returns a set", node)
    return placed(set_column(node, function.name, 1, scope), node)


def _shown(node: Node, function: Function, scope: Scope) -> str:
    operator = scope.catalog.operators.get(node.number("opno"))
    return f"{function.name}()" if operator is None else f"the operator {operator[0]}"


def _total_operator(node: Node, scope: Scope) -> bool:
    function = _function(node, scope)
    return function is not None and totality(function, node.nodes("args")) is Totality.TOTAL


def _always(reason: str) -> Rule:
    return lambda node, scope: never(reason, node)


def _boolexpr(node: Node, scope: Scope) -> Proof:
    """AND is NULL if no argument is false and one is NULL: then the others are true or NULL."""
    arguments = node.nodes("args")
    nullable = _first_nullable(arguments, scope)
    kind = node.get("boolop")
    if nullable is None or kind not in ("and", "or"):
        return nullable or never("a condition over values that aren't NULL", node)
    undecided = frozenset((kind == "and", None))
    for i, argument in enumerate(arguments):
        known: dict[Key, int | None] = {}
        for j, other in enumerate(arguments):
            if j != i:
                known.update(implied(other, undecided, scope))
        proof = scope.prover.assume(scope, known).prove(argument)
        if proof.nullable:
            return proof
    return never("where a part is NULL, another part decides", node)


def _arrayop(node: Node, scope: Scope) -> Proof:
    """`x = ANY (array)` is NULL also where the array holds a NULL and nothing matches."""
    arguments = node.nodes("args")
    if len(arguments) != 2 or not _total_operator(node, scope):
        return maybe("the comparison may be NULL", node)
    value, array = arguments
    nullable = _first_nullable([value, array], scope)
    if nullable is not None:
        return nullable
    return elements(array, scope)


def _case(node: Node, scope: Scope) -> Proof:
    subject, otherwise = node.node("arg"), node.node("defresult")
    for when in node.nodes("args"):
        test, result = when.node("expr"), when.node("result")
        if test is None or result is None:
            return maybe("not understood", node)
        known = implied(test, TRUE, scope)
        if subject is not None and _compares_subject(test, scope):
            known = {**known, **not_null(subject, scope)}
        proof = scope.prover.assume(scope, known).prove(result)
        if proof.nullable:
            return placed(proof, node)
        scope = scope.prover.assume(scope, implied(test, NOT_TRUE, scope))
    if otherwise is None or (is_null(otherwise) and located(otherwise) is None):
        return maybe("a CASE without ELSE", node, hint="add an ELSE")
    proof = scope.prove(otherwise)
    return proof if proof.nullable else never("no branch of the CASE is NULL", node)


def _compares_subject(test: Node, scope: Scope) -> bool:
    """`CASE x WHEN 1`: a strict comparison that is true had an x."""
    function = _function(test, scope)
    strict = function is not None and function.strict and test.tag == "OPEXPR"
    return strict and any(a.tag == "CASETESTEXPR" for a in test.nodes("args"))


def _coalesce(node: Node, scope: Scope) -> Proof:
    arguments = node.nodes("args")
    proof = _some(arguments, scope, "COALESCE", node)
    if proof.nullable and _of_either_side(arguments, scope, frozenset()):
        return never("one side of the FULL JOIN is always there", node)
    return proof


def _of_either_side(arguments: list[Node], scope: Scope, seen: frozenset[int]) -> bool:
    """Whether there is a value whichever side of some FULL JOIN found a row."""
    if any(scope.never_null(argument) for argument in arguments):
        return True
    return any(
        all(
            _of_either_side(
                arguments, scope.prover.assume(scope, {(0, side, 0): None}), seen | {join}
            )
            for side in sides
        )
        for join, sides in full_joins(scope)
        if join not in seen
    )


def _minmax(node: Node, scope: Scope) -> Proof:
    name = "LEAST" if node.number("op") else "GREATEST"
    return _some(node.nodes("args"), scope, name, node)


def _rowcompare(node: Node, scope: Scope) -> Proof:
    operators = node.numbers("opnos")
    if not operators or any(operator >= FIRST_USER_OID for operator in operators):
        return maybe("a comparison of types that PostgreSQL doesn't bring", node)
    sides = [*node.nodes("largs"), *node.nodes("rargs")]
    return _every(sides, scope, "no value compared is NULL", node)


_EXISTS, _ALL, _ANY, _ROWCOMPARE, _EXPR, _MULTI, _ARRAY = range(7)  # SubLinkType


def _sublink(node: Node, scope: Scope) -> Proof:
    kind, query = node.number("subLinkType"), node.node("subselect")
    if kind == _EXISTS:
        return never("EXISTS is true or false", node)
    if kind == _ARRAY:
        return never("ARRAY(…) of no rows is an empty array", node)
    if query is None:
        return maybe("not understood", node)
    if kind in (_ALL, _ANY):
        test = node.node("testexpr")
        return maybe("not understood", node) if test is None else _tested(test, query, scope)
    if kind != _EXPR:
        return maybe("the subquery may find no row", node)
    if not scope.prover.one_row(query):
        return maybe("the subquery may find no row", node)
    columns = scope.prover.columns(query, scope, frozenset())
    return columns[0] if columns else maybe("the subquery has no column", node)


def _tested(test: Node, query: Node, scope: Scope) -> Proof:
    """`x IN (SELECT …)` is NULL only where a comparison with one of the rows is."""
    outer = scope.compared
    scope.compared = scope.prover.columns(query, scope, frozenset())
    proof = scope.prove(test)
    scope.compared = outer
    return proof


def _domain(node: Node, scope: Scope) -> Proof:
    """Coercion to a domain that is NOT NULL raises rather than give NULL."""
    type_ = scope.catalog.types.get(node.number("resulttype"))
    while type_ is not None and type_.kind == "domain":
        if type_.not_null:
            return never(f"the domain {type_.name} is NOT NULL", node)
        type_ = type_.element
    return _of_argument(node, scope)


def _slice(node: Node, scope: Scope) -> Proof:
    """A slice of an array is an array, if an empty one; an element may not be there."""
    type_ = scope.catalog.types.get(node.number("refcontainertype"))
    container = node.node("refexpr")
    if node.node("refassgnexpr") is not None:
        return maybe("not understood", node)
    if not node.get("reflowerindexpr"):
        return _element(node, container, scope)
    if type_ is None or type_.kind != "array" or container is None:
        return maybe("an element of the array may not be there", container)
    bounds = [*node.nodes("refupperindexpr"), *node.nodes("reflowerindexpr")]
    return _every([container, *bounds], scope, "a slice of an array is an array", node)


def _element(node: Node, container: Node | None, scope: Scope) -> Proof:
    """`(array_agg(x ORDER BY y))[1]`: as there is a row, there is a first element, if not NULL."""
    subscripts = node.nodes("refupperindexpr")
    first = [integer(subscript) for subscript in subscripts] == [1]
    if container is None or not first or gathered(container, scope) is None:
        return maybe("an element of the array may not be there", container)
    proof = scope.prove(container)
    return placed(proof if proof.nullable else elements(container, scope), node)


def _sqlvalue(node: Node, scope: Scope) -> Proof:
    if node.number("op") == 14:  # SVFOP_CURRENT_SCHEMA
        return maybe("there may be no CURRENT_SCHEMA", node)
    return never("it always has a value", node)


_XMLCONCAT, _XMLELEMENT, _XMLFOREST, _XMLPARSE, _XMLPI, _XMLROOT, _, _XMLDOCUMENT = range(8)


def _xml(node: Node, scope: Scope) -> Proof:
    kind = node.number("op")
    if kind == _XMLELEMENT:
        return never("XMLELEMENT always makes one", node)
    if kind in (_XMLCONCAT, _XMLFOREST):
        return _some([*node.nodes("named_args"), *node.nodes("args")], scope, "it", node)
    if kind in (_XMLPARSE, _XMLPI, _XMLROOT, _XMLDOCUMENT):
        return _every(node.nodes("args")[:1], scope, "its argument is not NULL", node)
    return maybe("not understood", node)


_JSON_OBJECT, _JSON_ARRAY, _JSON_OBJECTAGG, _JSON_ARRAYAGG, _JSON_PARSE, *_JSON_REST = range(1, 8)


def _json(node: Node, scope: Scope) -> Proof:
    kind, function = node.number("type"), node.node("func")
    if kind in (_JSON_OBJECT, _JSON_ARRAY):
        return never("a JSON constructor always makes one", node)
    if kind in (_JSON_OBJECTAGG, _JSON_ARRAYAGG):
        return maybe("not understood", node) if function is None else scope.prove(function)
    arguments = node.nodes("args")
    if kind not in (_JSON_PARSE, *_JSON_REST) or not arguments:
        return maybe("not understood", node)
    return _every(arguments[:1], scope, "its argument is not NULL", node)


def _is_json(node: Node, scope: Scope) -> Proof:
    argument = node.node("expr")
    return maybe("not understood", node) if argument is None else scope.prove(argument)


def _json_value(node: Node, scope: Scope) -> Proof:
    value = node.node("formatted_expr") or node.node("raw_expr")
    return maybe("not understood", node) if value is None else scope.prove(value)


def _returning(node: Node, scope: Scope) -> Proof:
    """An expression over `old` or `new`: NULL as a whole where there is no such row."""
    inner, owner = node.node("retexpr"), scope.ancestor(node.number("retlevelsup"))
    if inner is None or owner is None:
        return maybe("not understood", node)
    command, kept = owner.query.number("commandType"), DELETE if node.flag("retold") else INSERT
    if command in (UPDATE, kept) and not owner.query.node("onConflict"):
        return scope.prove(inner)
    return maybe("there may be no such row", node)


RULES: dict[str, Rule] = {
    "VAR": variable,
    "CONST": _const,
    "PARAM": _param,
    "FUNCEXPR": _call,
    "OPEXPR": _call,
    "DISTINCTEXPR": _always("IS DISTINCT FROM is true or false"),
    "NULLTEST": _always("IS NULL is true or false"),
    "BOOLEANTEST": _always("IS TRUE and the like are true or false"),
    "BOOLEXPR": _boolexpr,
    "SCALARARRAYOPEXPR": _arrayop,
    "CASEEXPR": _case,
    "COALESCEEXPR": _coalesce,
    "MINMAXEXPR": _minmax,
    "NULLIFEXPR": lambda node, scope: maybe("NULLIF gives NULL for equal values", node),
    "ROWCOMPAREEXPR": _rowcompare,
    "ROWEXPR": _always("a row is a value even if all of it is NULL"),
    "ARRAYEXPR": _always("ARRAY[…] is a value even if its elements are NULL"),
    "SUBLINK": _sublink,
    "RELABELTYPE": _of_argument,
    "COERCEVIAIO": _of_argument,
    "ARRAYCOERCEEXPR": _of_argument,
    "CONVERTROWTYPEEXPR": _of_argument,
    "COLLATEEXPR": _of_argument,
    "NAMEDARGEXPR": _of_argument,
    "COERCETODOMAIN": _domain,
    "SUBSCRIPTINGREF": _slice,
    "SQLVALUEFUNCTION": _sqlvalue,
    "XMLEXPR": _xml,
    "XMLSERIALIZE": _of_argument,
    "JSONCONSTRUCTOREXPR": _json,
    "JSONISPREDICATE": _is_json,
    "JSONVALUEEXPR": _json_value,
    "NEXTVALUEEXPR": _always("a sequence always has a next value"),
    "MERGESUPPORTFUNC": _always("merge_action() always names one"),
    "RETURNINGEXPR": _returning,
    "AGGREF": aggregates.aggregate,
    "WINDOWFUNC": aggregates.window,
    "GROUPINGFUNC": _always("GROUPING() is a number"),
}
