"""Queries: the output columns of a SELECT, a set operation, or a RETURNING."""

from salacia_db.codegen.analysis.proofs.joins import solve
from salacia_db.codegen.analysis.proofs.keys import Key
from salacia_db.codegen.analysis.proofs.narrowing import TRUE, implied, not_null
from salacia_db.codegen.analysis.proofs.proof import Proof, maybe
from salacia_db.codegen.analysis.proofs.scope import Prover, Scope
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.walk import DELETE, MERGE, SELECT, outputs

_UNION, _INTERSECT, _EXCEPT = range(1, 4)  # SetOperation
_BY_SOURCE = 1  # MERGE_WHEN_NOT_MATCHED_BY_SOURCE


def columns(
    query: Node, parent: Scope | None, given: frozenset[int], prover: Prover
) -> list[Proof]:
    """A query's output columns; `given` are the numbers of some that are known not to be NULL."""
    operation = query.node("setOperations")
    if operation is not None:
        return _operation(operation, given, Scope(query, parent, prover))
    scope = prover.inside(query, parent)
    if query.number("commandType") != SELECT:
        if query.number("querySource"):
            return [maybe("a rule put this query there") for _ in outputs(query)]
        scope = _returning(scope)
    elif query.get("groupingSets") and not query.flag("hasGroupRTE"):
        return [_before_18(entry, scope) for entry in outputs(query)]
    known: dict[Key, int | None] = {}
    for entry in outputs(query):
        expression = entry.node("expr")
        if entry.number("resno") in given and expression is not None:
            known.update(not_null(expression, scope))
    scope = prover.assume(scope, known)
    return [_output(entry, scope) for entry in outputs(query)]


def inside(query: Node, parent: Scope | None, prover: Prover) -> Scope:
    """The scope of a query, with what its joins, WHERE and HAVING show."""
    scope = Scope(query, parent, prover)
    solve(scope)
    having = query.node("havingQual")
    if having is not None and scope.facts.learn(implied(having, TRUE, scope)):
        solve(scope)
    scope.cache.clear()  # judged while less was known
    return scope


def assume(scope: Scope, known: dict[Key, int | None], prover: Prover) -> Scope:
    """The scope for those of its rows in which these values aren't NULL."""
    if all(key in scope.facts.known for key in known):
        return scope
    narrow = Scope(scope.query, scope.parent, prover)
    narrow.base, narrow.before, narrow.settled = scope.base, scope.before, scope.settled
    narrow.ctes, narrow.compared, narrow.lost = scope.ctes, scope.compared, scope.lost.copy()
    narrow.facts.learn(scope.facts.known)
    narrow.facts.find(scope.facts.present)
    narrow.facts.learn(known)
    if not narrow.settled:
        solve(narrow)
    return narrow


def _output(entry: Node, scope: Scope) -> Proof:
    expression = entry.node("expr")
    return maybe("not understood") if expression is None else scope.prove(expression)


def _before_18(entry: Node, scope: Scope) -> Proof:
    """Until 17 a grouping column is printed as if its grouping set never left it out."""
    expression = entry.node("expr")
    if expression is not None and expression.tag in ("AGGREF", "GROUPINGFUNC"):
        return scope.prove(expression)
    return maybe("a grouping set may leave it out", expression)


def _operation(node: Node, given: frozenset[int], scope: Scope) -> list[Proof]:
    left, right = node.node("larg"), node.node("rarg")
    if left is None or right is None:  # a RANGETBLREF
        entry = scope.entry(node.number("rtindex"))
        query = None if entry is None else entry.node("subquery")
        return [] if query is None else scope.prover.columns(query, scope, given)
    ours = _operation(left, given, scope)
    theirs = _operation(right, given, scope)
    operation = node.number("op")
    return [_combined(a, b, operation) for a, b in zip(ours, theirs, strict=False)]


def _combined(left: Proof, right: Proof, operation: int) -> Proof:
    if operation == _UNION:
        return right if right.nullable else left
    if operation == _INTERSECT:
        return left if not left.nullable else right
    if operation == _EXCEPT:
        return left
    return maybe("not understood")


def _returning(before: Scope) -> Scope:
    """The scope of RETURNING: the target's row is there, but as the statement left it."""
    query = before.query
    command, target = query.number("commandType"), query.number("resultRelation")
    scope = Scope(query, before.parent, before.prover)
    scope.before, scope.settled, scope.ctes = before, True, before.ctes
    scope.lost = before.lost.copy()
    present = set(before.facts.present)
    known = dict(before.facts.known)
    if command == MERGE:
        unmatched = any(
            action.number("matchKind") == _BY_SOURCE for action in query.nodes("mergeActionList")
        )
        if unmatched:
            reason = maybe("MERGE may act where its source has no row")
            scope.lost.update((entry, reason) for entry in present)
            present.clear()
            known.clear()
    if command != DELETE:
        known = {key: place for key, place in known.items() if _outlives(key, target)}
    scope.facts.learn(known)
    scope.facts.find((*present, target))
    return scope


def _outlives(key: Key, target: int) -> bool:
    """Whether what a condition said is still so after SET and triggers changed the target."""
    if isinstance(key, str):
        return key.startswith("{PARAM")
    return key[:2] != (0, target)
