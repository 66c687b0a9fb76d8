"""`:page`: the parts of a plain SELECT between which its pages put conditions, keys and limits."""

from collections.abc import Sequence

from msgspec import Struct

from salacia_db.codegen.facts import SORT, Fragment, Span, Statement
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.fragments import Fragments
from salacia_db.codegen.source.lexer import Token, lex
from salacia_db.codegen.source.rewriting import file_offset
from salacia_db.codegen.source.sorting import Term, order_terms
from salacia_db.texts import Item

SUBQUERY = "put it into a subquery: `select q.… from (…) q order by …`"
_REFUSED = {
    "group": SUBQUERY,
    "having": SUBQUERY,
    "window": SUBQUERY,
    "union": SUBQUERY,
    "intersect": SUBQUERY,
    "except": SUBQUERY,
    "limit": "remove it: a page has a limit of its own",
    "offset": "remove it: a page has an offset of its own",
    "fetch": "remove it: a page has a limit of its own",
    "for": "remove it: pages are read without locks",
}


class OrderTerm(Struct, frozen=True):
    """A term of the order: its expression as items, its place, its direction."""

    items: tuple[Item, ...]
    at: Span
    descending: bool
    nulls_first: bool


class PageText(Struct, frozen=True):
    """The parts, and the orders by the label of their key, or by None where there is one."""

    head: tuple[Fragment, ...]
    select: tuple[Fragment, ...]
    source: tuple[Fragment, ...]
    filter: tuple[Fragment, ...]
    orders: dict[str | None, tuple[OrderTerm, ...]]


class _Clauses(Struct):
    """The indexes of the words of the outermost SELECT."""

    select: int | None = None
    from_: int | None = None
    where: int | None = None
    order: int | None = None


def page_text(statement: Statement) -> PageText | Problem:
    """The parts of a statement of kind `:page`; or why it can't be one."""
    tokens = [token for token in lex(statement.sql) if token.significant]
    found = _clauses(statement, tokens)
    if isinstance(found, Problem):
        return found
    if found.select is None or found.from_ is None or found.order is None:
        missing = "SELECT" if found.select is None else "FROM"
        missing = "ORDER BY" if found.order is None and found.from_ is not None else missing
        hint = "a page is some rows of a SELECT in a total order: end it with ORDER BY"
        return Problem(f":page has no {missing}", statement.header, hint)
    order = tokens[found.order].start
    where = None if found.where is None else tokens[found.where]
    select, from_ = tokens[found.select].start, tokens[found.from_].start
    orders = _orders(statement, tokens[found.order + 1].end)
    if isinstance(orders, Problem):
        return orders
    parts = Fragments(statement)
    return PageText(
        parts.between(0, select),
        parts.between(select, from_),
        parts.between(from_, order if where is None else where.start),
        () if where is None else parts.between(where.end, order),
        orders,
    )


def _clauses(statement: Statement, tokens: Sequence[Token]) -> _Clauses | Problem:
    found = _Clauses()
    depth = 0
    for index, token in enumerate(tokens):
        if token.is_symbol("(", "["):
            depth += 1
        elif token.is_symbol(")", "]"):
            depth -= 1
        if depth:
            continue
        before = tokens[index - 1] if index else None
        if found.select is None:
            if token.is_word("select"):
                found.select = index
                if tokens[index + 1 : index + 2] and tokens[index + 1].is_word("distinct"):
                    return _refused(statement, tokens[index + 1], SUBQUERY)
        elif found.from_ is None:
            if token.is_word("from") and not (before and before.is_word("distinct")):
                found.from_ = index
        elif token.is_word("where") and found.where is None:
            found.where = index
        elif token.is_word("by") and before is not None and before.is_word("order"):
            found.order = index - 1
        elif token.is_word(*_REFUSED) and not (before and before.is_symbol(".")):
            return _refused(statement, token, _REFUSED[token.text.lower()])
    return found


def _refused(statement: Statement, token: Token, hint: str) -> Problem:
    message = f"{token.text.upper()} can't stand in the outermost SELECT of a :page"
    return Problem(message, _span(statement, token.start, token.end), hint)


def _orders(statement: Statement, start: int) -> dict[str | None, tuple[OrderTerm, ...]] | Problem:
    places: dict[str | None, list[tuple[int, int]]] = {}
    for line in statement.optional:
        if line.start < start:
            continue
        if line.name != SORT:
            return Problem(
                "a line of the ORDER BY of a :page can't be optional",
                line.source,
                "give it a key instead: `-- sort: newest`",
            )
        places.setdefault(line.value, []).append((line.start, line.end))
    if not places:
        places[None] = [(start, len(statement.sql))]
    found: dict[str | None, tuple[OrderTerm, ...]] = {}
    for label, own in places.items():
        terms: list[OrderTerm] = []
        for place in own:
            read = order_terms(statement, *place)
            if isinstance(read, Problem):
                return read
            terms += [_order_term(statement, term) for term in read]
        found[label] = tuple(terms)
    return found


def _order_term(statement: Statement, term: Term) -> OrderTerm:
    items: list[Item] = []
    at = term.start
    markers = sorted(
        (marker.start, marker.end, index)
        for index, parameter in enumerate(statement.parameters)
        for marker in parameter.markers
        if term.start <= marker.start < term.end
    )
    for start, end, index in markers:
        items += [statement.sql[at:start], index]
        at = end
    items.append(statement.sql[at : term.end])
    at_file = _span(statement, term.start, term.end)
    return OrderTerm(tuple(items), at_file, term.descending, term.nulls_first)


def _span(statement: Statement, start: int, end: int) -> Span:
    first = file_offset(statement.pieces, start)
    return Span(statement.body.file, first, max(first + 1, file_offset(statement.pieces, end)))
