"""Pages: whether an order is total, which of its keys can be NULL, whether an index serves it."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from salacia_db.codegen.analysis.calls import called
from salacia_db.codegen.analysis.cardinality import cardinality
from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.effects import LAST_TIME
from salacia_db.codegen.analysis.nullability import prove
from salacia_db.codegen.analysis.same import same_text
from salacia_db.codegen.analysis.server import Parsed, Server
from salacia_db.codegen.analysis.session import Rejected, ServerError
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.vetted import tells_time
from salacia_db.codegen.analysis.walk import descend
from salacia_db.codegen.facts import Bit, Fragment, Paging, PgType, Span, Statement
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.paging import SUBQUERY, OrderTerm, PageText, page_text
from salacia_db.texts import Item, Key, Keyset, Position, numbered

_LIMIT = 20
_CARRIED = frozenset(
    "bool int2 int4 int8 oid float4 float8 numeric text varchar bpchar name citext uuid date"
    " timestamp timestamptz time bytea".split()
)
# What would be worked out of the rows of one page, or make several of one.
_ACROSS = {
    "hasAggs": "an aggregate",
    "hasWindowFuncs": "a window function",
    "hasTargetSRFs": "a function that returns a set",
}


class PagingError(Exception):
    """A statement that can't be walked in pages."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def paging(
    statement: Statement, shapes: Sequence[frozenset[Bit]], server: Server, catalog: Catalog
) -> tuple[Paging, list[Problem]]:
    """The statement, with its stars written out, as pages; and warnings. Raises PagingError.

    `shapes` are the choices for which the texts of the pages may be made.
    """
    text = page_text(statement)
    if isinstance(text, Problem):
        raise PagingError(text)
    shapes = _representatives(text, shapes)
    orders: list[tuple[str | None, tuple[Key, ...]]] = []
    warnings: list[Problem] = []
    texts: dict[str, None] = {}
    # The reverse of an order has the same keys: what is proven of them is proven of both.
    proven: dict[tuple[tuple[Item, ...], ...], list[bool]] = {}
    for label, terms in text.orders.items():
        keys = tuple(
            Key(term.items, term.descending, term.nulls_first, nullable=True) for term in terms
        )
        expressions = tuple(term.items for term in terms)
        known = expressions in proven
        if not known:
            keysets = [_keyset(statement, text, keys, given) for given in shapes]
            found = [_nullable(keyset, terms, server, catalog) for keyset in keysets]
            proven[expressions] = [any(same) for same in zip(*found, strict=True)]
        keys = tuple(
            replace(key, nullable=nullable, nulls_first=key.nulls_first and nullable)
            for key, nullable in zip(keys, proven[expressions], strict=True)
        )
        for given in shapes:
            keyset = _keyset(statement, text, keys, given)
            if not known:
                _check_total(keyset, terms, server, catalog)
            texts.update(dict.fromkeys(_texts(keyset)))
        weakest = _keyset(statement, text, keys, min(shapes, key=len))
        # An index is read backwards, too.
        if not any(_order(weakest.backwards().keys) == _order(other) for _, other in orders):
            warnings += _unserved(weakest, terms, server, catalog)
        orders.append((label, keys))
    refusal = server.refusal(texts)
    if refusal is not None:
        raise _unreadable(refusal, statement.header)
    limit = _LIMIT if statement.page_limit is None else statement.page_limit
    return Paging(text.head, text.select, text.source, text.filter, tuple(orders), limit), warnings


def _representatives(text: PageText, shapes: Sequence[frozenset[Bit]]) -> list[frozenset[Bit]]:
    """Of the shapes that read from the same tables, those with the least and the most given.

    What is joined decides whether an order is total; a condition only leaves out rows.
    """
    least: dict[tuple[Fragment, ...], frozenset[Bit]] = {}
    most: dict[tuple[Fragment, ...], frozenset[Bit]] = {}
    for given in sorted(shapes, key=len):
        tables = tuple(part for part in (*text.head, *text.source) if _is_there(part, given))
        least.setdefault(tables, given)
        most[tables] = given
    return list(dict.fromkeys([*most.values(), *least.values()]))


def _is_there(part: Fragment, given: frozenset[Bit]) -> bool:
    return all(any(bit in given for bit in need) for need in part.needs)


def _keyset(
    statement: Statement, text: PageText, keys: tuple[Key, ...], given: frozenset[Bit]
) -> Keyset:
    def items(parts: Sequence[Fragment]) -> tuple[Item, ...]:
        return tuple(item for part in parts if _is_there(part, given) for item in part.items)

    first = len(statement.parameters)
    return Keyset(
        items(text.head), items(text.select), items(text.source), items(text.filter), keys, first
    )


def _parse(items: Sequence[Item], server: Server, at: Span) -> Parsed:
    sql, _ = numbered(items)
    parsed = server.parse(sql)
    if isinstance(parsed, Rejected):
        raise _unreadable(parsed, at)
    return parsed


def _unreadable(refusal: Rejected, at: Span) -> PagingError:
    message = f"pages of this statement can't be read: {refusal.message}"
    hint = "order by expressions of the tables, not by names that SELECT gives"
    return PagingError(Problem(message, at, hint))


def _nullable(
    keyset: Keyset, terms: Sequence[OrderTerm], server: Server, catalog: Catalog
) -> list[bool]:
    """For each key whether it can be NULL. Raises PagingError for what can't be a key."""
    parsed = _parse(keyset.page(), server, terms[0].at)
    query, count = parsed.main, len(terms)
    if query is None:
        raise PagingError(Problem("this order can't be understood", terms[0].at))
    for flag, what in _ACROSS.items():
        if query.flag(flag):
            message = f"{what} can't stand in the outermost SELECT of a :page"
            raise PagingError(Problem(message, terms[0].at, SUBQUERY))
    entries = query.nodes("targetList")
    keys = [entry for entry in entries if not entry.get("resjunk")][-count:]
    by_reference = {entry.number("ressortgroupref"): entry for entry in entries}
    ordered = [by_reference[c.number("tleSortGroupRef")] for c in query.nodes("sortClause")]
    if len({same_text(key.node("expr")) for key in keys}) < count:
        raise PagingError(Problem("a page is ordered twice by the same", terms[0].at))
    for index, (term, column) in enumerate(zip(terms, parsed.columns[-count:], strict=True)):
        _check_steady(keys[index], term, catalog)
        _check_type(catalog.types.get(column.type), term)
        wanted = same_text(keys[index].node("expr"))
        if len(ordered) != count or same_text(ordered[index].node("expr")) != wanted:
            message = "a page's order has to be told by expressions of the tables"
            hint = "write the expression out, rather than its place or a name that SELECT gives it"
            raise PagingError(Problem(message, term.at, hint))
    return [proof.nullable for proof in prove(query, catalog)[-count:]]


def _check_type(kind: PgType | None, term: OrderTerm) -> None:
    base = kind
    while base is not None and base.kind == "domain":
        base = base.element
    if base is None or not (base.kind == "enum" or base.name in _CARRIED):
        name = "this type" if kind is None else kind.display
        hint = "order by something simpler, or cast it: `(…)::text`"
        raise PagingError(Problem(f"a cursor can't carry {name}", term.at, hint))


def _check_steady(key: Node, term: OrderTerm, catalog: Catalog) -> None:
    """What a row is ordered by has to be the same for the next page."""
    for node in descend(key):
        functions = [catalog.functions.get(oid) for oid in called(node, catalog.operators)]
        if _is_time(node) or any(f and (f.volatility == "v" or tells_time(f)) for f in functions):
            hint = "order by what stays; a function of your own has to be `stable` or `immutable`"
            message = "this order changes from one moment to the next, so that pages don't fit"
            raise PagingError(Problem(message, term.at, hint))


def _is_time(node: Node) -> bool:
    return node.tag == "SQLVALUEFUNCTION" and node.number("op") <= LAST_TIME


def _check_total(
    keyset: Keyset, terms: Sequence[OrderTerm], server: Server, catalog: Catalog
) -> None:
    """With its keys given, there must be one row at most."""
    items: list[Item] = ["select 1\n", *keyset.source, "\nwhere true"]
    if keyset.filter:
        items += ["\n  and (", *keyset.filter, "\n)"] if _text(keyset.filter) else []
    for index, key in enumerate(keyset.keys):
        if not key.nullable:
            items += ["\n  and ", *key.items, " = ", keyset.first + index]
    query = _parse([*keyset.head, "\n", *items], server, terms[0].at).main
    steady = [key for key in keyset.keys if not key.nullable]
    if query is None or not steady or cardinality(query, catalog) == "many":
        raise PagingError(
            Problem(
                "this order isn't total: rows that are equal in it could be met twice or never",
                terms[-1].at,
                "end it with the columns of a unique key that can't be NULL: `…, i.id`",
            )
        )


def _text(items: Sequence[Item]) -> bool:
    return any(isinstance(item, int) or item.strip() for item in items)


def _texts(keyset: Keyset) -> Iterator[str]:
    """Every form of a page's text."""
    for one in (keyset, keyset.backwards()):
        present = tuple(True for _ in one.keys)
        nothing = tuple(not key.nullable for key in one.keys)
        positions = dict.fromkeys(
            (None, Position(present), Position(nothing), Position(nothing, True))
        )
        for position in positions:
            yield numbered(one.page(position))[0]
        yield numbered(one.page(Position(present), total=True))[0]
    yield numbered(keyset.numbered())[0]


def _unserved(
    keyset: Keyset, terms: Sequence[OrderTerm], server: Server, catalog: Catalog
) -> list[Problem]:
    """A warning where the rows have to be sorted, whatever index there is."""
    sql, indexes = numbered(keyset.page())
    try:
        sorts = _sorts(sql, len(indexes), server)
    except ServerError:
        return []  # no leave to plan this (a table of somebody else's): nothing to say
    if not sorts:
        return []
    return [
        Problem(
            f"no index gives the order {_order(keyset.keys)}: each page sorts all rows",
            terms[0].at,
            _index(keyset, _parse(keyset.page(), server, terms[0].at), catalog),
            severity="warning",
        )
    ]


def _order(keys: Iterable[Key]) -> str:
    return ", ".join(map(_written, keys))


def _index(keyset: Keyset, parsed: Parsed, catalog: Catalog) -> str:
    """What would serve the order: the index that is missing, where it is one of columns."""
    if any(isinstance(item, int) for key in keyset.keys for item in key.items):
        return "no index holds what depends on an argument: let a filter leave few rows"
    columns = parsed.columns[-len(keyset.keys) :]
    relation = catalog.relations.get(columns[0].table)
    if len({column.table for column in columns}) > 1 or relation is None:
        return "create an index on these, in this order and directions, if they are of one table"
    if relation.table.kind not in ("r", "p", "m"):
        return "create an index on the columns behind these, in this order and directions"
    names = {column.number: catalog.quote(column.name) for column in relation.table.columns}
    keys = ", ".join(
        names[column.attribute] + key.direction
        for column, key in zip(columns, keyset.keys, strict=True)
    )
    ref = relation.table.ref
    schema = "" if ref.schema == "public" else f"{catalog.quote(ref.schema)}."
    return f"create index on {schema}{catalog.quote(ref.name)} ({keys})"


def _written(key: Key) -> str:
    text = "".join("…" if isinstance(item, int) else item for item in key.items)
    return f"`{' '.join(text.split())}{key.direction}`"


def _sorts(sql: str, parameters: int, server: Server) -> bool:
    """Whether the best plan without a sequential scan begins with a sort. Raises ServerError."""
    values = f"({', '.join(['null'] * parameters)})" if parameters else ""
    server.rows(
        "set enable_seqscan = off; set enable_sort = off; set plan_cache_mode = force_generic_plan"
    )
    try:
        server.rows(f"prepare salacia_page as {sql}")
        try:
            raw = server.json(f"explain (format json) execute salacia_page{values}")
        finally:
            server.rows("deallocate salacia_page")
    finally:
        server.rows("reset enable_seqscan; reset enable_sort; reset plan_cache_mode")
    plan = msgspec.json.decode(raw)[0]["Plan"]
    while plan["Node Type"] in ("Limit", "Result", "Gather", "Gather Merge", "LockRows"):
        if not plan.get("Plans"):
            return False
        plan = plan["Plans"][0]
    return plan["Node Type"] in ("Sort", "Incremental Sort")
