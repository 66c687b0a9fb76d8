"""Our parameters: `:name`, `:name?` and `$1`, told from the other colons of SQL."""

from collections.abc import Sequence
from typing import Literal

from salacia_db.codegen.facts import SourceFile, Span
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.lexer import Token
from salacia_db.codegen.source.parameters import Reference, positional

SQLC_FUNCTIONS = ("arg", "narg", "slice", "embed")
_IN_OURS = {
    "arg": "write `:name`",
    "narg": "write `:name?`",
    "slice": "write `= any(:name)`",
    "embed": "write the table's alias alone, for its whole row",
}

_Bracket = Literal["round", "subscript", "array", "json"]
# What a bracket with entries saw of the current one: nothing, its key, or the separator behind it.
_Entry = Literal["empty", "key", "value"]


class _Context:
    """The brackets around the current token, as far as a colon could mean something else there."""

    def __init__(self) -> None:
        self._open: list[_Bracket] = []
        self._entries: list[_Entry] = []
        self._before: Token | None = None

    def ambiguous(self) -> str | None:
        """What else a colon before a name could be here, if anything."""
        if not self._open:
            return None
        if self._open[-1] == "subscript":
            return "the slice of an array"
        if self._open[-1] == "json" and self._entries[-1] == "key":
            return "the `key : value` of a JSON object"
        return None

    def advance(self, token: Token) -> None:
        """Go past a significant token that isn't part of a parameter."""
        if token.is_symbol("(", "["):
            self._open.append(self._bracket(token))
            self._entries.append("empty")
        elif token.is_symbol(")", "]"):
            if self._open:
                self._open.pop()
                self._entries.pop()
            self._fill()
        elif self._entries and token.is_symbol(","):
            self._entries[-1] = "empty"
        elif self._entries and self._entries[-1] == "key" and _separates(token):
            self._entries[-1] = "value"
        else:
            self._fill()
        self._before = token

    def _fill(self) -> None:
        if self._entries and self._entries[-1] == "empty":
            self._entries[-1] = "key"

    def _bracket(self, token: Token) -> _Bracket:
        before = self._before
        if token.text == "(":
            keyed = before is not None and before.is_word("json_object", "json_objectagg")
            return "json" if keyed else "round"
        if before is not None and before.is_word("array"):
            return "array"
        nested = before is not None and before.is_symbol("[", ",")
        return "array" if nested and self._open and self._open[-1] == "array" else "subscript"


def _separates(token: Token) -> bool:
    return token.is_symbol(":") or token.is_word("value")


def find_references(
    tokens: Sequence[Token], file: SourceFile
) -> tuple[list[Reference], list[Problem]]:
    """Every use of a parameter among the tokens of a statement, in order."""
    references: list[Reference] = []
    problems: list[Problem] = []
    context = _Context()
    seen = [token for token in tokens if token.significant]
    index = 0
    while index < len(seen):
        token = seen[index]
        found: Reference | Problem | None = None
        if _is_named(seen, index):
            found = _named(seen, index, file, context)
            # To the brackets around it a parameter is a word like any other.
            index, token = index + 1, seen[index + 1]
        elif token.kind == "parameter":
            found = positional(token, file)
        elif token.is_word("sqlc"):
            found = _other_dialect(seen, index, file)
        if isinstance(found, Problem):
            problems.append(found)
        elif found is not None:
            references.append(found)
        context.advance(token)
        index += 1
    return references, problems


def _is_named(seen: Sequence[Token], index: int) -> bool:
    colon = seen[index]
    if not colon.is_symbol(":") or index + 1 == len(seen):
        return False
    after = seen[index + 1]
    return after.kind == "name" and after.start == colon.end


def _named(
    seen: Sequence[Token], index: int, file: SourceFile, context: _Context
) -> Reference | Problem:
    colon, name = seen[index], seen[index + 1]
    meaning = context.ambiguous()
    if meaning is not None:
        return Problem(
            f"`:{name.text}` could be a parameter or {meaning}",
            Span(file, colon.start, name.end),
            f"write `(:{name.text})` for the parameter, or `: {name.text}` for the other",
        )
    forced = index + 2 < len(seen) and _question(seen[index + 2], name.end)
    end = name.end + 1 if forced else name.end
    return Reference(Span(file, colon.start, end), name.text, nullable=forced)


def _question(token: Token, at: int) -> bool:
    # `?|` and `?&` are operators of jsonb, also right after a parameter.
    return (
        token.start == at
        and token.kind == "operator"
        and token.text[0] == "?"
        and token.text[1:2] not in ("|", "&")
    )


def _other_dialect(seen: Sequence[Token], index: int, file: SourceFile) -> Problem | None:
    if index + 3 >= len(seen):
        return None
    dot, function, bracket = seen[index + 1 : index + 4]
    if not (dot.is_symbol(".") and function.is_word(*SQLC_FUNCTIONS) and bracket.is_symbol("(")):
        return None
    return Problem(
        f"`sqlc.{function.text}` is understood in sqlc's dialect only",
        Span(file, seen[index].start, function.end),
        f'{_IN_OURS[function.text.lower()]}, or set dialect = "sqlc"',
    )
