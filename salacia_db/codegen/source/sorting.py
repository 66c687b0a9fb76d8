"""`-- sort: newest / oldest`: the keys of an ORDER BY, and the reverse of one."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from salacia_db.codegen.facts import SORT, Marker, OptionalLine, Span, Statement
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.lexer import Token, lex
from salacia_db.codegen.source.rewriting import file_offset
from salacia_db.codegen.source.splicing import Splice, splice


class Reverse(Struct, frozen=True):
    """The other key of a line: its order is the exact reverse of what stands at `start:end`."""

    key: str
    start: int
    end: int
    source: Span


class Term(Struct, frozen=True):
    """One term of an ORDER BY: the expression at `start:end`, and how its values come."""

    start: int
    end: int
    descending: bool
    nulls_first: bool


def with_reverses(
    statement: Statement, reverses: Sequence[Reverse]
) -> tuple[Statement, list[Problem]]:
    """The statement with the reverse of each order written out behind it, as a line of its own."""
    problems: list[Problem] = []
    splices: list[Splice] = []
    straight = {line.value for line in statement.optional if line.name == SORT}
    for reverse in reverses:
        if reverse.key in straight:
            message = f"`{reverse.key}` is the reverse of an order and an order of its own"
            problems.append(Problem(message, reverse.source, "give one of them another name"))
            continue
        found = order_terms(statement, reverse.start, reverse.end)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            splices.append(_reversed(statement, reverse, found))
    return splice(statement, splices), problems


def sort_problems(statement: Statement) -> list[Problem]:
    """What is wrong with the keyed ORDER BYs: a term without a key, one without all the keys."""
    lines = [line for line in statement.optional if line.name == SORT]
    if not lines:
        return []
    tokens = [token for token in lex(statement.sql) if token.significant]
    orders: dict[int, list[OptionalLine]] = {}
    misplaced: dict[Span, Problem] = {}
    for line in lines:
        start = _order_by(tokens, line)
        if start is None:
            hint = "put it at the end of a line of ORDER BY"
            message = "`-- sort:` has no effect here"
            misplaced.setdefault(line.source, Problem(message, line.source, hint))
        else:
            orders.setdefault(start, []).append(line)
    if misplaced:
        return list(misplaced.values())
    problems: list[Problem] = []
    keys = {line.value: line for line in lines}
    for start, found in orders.items():
        problems += _without_key(statement, tokens, start, found)
        missing = [key for key in keys if key not in {line.value for line in found}]
        if missing:
            message = f"this ORDER BY has no line for `{missing[0]}`"
            hint = f"end a line of it with `-- sort: {missing[0]}`"
            problems.append(Problem(message, found[0].source, hint))
    return problems


def order_terms(statement: Statement, start: int, end: int) -> list[Term] | Problem:
    """The terms of an ORDER BY at `start:end` of a statement's `sql`."""
    found: list[Term] = []
    for tokens in _split(
        [t for t in lex(statement.sql) if t.significant and start <= t.start < end]
    ):
        term = _term(tokens)
        if term is None:
            at = file_offset(statement.pieces, tokens[0].start)
            return Problem(
                "this order can't be reversed",
                Span(statement.body.file, at, at + len(tokens[0].text)),
                "write ASC or DESC rather than USING",
            )
        found.append(term)
    return found


def direction(*, descending: bool, nulls_first: bool) -> str:
    """The words behind an expression, none where they are the default."""
    words = " desc" if descending else ""
    if nulls_first != descending:
        words += " nulls first" if nulls_first else " nulls last"
    return words


def _reversed(statement: Statement, reverse: Reverse, terms: Sequence[Term]) -> Splice:
    text = ", "
    markers: list[tuple[int, Marker]] = []
    for index, term in enumerate(terms):
        text += ", " if index else ""
        shift = len(text) - term.start
        markers += [
            (p.number, Marker(m.start + shift, m.end + shift, m.source))
            for p in statement.parameters
            for m in p.markers
            if term.start <= m.start < term.end
        ]
        text += statement.sql[term.start : term.end]
        text += direction(descending=not term.descending, nulls_first=not term.nulls_first)
    line = OptionalLine(SORT, 2, len(text), reverse.source, reverse.key)
    place = file_offset(statement.pieces, reverse.start)
    return Splice(reverse.end, reverse.end, text, place, tuple(markers), (line,))


def _split(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens between commas that stand in no bracket."""
    depth = 0
    found: list[Token] = []
    for token in tokens:
        if token.is_symbol("(", "["):
            depth += 1
        elif token.is_symbol(")", "]"):
            depth -= 1
        if depth == 0 and token.is_symbol(","):
            yield found
            found = []
        else:
            found.append(token)
    if found:
        yield found


def _term(tokens: list[Token]) -> Term | None:
    rest = list(tokens)
    nulls: bool | None = None
    if len(rest) > 2 and rest[-2].is_word("nulls") and rest[-1].is_word("first", "last"):
        nulls = rest[-1].is_word("first")
        rest = rest[:-2]
    descending = len(rest) > 1 and rest[-1].is_word("desc")
    if len(rest) > 1 and rest[-1].is_word("asc", "desc"):
        rest = rest[:-1]
    if not rest or any(token.is_word("using") for token in rest):
        return None
    return Term(rest[0].start, rest[-1].end, descending, descending if nulls is None else nulls)


def _order_by(tokens: Sequence[Token], line: OptionalLine) -> int | None:
    """The index of the first token behind the ORDER BY that a line belongs to."""
    index = next(i for i, token in enumerate(tokens) if token.start >= line.start)
    depth = 0
    while index > 1:
        index -= 1
        token = tokens[index]
        if token.is_symbol(")", "]"):
            depth += 1
        elif token.is_symbol("(", "["):
            depth -= 1
            if depth < 0:
                return None
        elif depth == 0 and token.is_word("by"):
            return index + 1 if tokens[index - 1].is_word("order") else None
    return None


def _without_key(
    statement: Statement, tokens: Sequence[Token], start: int, lines: Sequence[OptionalLine]
) -> list[Problem]:
    """The first token of the ORDER BY that has no key."""
    last = max(line.end for line in lines)
    for token in tokens[start:]:
        covered = any(line.start <= token.start < line.end for line in lines)
        if covered or token.is_symbol(","):
            continue
        if token.start > last and _ends_order(token):
            break
        at = file_offset(statement.pieces, token.start)
        message = "a term without a key among terms that have one"
        hint = "end its line with `-- sort: key`, once for each key that it belongs to"
        return [Problem(message, Span(statement.body.file, at, at + len(token.text)), hint)]
    return []


def _ends_order(token: Token) -> bool:
    return token.is_symbol(")", "]", ";") or token.is_word(
        "limit", "offset", "fetch", "for", "range", "rows", "groups", "union", "intersect", "except"
    )
