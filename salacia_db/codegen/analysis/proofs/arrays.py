"""Arrays: whether their elements can be NULL."""

from salacia_db.codegen.analysis.proofs.narrowing import TRUE, implied
from salacia_db.codegen.analysis.proofs.proof import Proof, maybe, never
from salacia_db.codegen.analysis.proofs.scope import Scope
from salacia_db.codegen.analysis.proofs.values import lacks_nulls
from salacia_db.codegen.analysis.tree import Node

_SPLITTING = frozenset(("string_to_array", "regexp_split_to_array", "parse_ident"))
_ARRAY_SUBLINK = 6
_ANY_BUT_ARRAYS = (2776,)  # anynonarray: array_agg of arrays makes one of more dimensions


def elements(array: Node, scope: Scope) -> Proof:
    """Whether an element of the array can be NULL; of no interest where the array itself is."""
    while array.tag in ("RELABELTYPE", "ARRAYCOERCEEXPR") and array.node("arg") is not None:
        array = array.node("arg") or array
    if array.tag == "ARRAYEXPR":
        return _listed(array, scope)
    if array.tag == "CONST" and lacks_nulls(array):
        return never("no element is NULL", array)
    found = gathered(array, scope)
    if found is not None:
        argument, within = found
        return within.prove(argument)
    if array.tag == "SUBLINK" and array.number("subLinkType") == _ARRAY_SUBLINK:
        query = array.node("subselect")
        columns = [] if query is None else scope.prover.columns(query, scope, frozenset())
        return columns[0] if columns else maybe("not understood", array)
    if array.tag == "FUNCEXPR" and len(array.nodes("args")) == 2:
        function = scope.catalog.functions.get(array.number("funcid"))
        if function is not None and function.builtin and function.name in _SPLITTING:
            return never(f"{function.name}() makes no NULL elements", array)
    return maybe("an element of the array may be NULL", array)


def gathered(node: Node, scope: Scope) -> tuple[Node, Scope] | None:
    """What array_agg() makes elements of, and the scope of the rows that it takes them from."""
    if node.tag != "AGGREF" or node.number("agglevelsup"):
        return None
    function = scope.catalog.functions.get(node.number("aggfnoid"))
    argument = next((a.node("expr") for a in node.nodes("args") if not a.flag("resjunk")), None)
    if function is None or not function.builtin or function.name != "array_agg":
        return None
    if function.arguments != _ANY_BUT_ARRAYS or argument is None:
        return None
    within = scope.base
    condition = node.node("aggfilter")
    if condition is not None:
        within = scope.prover.assume(within, implied(condition, TRUE, within))
    return argument, within


def _listed(array: Node, scope: Scope) -> Proof:
    for element in array.nodes("elements"):
        proof = elements(element, scope) if array.flag("multidims") else scope.prove(element)
        if proof.nullable:
            return proof
    return never("no element is NULL", array)
