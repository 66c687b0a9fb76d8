"""A `:bulk` statement as one that takes a list for each parameter, where that does the same.

`:bulk` means: run the statement for one entry after the other. One statement over `unnest` of all
lists is about twice as fast, and does the same where no entry can see what another one has done.
Arrays travel as text, where that says all of them: about as fast as one JSON text for each list.
"""

from collections.abc import Callable

from salacia_db.codegen.analysis.calls import called, only_reading
from salacia_db.codegen.analysis.catalog import FIRST_USER_OID, Catalog, Relation
from salacia_db.codegen.analysis.server import Parsed, Server
from salacia_db.codegen.analysis.tree import Node, Value
from salacia_db.codegen.analysis.unnesting import XID, List, unnest_change, unnest_insert
from salacia_db.codegen.analysis.walk import DELETE, INSERT, UPDATE, descend, events
from salacia_db.codegen.facts import PgType, Tracked, Unnested
from salacia_db.codegen.source.lexer import lex

_DO_UPDATE = 2  # OnConflictAction
_SUBQUERY, _FUNCTION, _CTE = 1, 3, 6  # RTEKind
_BOOLEAN, _INT8, _XID8 = 16, 20, 5069
_NO_MATTER = ("location", "varnosyn", "varattnosyn", "varnullingrels")
# Written without a length, these would be of one character.
_ANY_LENGTH = {"character": "bpchar", "bit": '"bit"'}
# What the driver takes as an element of an array as it takes it alone.
_ELEMENTS = frozenset(
    """
    bit bool bpchar bytea cidr citext date float4 float8 hstore inet int2 int4 int8 interval json
    jsonb ltree name numeric oid pg_lsn text time timestamp timestamptz timetz uuid varbit varchar
    xid8
    """.split()
)

_AS_TEXT = {
    **dict.fromkeys(("int2", "int4", "int8"), "int"),
    **dict.fromkeys(("text", "varchar"), "text"),
    "bool": "bool",
    "uuid": "uuid",
}


def unnest(
    sql: str, parsed: Parsed, tracked: Tracked | None, server: Server, catalog: Catalog
) -> Unnested | None:
    """The form for many rows at once; None where it isn't proven to do the same.

    The statement touches at most one row, and leaves the session as it was. `tracked` is its form
    that tells the transaction's number, on which this one builds.
    """
    query = parsed.main
    types = [catalog.types[oid] for oid in parsed.parameters if oid in catalog.types]
    if query is None or tracked is None or not types or len(types) < len(parsed.parameters):
        return None
    relation = _target(query, parsed.written, catalog)
    arrays = {n: kind for n, type_ in enumerate(types) if (kind := _elements(type_)) is not None}
    if relation is None or not all(n in arrays or _is_element(t) for n, t in enumerate(types)):
        return None
    if not _is_alone(query, relation, [*types, *(c.type for c in relation.table.columns)], catalog):
        return None
    lists = [
        List("text[]", type_.display)
        if n in arrays
        else List(f"{_ANY_LENGTH.get(type_.display, type_.display)}[]")
        for n, type_ in enumerate(types)
    ]
    json = tuple(n for n, type_ in enumerate(types) if _base(type_).name in ("json", "jsonb"))
    if query.number("commandType") == INSERT:
        if relation.deferrable and _updates(query):
            return None
        end = next(token.end for token in reversed(lex(sql)) if token.significant)
        text, tail = unnest_insert(sql[:end], lists), tracked.sql[end:]
        extra = (_BOOLEAN, _XID8) if tracked.created else (_XID8,)
        again = _parsed(text, tail, parsed, server, extra)
        same = again is not None and _inserted(query) == _inserted(again)
        if text is None or not same:
            return None
        return Unnested(text, tail, json=json, arrays=tuple(arrays.items()))
    if not _is_steady(query, relation, catalog):
        return None
    text, tail = unnest_change(tracked.sql, lists), f", {XID}"
    again = _parsed(text, tail, parsed, server, (_INT8, _INT8, _XID8))
    same = again is not None and _changed(query) == _changed(again)
    if text is None or not same:
        return None
    return Unnested(text, tail, positioned=True, json=json, arrays=tuple(arrays.items()))


def _parsed(
    text: str | None, tail: str, parsed: Parsed, server: Server, extra: tuple[int, ...]
) -> Node | None:
    """What the server makes of the text, if it gives the same rows, and these types after them."""
    again = None if text is None else server.parse(text + tail)
    if not isinstance(again, Parsed):
        return None
    at = len(parsed.columns)
    if again.columns[:at] != parsed.columns or tuple(c.type for c in again.columns[at:]) != extra:
        return None
    return again.main


def _base(type_: PgType) -> PgType:
    while type_.kind == "domain" and type_.element is not None:
        type_ = type_.element
    return type_


def _elements(type_: PgType) -> str | None:
    """What the elements of an array are, if its text says exactly what its binary form would."""
    element = type_.element if type_.kind == "array" else None
    return _AS_TEXT.get(element.name) if element is not None and element.kind == "base" else None


def _is_element(type_: PgType) -> bool:
    base = _base(type_)
    return base.kind in ("enum", "range") or (base.kind == "base" and base.name in _ELEMENTS)


# --- whether entries are independent --------------------------------------------------------------


def _target(query: Node, written: Node | None, catalog: Catalog) -> Relation | None:
    """The one table that is written, if the statement names it, and not a view of it."""
    oids: list[int] = []
    for tree in (query, written):
        entries, number = ([], 0) if tree is None else _entries(tree)
        oids.append(entries[number - 1].number("relid") if 0 < number <= len(entries) else 0)
    relation = catalog.relations.get(oids[0])
    if oids[0] != oids[1] or relation is None or relation.table.kind not in ("r", "p"):
        return None
    return relation


def _entries(query: Node) -> tuple[list[Node], int]:
    return query.nodes("rtable"), query.number("resultRelation")


def _is_alone(query: Node, relation: Relation, types: list[PgType], catalog: Catalog) -> bool:
    """Whether nothing that the statement calls or sets off could see another entry's row."""
    if relation.rules or relation.foreign or relation.row_security:
        return False
    raised = events(query)
    if any(t.events & raised and not t.only_writes for t in relation.triggers):
        return False
    nodes = list(descend(query))
    if any(node.tag in ("SUBLINK", "COMMONTABLEEXPR") for node in nodes):
        return False
    if sum(node.tag == "QUERY" for node in nodes) > 1:
        return False
    functions = {oid for node in nodes for oid in called(node, catalog.operators)}
    functions |= relation.check_functions
    for type_ in types:
        for each in (type_, _base(type_)):
            functions |= catalog.domain_functions.get(each.oid, frozenset())
    return all(_is_plain(oid, catalog) for oid in functions) and not _comes_back(relation, catalog)


def _is_plain(oid: int, catalog: Catalog, within: frozenset[int] = frozenset()) -> bool:
    """Whether the function reads no table: PostgreSQL's own, an extension's in C, or seen through.

    `within` are the functions whose bodies call it.
    """
    function = catalog.functions.get(oid)
    if function is None or oid < FIRST_USER_OID or function.language == "c":
        return function is not None
    nodes = only_reading(function.body) if function.body and oid not in within else ()
    functions = {each for node in nodes for each in called(node, catalog.operators)}
    return (
        bool(nodes)
        and not any(node.number("relid") for node in nodes)
        and all(_is_plain(each, catalog, within | {oid}) for each in functions)
    )


def _comes_back(relation: Relation, catalog: Catalog) -> bool:
    """Whether foreign keys lead from the table to itself, or to what its own changes reach."""
    reached: set[int] = set()
    coming = {relation.table.oid}
    while coming:
        oid = coming.pop()
        reached.add(oid)
        known = catalog.relations.get(oid)
        coming |= (known.cascades if known is not None else frozenset()) - reached
    tables = {catalog.relations[oid].table.ref for oid in reached if oid in catalog.relations}
    return any(key.table in tables for key in relation.table.foreign_keys)


def _updates(query: Node) -> bool:
    conflict = query.node("onConflict")
    return conflict is not None and conflict.number("action") == _DO_UPDATE


def _is_steady(query: Node, relation: Relation, catalog: Catalog) -> bool:
    """Whether no entry's change decides which row another entry finds, or whether it may be made.

    Two entries for one row are told when it runs, as long as both find it beforehand.
    """
    condition = _condition(query)
    if condition is None or query.number("commandType") not in (UPDATE, DELETE):
        return False
    functions = {oid for node in descend(condition) for oid in called(node, catalog.operators)}
    if any(catalog.functions[oid].volatility == "v" for oid in functions):
        return False
    if query.number("commandType") == DELETE:
        return True
    changed = {e.number("resno") for e in query.nodes("targetList") if not e.flag("resjunk")}
    changed |= {c.number for c in relation.table.columns if c.generated}
    # Between two changes a key may be taken that is free after both.
    if relation.table.kind == "p" or 0 in relation.exclusive or changed & relation.exclusive:
        return False
    return not any(_depends(part, changed) for part in _conjuncts(condition))


def _conjuncts(condition: Node) -> list[Node]:
    if condition.tag == "BOOLEXPR" and condition.get("boolop") == "and":
        return [part for each in condition.nodes("args") for part in _conjuncts(each)]
    return [condition]


def _depends(part: Node, changed: set[int]) -> bool:
    """Whether a condition looks at what is changed, and not for every entry in the same way."""
    nodes = list(descend(part))
    looked = {node.number("varattno") for node in nodes if node.tag == "VAR"}
    touched = bool(looked & changed) or any(number <= 0 for number in looked)
    return touched and any(node.tag == "PARAM" for node in nodes)


# --- whether the two texts say the same -----------------------------------------------------------


def _condition(query: Node) -> Node | None:
    tree = query.node("jointree")
    return None if tree is None else tree.node("quals")


def _source(query: Node, kind: int) -> int:
    """The number of the entry of this kind in the range table; 0 where there is none."""
    entries = enumerate(query.nodes("rtable"), 1)
    return next((number for number, e in entries if e.number("rtekind") == kind), 0)


def _lists(query: Node) -> int:
    """The number of `"$"`: of a function, or of a subquery where arrays travel as text."""
    return _source(query, _FUNCTION) or _source(query, _SUBQUERY)


def _changed(query: Node) -> Value:
    """Condition, assignments and result of an UPDATE or DELETE; parameters are columns of `"$"`."""
    source = _source(query, _CTE)
    shape = _shaper(lambda node: _parameter(node, source))
    entries = [e for e in query.nodes("targetList") if not e.flag("resjunk")]
    returned = query.nodes("returningList")
    # The last three of the form for many rows are its own.
    returned = returned[:-3] if source else returned
    return [
        shape(_condition(query)),
        [[e.number("resno"), shape(e.node("expr"))] for e in entries],
        [shape(e.node("expr")) for e in returned],
    ]


def _inserted(query: Node) -> Value:
    """What an INSERT puts where; the columns of its subquery are looked through."""
    number = _source(query, _SUBQUERY)
    subquery = query.nodes("rtable")[number - 1].node("subquery") if number else None
    inner: Callable[[Value], Value] = _shaper(
        lambda node: _parameter(node, 0 if subquery is None else _lists(subquery))
    )

    def through(node: Node) -> Value:
        if subquery is None or node.tag != "VAR" or node.number("varno") != number:
            return _parameter(node, 0)
        found = subquery.nodes("targetList")[node.number("varattno") - 1 :]
        return inner(found[0].node("expr")) if found else None

    shape = _shaper(through)
    return [[e.number("resno"), shape(e.node("expr"))] for e in query.nodes("targetList")]


def _parameter(node: Node, source: int) -> Value:
    """What stands for a parameter, or for the column of `source` in its place; else None."""
    if node.tag == "PARAM":
        found = ("paramid", "paramtype", "paramtypmod", "paramcollid")
    elif node.tag == "VAR" and source and node.number("varno") == source:
        found = ("varattno", "vartype", "vartypmod", "varcollid")
    else:
        return None
    return ["parameter", *(node.number(name) for name in found)]


def _shaper(replaced: Callable[[Node], Value]) -> Callable[[Value], Value]:
    """A function that makes values of trees that can be compared, without places."""

    def shape(value: Value) -> Value:
        if isinstance(value, Node):
            found = replaced(value)
            if found is not None:
                return found
            fields = value.fields.items()
            return [value.tag, *([n, shape(v)] for n, v in fields if n not in _NO_MATTER)]
        return [shape(each) for each in value] if isinstance(value, list) else value

    return shape
