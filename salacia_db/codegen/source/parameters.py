"""Parameters: `:name` and `$1` found in a statement, numbered, and written as `$n`."""

from collections.abc import Sequence

from msgspec import Struct

from salacia_db.codegen.facts import Marker, ParameterUse, SourceFile, Span
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.lexer import Token
from salacia_db.codegen.source.names import identity, python_name
from salacia_db.codegen.source.rewriting import Pieces, Rewriting

MOST_PARAMETERS = 65535  # the protocol counts them in 16 bits


class Reference(Struct, frozen=True):
    """One use of a parameter in the file: by name, or by number where `name` is None."""

    span: Span
    name: str | None
    number: int = 0
    nullable: bool = False


class Edit(Struct, frozen=True, gc=False):
    """Other text in place of `start:end` of the file; nothing, to leave it out."""

    start: int
    end: int
    text: str = ""


def positional(token: Token, file: SourceFile) -> Reference | Problem:
    """What `$1` refers to."""
    span = Span(file, token.start, token.end)
    digits = token.text[1:].lstrip("0")
    if not digits:
        return Problem("there is no parameter $0", span, "parameters are counted from $1")
    if len(digits) > len(str(MOST_PARAMETERS)) or int(digits) > MOST_PARAMETERS:
        return Problem(f"a statement has at most {MOST_PARAMETERS} parameters", span)
    return Reference(span, None, int(digits))


def number(
    references: Sequence[Reference], *, fold_case: bool = False
) -> tuple[list[ParameterUse], list[int], list[Problem]]:
    """The parameters in the order of their numbers, without markers, and each reference's number.

    With `fold_case` names that differ in case alone are one, as in SQL.
    """
    problems = _mixed_styles(references)
    if problems:
        return [], [], problems
    if any(reference.name is None for reference in references):
        return _number_positional(references)
    return _number_named(references, fold_case)


def _mixed_styles(references: Sequence[Reference]) -> list[Problem]:
    for reference in references[1:]:
        if (reference.name is None) != (references[0].name is None):
            first, other = _written(references[0].span), _written(reference.span)
            return [
                Problem(
                    f"`{other}` and `{first}` in one statement: parameters have one style",
                    reference.span,
                    "give every parameter a name",
                )
            ]
    return []


def _number_positional(
    references: Sequence[Reference],
) -> tuple[list[ParameterUse], list[int], list[Problem]]:
    numbers = [reference.number for reference in references]
    used = set(numbers)
    missing = [n for n in range(1, max(numbers)) if n not in used]
    if missing:
        shown = ", ".join(f"${n}" for n in missing[:3]) + (", …" if len(missing) > 3 else "")
        highest = max(references, key=lambda reference: reference.number)
        problem = Problem(
            f"${highest.number} is used, but not {shown}",
            highest.span,
            "number the parameters without gaps",
        )
        return [], [], [problem]
    return [ParameterUse(n, None, None, None, ()) for n in sorted(used)], numbers, []


def _number_named(
    references: Sequence[Reference], fold_case: bool
) -> tuple[list[ParameterUse], list[int], list[Problem]]:
    problems: list[Problem] = []
    first: dict[str, tuple[int, str, Reference]] = {}
    nullable: set[int] = set()
    numbers: list[int] = []
    for reference in references:
        written = reference.name or ""
        name = python_name(written)
        if name is None:
            problems.append(_bad_name(written, reference.span))
            continue
        known = first.setdefault(identity(name), (len(first) + 1, name, reference))
        before = known[2].name or ""
        if before != written and not (fold_case and before.lower() == written.lower()):
            problems.append(
                Problem(
                    f"`{before}` and `{written}` are both `{known[1]}` in Python",
                    reference.span,
                    "write one parameter in one way, and give two of them different names",
                )
            )
        numbers.append(known[0])
        if reference.nullable:
            nullable.add(known[0])
    if len(first) > MOST_PARAMETERS:
        message = f"a statement has at most {MOST_PARAMETERS} parameters"
        problems.append(Problem(message, references[0].span))
    parameters = [
        ParameterUse(n, name, True if n in nullable else None, None, ())
        for n, name, _ in first.values()
    ]
    return parameters, numbers, problems


def _bad_name(written: str, span: Span) -> Problem:
    return Problem(
        f"`{written}` can't be the name of a parameter",
        span,
        "begin with a letter and go on with letters, digits and underscores",
    )


def _written(span: Span) -> str:
    return span.file.text[span.start : span.end]


def rewrite(
    body: Span,
    references: Sequence[Reference],
    numbers: Sequence[int],
    edits: Sequence[Edit],
) -> tuple[str, Pieces, dict[int, tuple[Marker, ...]]]:
    """The text for the server, its map to the file, and the markers of each number."""
    text = body.file.text
    out = Rewriting()
    markers: dict[int, list[Marker]] = {}
    changes: list[tuple[int, int, Edit | Reference, int]] = [
        (r.span.start, r.span.end, r, n) for r, n in zip(references, numbers, strict=True)
    ]
    changes += [(edit.start, edit.end, edit, 0) for edit in edits]
    at = body.start
    for start, end, change, n in sorted(changes, key=lambda change: change[:2]):
        out.copy(text[at:start], at)
        at = end
        if isinstance(change, Edit):
            out.put(change.text, start)
            continue
        # `limit:n` must not become the identifier `limit$1`, nor `:n?5` the parameter `$15`.
        if _continues_name(out.last()):
            out.put(" ", start)
        marker = Marker(out.length, out.length + len(f"${n}"), change.span)
        markers.setdefault(n, []).append(marker)
        out.put(f"${n}", start)
        if end < body.end and _continues_name(text[end]):
            out.put(" ", end)
    out.copy(text[at : body.end], at)
    sql, pieces = out.finish(body.end)
    return sql, pieces, {n: tuple(places) for n, places in markers.items()}


def _continues_name(character: str) -> bool:
    return character.isalnum() or character in "_$" or character >= "\x80" if character else False
