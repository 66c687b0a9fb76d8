"""Columns: what each kind of FROM item promises of the columns that it offers."""

from collections.abc import Callable

from salacia_db.codegen.analysis.functions import SETS
from salacia_db.codegen.analysis.names import plain
from salacia_db.codegen.analysis.proofs.arrays import elements
from salacia_db.codegen.analysis.proofs.joins import FULL, entries
from salacia_db.codegen.analysis.proofs.keys import column_key
from salacia_db.codegen.analysis.proofs.proof import Proof, maybe, never, placed
from salacia_db.codegen.analysis.proofs.scope import Scope
from salacia_db.codegen.analysis.proofs.written import written
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.walk import DELETE, INSERT, MERGE, UPDATE, behind, descend, events

_RELATION, _SUBQUERY, _JOIN, _FUNCTION, _TABLEFUNC, _VALUES, _CTE = range(7)  # RTEKind
_GROUP = 9
_OLD, _NEW = 1, 2  # VarReturningType


def variable(node: Node, scope: Scope) -> Proof:
    """A VAR: a column of this query's FROM items or of an outer query's."""
    owner = scope.ancestor(node.number("varlevelsup"))
    if owner is None:
        return maybe("not understood", node)
    entry, attribute = node.number("varno"), node.number("varattno")
    key = column_key(node)
    if key is None:
        return placed(_changed(node, entry, attribute, owner), node)
    proof = column(entry, attribute, owner)
    if proof.nullable:
        known, place = scope.condition(key)
        if known:
            return _narrowed(entry, attribute, owner, place)
    return placed(proof, node)


def _lost(kind: int, attribute: int, entry: int, scope: Scope) -> Proof:
    """A column of a row that may not be there; it may be NULL even where the row is."""
    lost = scope.lost.get(entry) or maybe(f"there may be no row of {scope.name(entry)}")
    relation = scope.relation(entry)
    if kind != _RELATION or relation is None or attribute <= 0 or attribute in relation.not_null:
        return lost
    shown = named(entry, attribute, scope)
    reason = f"{lost.reason}, and {shown} is not declared NOT NULL"
    return Proof(True, reason, None, lost.cause, _there(entry, attribute, shown, lost, scope))


def _there(entry: int, attribute: int, shown: str, lost: Proof, scope: Scope) -> str:
    """What would make the column of an outer join never NULL."""
    relation, node = scope.relation(entry), scope.entry(entry)
    alias = None if node is None else node.node("alias") or node.node("eref")
    hint = f"use an inner join and declare {shown} NOT NULL"
    # Without a place it is in a view, where this statement's WHERE can't name its tables.
    if relation is None or alias is None or lost.cause is None:
        return hint
    column = next(c.name for c in relation.table.columns if c.number == attribute)
    quote = scope.catalog.quote
    return f"add `where {quote(plain(alias.get('aliasname')))}.{quote(column)} is not null`"


def _narrowed(entry: int, attribute: int, scope: Scope, place: int | None) -> Proof:
    shown = named(entry, attribute, scope)
    return Proof(False, f"not null: a condition lets no NULL of {shown} through", place)


def column(entry: int, attribute: int, scope: Scope) -> Proof:
    """A column of one of the scope's own range table entries; attribute 0 is its whole row."""
    node = scope.entry(entry)
    if node is None:
        return maybe("not understood")
    kind = node.number("rtekind")
    if kind == _GROUP:
        return _grouped(entry, attribute, scope)
    if kind == _JOIN:
        return _joined(node, entry, attribute, scope)
    if entry not in scope.facts.present:
        return _lost(kind, attribute, entry, scope)
    if attribute == 0 and kind in (_RELATION, _SUBQUERY, _VALUES, _CTE):
        return never(f"there is always a row of {scope.name(entry)}")
    rule = _RULES.get(kind)
    return maybe("not understood") if rule is None else rule(node, entry, attribute, scope)


def named(entry: int, attribute: int, scope: Scope) -> str:
    """The column as a person would name it, as far as the catalog knows."""
    relation = scope.relation(entry)
    if relation is not None:
        for found in relation.table.columns:
            if found.number == attribute:
                return f"{relation.table.ref.name}.{found.name}"
        return relation.table.ref.name
    inner = behind(scope.query, entry, attribute)
    if inner is not None and inner.tag == "VAR" and not inner.number("varlevelsup"):
        return named(inner.number("varno"), inner.number("varattno"), scope)
    return f"a column of {scope.name(entry)}"


def _grouped(entry: int, attribute: int, scope: Scope) -> Proof:
    inner = behind(scope.query, entry, attribute)
    if inner is None:
        return maybe("a grouping set that doesn't group by it leaves it out")
    return scope.prove(inner)


def _joined(node: Node, entry: int, attribute: int, scope: Scope) -> Proof:
    present = entry in scope.facts.present
    if attribute == 0 and present:
        return never("the join always has a row")
    inner = behind(scope.query, entry, attribute)
    if inner is None:
        return scope.lost.get(entry) or maybe("not understood")
    merged = inner.nodes("args") if inner.tag == "COALESCEEXPR" else []
    if present and node.number("jointype") == FULL and len(merged) == 2:
        return _merged(entry, merged, scope)
    return scope.prove(inner)


def _merged(entry: int, arguments: list[Node], scope: Scope) -> Proof:
    """A column of FULL JOIN … USING: one of the two sides is always there."""
    tree = descend(scope.query.node("jointree"), queries=False)
    joins = (n for n in tree if n.tag == "JOINEXPR" and n.number("rtindex") == entry)
    join = next(joins, None)
    for name, argument in zip(("larg", "rarg"), arguments, strict=True):
        side = None if join is None else join.node(name)
        if side is None:
            return maybe("not understood")
        *_, root = entries(side)
        proof = scope.prover.assume(scope, {(0, root, 0): None}).prove(argument)
        if proof.nullable:
            return proof
    return never("one side of the FULL JOIN is always there")


# --- tables ---------------------------------------------------------------------------------------

_TABLEOID, _ALIKE = -6, ("r", "m", "p")


def _relation(node: Node, entry: int, attribute: int, scope: Scope) -> Proof:
    relation = scope.relation(entry)
    if relation is None:
        return maybe("a relation that is not known here")
    table = relation.table
    shown = named(entry, attribute, scope)
    if attribute < 0:
        if table.kind in _ALIKE and not relation.foreign:
            return never(f"a system column of {table.ref.name}")
        return maybe(f"a system column of {table.ref.name}, which has other storage")
    if table.kind not in ("r", "p"):
        return maybe(f"{table.ref.name} promises nothing of its columns")
    if entry == scope.query.number("resultRelation") and relation.rules & events(scope.query):
        return maybe(f"rules rewrite changes of {table.ref.name}")
    alone = not node.flag("inh") and table.kind == "r"
    if attribute in (relation.not_null_alone if alone else relation.not_null):
        return never(f"{shown} is declared NOT NULL")
    proof = written(entry, attribute, relation, scope)
    if proof is not None:
        return proof
    hint = f"declare {shown} NOT NULL"
    if entry != scope.query.number("resultRelation"):
        hint += ", or add a condition that it is not null"
    return maybe(f"{shown} is not declared NOT NULL", hint=hint)


def _changed(node: Node, entry: int, attribute: int, scope: Scope) -> Proof:
    """`old` and `new` in RETURNING: one of them is not there where a row was made or deleted."""
    command, old = scope.query.number("commandType"), node.number("varreturningtype") == _OLD
    if command == UPDATE and old and scope.before is not None:
        known, place = scope.before.condition((0, entry, attribute))
        if known:
            return _narrowed(entry, attribute, scope, place)
        return column(entry, attribute, scope.before)
    there = {
        UPDATE: True,
        INSERT: not old,
        DELETE: old,
        MERGE: all(c in ((UPDATE, DELETE) if old else (UPDATE, INSERT)) for c in actions(scope)),
    }
    if not there.get(command, False):
        return maybe("there is no old row of one just made" if old else "no new row of one deleted")
    if command == DELETE:
        known, place = scope.condition((0, entry, attribute))
        if known:
            return _narrowed(entry, attribute, scope, place)
    return column(entry, attribute, scope)


def actions(scope: Scope) -> list[int]:
    """What a MERGE may do with a row, as command types; 7 stands for nothing."""
    return [
        action.number("commandType")
        for action in scope.query.nodes("mergeActionList")
        if action.number("commandType") in (UPDATE, INSERT, DELETE)
    ]


# --- other FROM items -----------------------------------------------------------------------------


def _subquery(node: Node, entry: int, attribute: int, scope: Scope) -> Proof:
    query = node.node("subquery")
    if query is None:
        return maybe("not understood")
    given = _given(entry, scope)
    known = scope.cache.get((entry, given))
    if known is None:
        known = scope.cache[entry, given] = scope.prover.columns(query, scope, given)
    return _numbered(known, attribute)


def _given(entry: int, scope: Scope) -> frozenset[int]:
    """Columns of the entry that conditions show not to be NULL, which may show more inside it."""
    known = scope.facts.known
    return frozenset(
        k[2] for k in known if isinstance(k, tuple) and k[:2] == (0, entry) and k[2] > 0
    )


def _cte(node: Node, entry: int, attribute: int, scope: Scope) -> Proof:
    owner = scope.ancestor(node.number("ctelevelsup"))
    name = node.get("ctename")
    if owner is None or not isinstance(name, str):
        return maybe("not understood")
    found = next((c for c in owner.query.nodes("cteList") if c.get("ctename") == name), None)
    query = None if found is None else found.node("ctequery")
    if found is None or query is None:
        return maybe("not understood")
    if name in owner.ctes:
        return _numbered(owner.ctes[name], attribute)
    if found.flag("cterecursive"):
        owner.ctes[name] = _fixpoint(query, name, owner)
        return _numbered(owner.ctes[name], attribute)
    given = _given(entry, scope)
    key = f"{name} {sorted(given)}"
    if key not in owner.ctes:
        owner.ctes[key] = owner.prover.columns(query, owner, given)
    return _numbered(owner.ctes[key], attribute)


def _fixpoint(query: Node, name: str, owner: Scope) -> list[Proof]:
    """A recursive query: what its first part has and each step keeps."""
    width = len(query.nodes("targetList"))
    owner.ctes[name] = [never("each step keeps it") for _ in range(width)]
    while True:
        assumed = owner.ctes[name]
        found = owner.prover.columns(query, owner, frozenset())
        if [p.nullable for p in found] == [p.nullable for p in assumed[: len(found)]]:
            return found
        owner.ctes[name] = [
            found[i] if i < len(found) and not assumed[i].nullable else assumed[i]
            for i in range(width)
        ]


def _numbered(columns: list[Proof], attribute: int) -> Proof:
    if 0 < attribute <= len(columns):
        return columns[attribute - 1]
    return maybe("not understood")


def _values_list(node: Node, entry: int, attribute: int, scope: Scope) -> Proof:
    rows = node.get("values_lists")
    for row in rows if isinstance(rows, list) else [None]:
        value = row[attribute - 1] if isinstance(row, list) and 0 < attribute <= len(row) else None
        if not isinstance(value, Node):
            return maybe("not understood")
        proof = scope.prove(value)
        if proof.nullable:
            return proof
    return never("no row of VALUES has a NULL there")


def _function(node: Node, entry: int, attribute: int, scope: Scope) -> Proof:
    functions = node.nodes("functions")
    width = sum(function.number("funccolcount") for function in functions)
    if node.flag("funcordinality") and attribute == width + 1:
        return never("ORDINALITY counts the rows")
    call = functions[0].node("funcexpr") if len(functions) == 1 else None
    if call is None:
        return maybe("the shorter of several functions is filled up with NULLs")
    if call.tag == "SQLVALUEFUNCTION":
        return scope.prove(call)
    function = scope.catalog.functions.get(call.number("funcid"))
    if call.tag != "FUNCEXPR" or function is None or not function.builtin:
        return maybe("a function promises nothing of its columns")
    if not call.flag("funcretset"):
        type_ = scope.catalog.types.get(call.number("funcresulttype"))
        scalar = type_ is not None and type_.kind not in ("composite", "pseudo", "domain")
        return scope.prove(call) if scalar and attribute == 1 else maybe("a row may be NULL")
    return set_column(call, function.name, attribute, scope)


def set_column(call: Node, name: str, attribute: int, scope: Scope) -> Proof:
    """A column of what a built-in function that returns a set returned."""
    arguments = call.nodes("args")
    if name == "unnest" and len(arguments) == 1:
        type_ = scope.catalog.types.get(call.number("funcresulttype"))
        if type_ is None or type_.kind in ("composite", "pseudo", "domain"):
            return maybe("a row may be NULL")
        if type_.kind == "range":
            return never("a multirange holds no NULL")
        return elements(arguments[0], scope)
    if name == "string_to_table" and len(arguments) == 2:
        return never("string_to_table() makes no NULL")
    promised = SETS.get(name, ())
    if 0 < attribute <= len(promised) and promised[attribute - 1]:
        return never(f"{name}() returns no NULL")
    return maybe(f"{name}() may return NULL")


def _tablefunc(node: Node, entry: int, attribute: int, scope: Scope) -> Proof:
    table = node.node("tablefunc")
    if table is None or table.number("functype"):
        return maybe("a path may find nothing")  # JSON_TABLE
    if attribute - 1 in (*table.numbers("notnulls"), table.number("ordinalitycol")):
        return never("XMLTABLE refuses a NULL there")
    return maybe("a path may find nothing")


_RULES: dict[int, Callable[[Node, int, int, Scope], Proof]] = {
    _RELATION: _relation,
    _SUBQUERY: _subquery,
    _FUNCTION: _function,
    _TABLEFUNC: _tablefunc,
    _VALUES: _values_list,
    _CTE: _cte,
}
