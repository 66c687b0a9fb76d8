"""The join tree: which FROM items an outer join may fill with NULLs, and what conditions hold."""

from collections.abc import Iterator

from salacia_db.codegen.analysis.names import plain
from salacia_db.codegen.analysis.proofs.keys import Key
from salacia_db.codegen.analysis.proofs.narrowing import TRUE, implied, strict_arguments
from salacia_db.codegen.analysis.proofs.proof import Proof, located, maybe
from salacia_db.codegen.analysis.proofs.scope import Scope
from salacia_db.codegen.analysis.proofs.values import boolean
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.walk import descend

INNER, LEFT, FULL, RIGHT = range(4)  # JoinType
_JOINS = {LEFT: "LEFT JOIN", FULL: "FULL JOIN", RIGHT: "RIGHT JOIN"}
_RELATION, _FUNCTION = 0, 3  # RTEKind


def solve(scope: Scope) -> None:
    """Fill the scope's facts from its join tree, WHERE included, until nothing new follows.

    A condition that can't be true of NULLs, wherever it stands above an outer join, shows that the
    join found its row; then the join's own condition held as well, and so on.
    """
    tree = scope.query.node("jointree")
    if tree is None:
        return
    conditions = _Conditions(scope)
    while True:
        scope.lost.clear()
        if not _visit(tree, True, scope, conditions):
            return


class _Conditions:
    """Conditions that hold, each understood once per round."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def hold(self, quals: Node | None) -> bool:
        """Learn what a condition that is true implies; whether that is news."""
        if quals is None:
            return False
        return self.scope.facts.learn(implied(quals, TRUE, self.scope))


def _visit(node: Node, certain: bool, scope: Scope, conditions: _Conditions) -> bool:
    """Learn from a node whose rows are surely there (`certain`) or may be NULLs."""
    if node.tag == "RANGETBLREF":
        return certain and _found(node.number("rtindex"), scope)
    if node.tag == "FROMEXPR":
        news = [_visit(child, certain, scope, conditions) for child in node.nodes("fromlist")]
        if certain:
            news.append(conditions.hold(node.node("quals")))
        return any(news)
    return _join(node, certain, scope, conditions)


def _join(node: Node, certain: bool, scope: Scope, conditions: _Conditions) -> bool:
    left, right = node.node("larg"), node.node("rarg")
    if left is None or right is None:
        return False
    kind = node.number("jointype")
    keeps_left = certain and (kind in (INNER, LEFT) or _forced(left, scope))
    keeps_right = certain and (kind in (INNER, RIGHT) or _forced(right, scope))
    if kind not in (INNER, LEFT, FULL, RIGHT):
        keeps_left = keeps_right = False
    if certain and kind == LEFT and _always_found(right, node.node("quals"), scope):
        keeps_right = True
    index = node.number("rtindex")
    news = certain and index > 0 and scope.facts.find((index,))
    for side, other, kept in ((left, right, keeps_left), (right, left, keeps_right)):
        if certain and not kept:
            reason = _lost(node, side, other, scope)
            scope.lost.update((entry, reason) for entry in entries(side))
        news = _visit(side, kept, scope, conditions) or news
    if keeps_left and keeps_right:
        news = conditions.hold(node.node("quals")) or news
    return news


def _always_found(side: Node, quals: Node | None, scope: Scope) -> bool:
    """`LEFT JOIN (SELECT count(*) …) ON true`: a subquery of one row, for each row of the left."""
    if side.tag != "RANGETBLREF" or not (quals is None or boolean(quals)):
        return False
    entry = scope.entry(side.number("rtindex"))
    query = None if entry is None or entry.get("securityQuals") else entry.node("subquery")
    return query is not None and scope.prover.one_row(query)


def _lost(join: Node, side: Node, other: Node, scope: Scope) -> Proof:
    """Why a side of an outer join may be filled with NULLs, and what would mend it."""
    entry, kind = next(entries(side), 0), join.number("jointype")
    reason = f"the {_JOINS.get(kind, 'join')} may find no row of {scope.name(entry)}"
    if kind == FULL:
        reason += f" for one of {scope.name(next(entries(other), 0))}"
    cause = _begins(join.node("quals"))
    # Without a place it is in a view, where this statement's WHERE can't name its tables.
    found = None if cause is None else _always_there(side, scope)
    hint = "use an inner join"
    if found is not None:
        hint = f"add `where {found} is not null`, or {hint}"
    return maybe(reason, cause=cause, hint=hint)


def _begins(condition: Node | None) -> int | None:
    """Where the condition starts in the text, if the tree tells."""
    places = (located(node) for node in descend(condition, queries=False))
    return min((place for place in places if place is not None), default=None)


def _always_there(side: Node, scope: Scope) -> str | None:
    """A column of the side as WHERE may name it, which is NULL only where the join found no row."""
    for entry in entries(side):
        relation, node = scope.relation(entry), scope.entry(entry)
        alias = None if node is None else node.node("alias") or node.node("eref")
        columns = () if relation is None else relation.table.columns
        always = next((column.name for column in columns if column.not_null), None)
        if alias is not None and always is not None:
            name = scope.catalog.quote(plain(alias.get("aliasname")))
            return f"{name}.{scope.catalog.quote(always)}"
    return None


def _found(index: int, scope: Scope) -> bool:
    news = scope.facts.find((index,))
    entry = scope.entry(index)
    if entry is not None and entry.number("rtekind") == _FUNCTION:
        news = scope.facts.learn(_arguments(entry, scope)) or news
    return news


def _arguments(entry: Node, scope: Scope) -> dict[Key, int | None]:
    """A strict function that returned a row of a set was given no NULL."""
    functions = entry.nodes("functions")
    call = functions[0].node("funcexpr") if len(functions) == 1 else None
    if call is None or call.tag != "FUNCEXPR" or not call.flag("funcretset"):
        return {}
    return strict_arguments(call, scope)


def _forced(node: Node, scope: Scope) -> bool:
    """Whether anything below the node is known to be there: then all of the node is."""
    return any(entry in scope.facts.forced for entry in entries(node))


def full_joins(scope: Scope) -> Iterator[tuple[int, tuple[int, int]]]:
    """Each FULL JOIN that surely has a row, with the last entries of both of its sides."""
    for node in descend(scope.query.node("jointree"), queries=False):
        left, right = node.node("larg"), node.node("rarg")
        if node.tag != "JOINEXPR" or node.number("jointype") != FULL:
            continue
        join = node.number("rtindex")
        if left is not None and right is not None and join in scope.facts.present:
            *_, ours = entries(left)
            *_, theirs = entries(right)
            yield join, (ours, theirs)


def entries(node: Node) -> Iterator[int]:
    """The range table entries below a node of the join tree, tables before their joins."""
    if node.tag == "RANGETBLREF":
        yield node.number("rtindex")
        return
    for child in (*node.nodes("fromlist"), node.node("larg"), node.node("rarg")):
        if child is not None:
            yield from entries(child)
    if node.number("rtindex"):
        yield node.number("rtindex")
