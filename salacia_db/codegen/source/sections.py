"""A file cut at its annotations: each with the tokens up to the next."""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from salacia_db.codegen.facts import Dialect, SourceFile, Span
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.annotations import Annotation, read_annotation
from salacia_db.codegen.source.lexer import Token, lex

_ANNOTATION_LINE = re.compile(r"^[ \t]*(?:--|/\*)[ \t]*name:[ \t]*\S+[ \t]+:\w+", re.MULTILINE)
_HASH = re.compile(r"#[ \t]*name:[ \t]*[^\s:]+[ \t]+:\w+!?[ \t]*(?=[\r\n]|\Z)")


class Section(Struct, frozen=True):
    """An annotation and the tokens under it; None where the annotation is wrong."""

    annotation: Annotation | None
    tokens: tuple[Token, ...]


def sections(file: SourceFile, dialect: Dialect) -> tuple[list[Section], list[Problem]]:
    """The sections of a file, in order."""
    tokens = list(_join_hash_comments(file.text, _lex(file.text)))
    problems = [_unterminated(t, file) for t in tokens if t.kind == "unterminated"]
    found: list[Section] = []
    annotation: Annotation | None = None
    start: int | None = None
    for index, token in enumerate(tokens):
        if token.kind not in ("comment", "block") or not begins_line(token, file.text):
            continue
        read = read_annotation(token, file, dialect)
        if read is None:
            continue
        if start is None:
            problems += _before_first(tokens[:index], file)
        else:
            found.append(Section(annotation, tuple(tokens[start:index])))
        if isinstance(read, Problem):
            problems.append(read)
        annotation, start = (None if isinstance(read, Problem) else read), index + 1
    if start is None:
        problems += _before_first(tokens, file)
    else:
        found.append(Section(annotation, tuple(tokens[start:])))
    return found, problems


def begins_line(token: Token, text: str) -> bool:
    """Whether nothing but space stands before the token on its line."""
    return not text[text.rfind("\n", 0, token.start) + 1 : token.start].strip(" \t\r\f\v")


def _before_first(tokens: Sequence[Token], file: SourceFile) -> list[Problem]:
    first = next((token for token in tokens if token.significant), None)
    if first is None or first.kind == "unterminated":
        return []
    return [
        Problem(
            "SQL before the first annotation",
            Span(file, first.start, first.end),
            "write `-- name: search :many` on a line above it, with a name and a kind of its own",
        )
    ]


def _lex(text: str) -> list[Token]:
    """The tokens; a quote that isn't closed loses its own statement, not the rest of the file."""
    tokens: list[Token] = []
    start = 0
    while start < len(text):
        found = [Token(t.kind, t.text, t.start + start) for t in lex(text[start:])]
        start = len(text)
        if found[-1].kind == "unterminated":
            # The quote that is missing is rather the one before which an annotation was swallowed.
            for index, token in enumerate(found):
                swallowed = _swallowed(token)
                if swallowed is not None:
                    start = token.start + swallowed
                    lost = Token("unterminated", token.text[:swallowed], token.start)
                    found[index:] = [lost]
                    break
        tokens += found
    return tokens


def _swallowed(token: Token) -> int | None:
    if token.kind not in ("string", "quoted", "unterminated"):
        return None
    match = _ANNOTATION_LINE.search(token.text, 1)  # what opens the token is no line in it
    return match.start() if match else None


def _join_hash_comments(text: str, tokens: Sequence[Token]) -> Iterator[Token]:
    # `#` is an operator to PostgreSQL, so `# name: get :one` comes as many tokens.
    until = 0
    for token in tokens:
        if token.start < until:
            continue
        if token.text == "#" and begins_line(token, text):
            match = _HASH.match(text, token.start)
            if match is not None:
                until = match.end()
                yield Token("comment", match.group(), token.start)
                continue
        yield token


def _unterminated(token: Token, file: SourceFile) -> Problem:
    opened = Span(file, token.start, token.start + 1)
    if token.text.startswith("/*"):
        return Problem("a comment that never closes", opened, "close it with */")
    if token.text.startswith("$"):
        tag = token.text[: token.text.index("$", 1) + 1]
        return Problem("a dollar-quoted string that never closes", opened, f"close it with {tag}")
    if '"' in token.text.partition("'")[0]:
        return Problem("a quoted identifier that never closes", opened, 'close it with "')
    return Problem("a string that never closes", opened, "close it with '")
