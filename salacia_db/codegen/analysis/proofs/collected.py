"""Arrays among a statement's outputs: what is known of their elements."""

from msgspec import Struct

from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.names import outputs
from salacia_db.codegen.analysis.proofs.arrays import elements, gathered
from salacia_db.codegen.analysis.proofs.prover import Rules
from salacia_db.codegen.analysis.proofs.scope import Scope
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.walk import SELECT
from salacia_db.codegen.facts import TableRef

_RELATION = 0  # RTEKind
_STORED = "rp"


class Collected(Struct, frozen=True):
    """`filled`: no element is NULL. `rows`: those that aren't are whole rows of this table, as they
    stand in it. `empty`: there are none.
    """

    filled: bool = False
    rows: TableRef | None = None
    empty: bool = False


_NOTHING = Collected()


def collected(query: Node, catalog: Catalog) -> list[Collected]:
    """One for each output; nothing is claimed of set operations, changes and grouping sets."""
    found = outputs(query)
    unusual = query.node("setOperations") or query.get("groupingSets")
    if query.number("commandType") != SELECT or unusual:
        return [_NOTHING for _ in found]
    scope = Rules(catalog).inside(query, None)
    expressions = [entry.node("expr") for entry in found]
    return [_NOTHING if e is None else _collected(e, scope) for e in expressions]


def _collected(node: Node, scope: Scope) -> Collected:
    if node.tag == "AGGREF":
        return _aggregate(node, scope)
    if node.tag == "COALESCEEXPR":
        return _either([_collected(argument, scope) for argument in node.nodes("args")])
    if node.tag == "CONST" and _is_empty(node):
        return Collected(filled=True, empty=True)
    if node.tag == "ARRAYEXPR" and not node.flag("multidims"):
        return Collected(not elements(node, scope).nullable, empty=not node.nodes("elements"))
    return _NOTHING


def _either(found: list[Collected]) -> Collected:
    tables = {one.rows for one in found if not one.empty}
    rows = tables.pop() if len(tables) == 1 else None
    return Collected(all(one.filled for one in found), rows, all(one.empty for one in found))


def _aggregate(node: Node, scope: Scope) -> Collected:
    found = gathered(node, scope)
    if found is None:
        return _NOTHING
    argument, within = found
    return Collected(not within.prove(argument).nullable, _table(argument, within))


def _table(argument: Node, scope: Scope) -> TableRef | None:
    """The table whose rows the whole-row reference gives: NOT NULL holds in those alone."""
    if argument.tag != "VAR" or argument.number("varattno") or argument.number("varlevelsup"):
        return None
    number = argument.number("varno")
    entry, relation = scope.entry(number), scope.relation(number)
    if entry is None or relation is None or entry.number("rtekind") != _RELATION:
        return None
    same = argument.number("vartype") == relation.row_type
    return relation.table.ref if same and relation.table.kind in _STORED else None


def _is_empty(node: Node) -> bool:
    """Whether it is the constant '{}': an array of no dimension."""
    value = node.get("constvalue")
    if node.number("constlen") != -1 or not isinstance(value, bytes):
        return False
    return len(value) == 16 and not any(value[4:12])
