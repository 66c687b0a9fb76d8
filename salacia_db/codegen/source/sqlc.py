"""sqlc's parameters: `@name`, `$1`, `sqlc.arg`, `sqlc.narg`, `sqlc.slice`, `sqlc.embed`."""

from collections.abc import Sequence

from msgspec import Struct

from salacia_db.codegen.facts import SourceFile, Span
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.colons import SQLC_FUNCTIONS
from salacia_db.codegen.source.lexer import Token
from salacia_db.codegen.source.parameters import Edit, Reference, positional
from salacia_db.codegen.source.suggest import did_you_mean


class _Call(Struct, frozen=True):
    """`sqlc.function(argument)`: indexes of its first and last token among the significant ones."""

    function: str
    argument: Token
    first: int
    last: int
    span: Span


def find_references(
    tokens: Sequence[Token], file: SourceFile
) -> tuple[list[Reference], list[Edit], list[Problem]]:
    """Every use of a parameter among the tokens of a statement, and the other changes to make."""
    seen = [token for token in tokens if token.significant]
    references: list[Reference] = []
    edits: list[Edit] = []
    problems: list[Problem] = []
    index = 0
    while index < len(seen):
        found = _call(seen, index, file)
        if isinstance(found, _Call):
            result = _expand(seen, found, edits)
            index = found.last
        else:
            result = found or _plain(seen, index, file)
        if isinstance(result, Problem):
            problems.append(result)
        elif result is not None:
            references.append(result)
        index += 1
    return references, edits, problems


def _plain(seen: Sequence[Token], index: int, file: SourceFile) -> Reference | Problem | None:
    token = seen[index]
    if token.kind == "parameter":
        return positional(token, file)
    after = seen[index + 1] if index + 1 < len(seen) else None
    if after is None or after.kind != "name" or after.start != token.end:
        return None
    span = Span(file, token.start, after.end)
    if token.kind == "operator" and token.text == "@":
        return Reference(span, after.text)
    if token.kind == "operator" and token.text in ("=@", "<>@", "!=@", "<=@", ">=@"):
        operator = token.text[:-1]
        return Problem(
            f"PostgreSQL reads `{token.text}` as one operator",
            span,
            f"write `{operator} @{after.text}`",
        )
    if token.is_symbol(":"):
        return Problem(
            f"`:{after.text}` is no parameter in sqlc's dialect",
            span,
            f"write `@{after.text}`, or sqlc.arg({after.text})",
        )
    return None


def _call(seen: Sequence[Token], index: int, file: SourceFile) -> _Call | Problem | None:
    if not seen[index].is_word("sqlc") or len(seen) < index + 4:
        return None
    if index and seen[index - 1].is_symbol("."):
        return None
    dot, function, bracket = seen[index + 1 : index + 4]
    if not dot.is_symbol(".") or function.kind != "name" or not bracket.is_symbol("("):
        return None
    name = function.text.lower()
    if name not in SQLC_FUNCTIONS:
        near = did_you_mean(name, SQLC_FUNCTIONS)
        known = ", ".join(f"sqlc.{known}" for known in SQLC_FUNCTIONS)
        return Problem(
            f"there is no function sqlc.{function.text}",
            Span(file, function.start, function.end),
            f"did you mean `sqlc.{near}`?" if near else f"there are {known}",
        )
    argument = seen[index + 4 : index + 6]
    if len(argument) < 2 or not _is_name(argument[0]) or not argument[1].is_symbol(")"):
        what = "a table or its alias" if name == "embed" else "the name of a parameter"
        return Problem(
            f"sqlc.{name} takes one argument, {what}",
            Span(file, seen[index].start, bracket.end),
            f"write sqlc.{name}(name)",
        )
    span = Span(file, seen[index].start, argument[1].end)
    return _Call(name, argument[0], index, index + 5, span)


def _is_name(token: Token) -> bool:
    return token.kind in ("name", "quoted") or (token.kind == "string" and token.text[0] == "'")


def _expand(seen: Sequence[Token], call: _Call, edits: list[Edit]) -> Reference | Problem | None:
    if call.function == "embed":
        return _embed(call, edits)
    quote = call.argument.text[0]
    name = call.argument.text.strip(quote) if quote in "'\"" else call.argument.text
    if call.function == "slice":
        problem = _slice(seen, call, edits)
        if problem is not None:
            return problem
    return Reference(call.span, name, nullable=call.function == "narg")


def _embed(call: _Call, edits: list[Edit]) -> Problem | None:
    if call.argument.kind == "string":
        return Problem(
            "sqlc.embed takes a table or its alias, not a string",
            call.span,
            f"write sqlc.embed({call.argument.text.strip(chr(39))})",
        )
    # What stays is the table's name: a reference to its whole row.
    edits.append(Edit(call.span.start, call.argument.start))
    edits.append(Edit(call.argument.end, call.span.end))
    return None


def _slice(seen: Sequence[Token], call: _Call, edits: list[Edit]) -> Problem | None:
    before = seen[max(0, call.first - 3) : call.first]
    closed = call.last + 1 < len(seen) and seen[call.last + 1].is_symbol(")")
    if len(before) < 2 or not before[-1].is_symbol("(") or not before[-2].is_word("in"):
        closed = False
    if not closed:
        return Problem(
            "sqlc.slice stands alone in the brackets of IN",
            call.span,
            f"write `in ({call.span.file.text[call.span.start : call.span.end]})`",
        )
    if len(before) == 3 and before[0].is_word("not"):
        edits.append(Edit(before[0].start, before[-2].end, "<> all"))
    else:
        edits.append(Edit(before[-2].start, before[-2].end, "= any"))
    return None
