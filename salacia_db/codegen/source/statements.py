"""A file's text to its statements: the stages put together."""

from collections.abc import Collection, Sequence

from msgspec import Struct
from msgspec.structs import replace

from salacia_db.codegen.facts import Dialect, ParameterUse, SourceFile, Span, Statement
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source import colons, sqlc
from salacia_db.codegen.source.annotations import Annotation
from salacia_db.codegen.source.conditions import Found, Lines, find_conditions, optional_lines
from salacia_db.codegen.source.directives import (
    Directives,
    Named,
    comment_lines,
    misplaced,
    read_directives,
    stray_batch,
)
from salacia_db.codegen.source.lexer import Token
from salacia_db.codegen.source.names import identity, python_name
from salacia_db.codegen.source.parameters import Edit, number, rewrite
from salacia_db.codegen.source.rewriting import Pieces
from salacia_db.codegen.source.sections import Section, begins_line, sections
from salacia_db.codegen.source.sorting import sort_problems, with_reverses
from salacia_db.codegen.source.suggest import did_you_mean


def parse_file(
    file: SourceFile, group: str, schema: str | None, dialect: Dialect
) -> tuple[list[Statement], list[Problem]]:
    """The statements of a file that are sound as far as text goes, and every problem found."""
    found, problems = sections(file, dialect)
    statements: list[Statement] = []
    names: dict[str, Annotation] = {}
    for section in found:
        annotation = section.annotation
        if annotation is None:
            continue
        first = names.setdefault(identity(annotation.name), annotation)
        twice = [] if first is annotation else [_duplicate(first, annotation)]
        statement, wrong = _parse_section(section, annotation, file, group, schema, dialect)
        problems += twice + wrong
        if statement is not None and not twice and not wrong:
            statements.append(statement)
    return statements, sorted(problems, key=lambda problem: problem.at.start if problem.at else 0)


def _duplicate(first: Annotation, second: Annotation) -> Problem:
    path, line, _ = Problem("", first.name_at).position() or ("", 0, 0)
    here, there = _text(second.name_at), _text(first.name_at)
    if here == there:
        message = f"`{here}` is the name of another statement, at {path}:{line}"
    else:
        message = f"`{here}` and `{there}` (at {path}:{line}) get the same name in Python"
    return Problem(message, second.name_at, "give one of them another name")


def _text(span: Span) -> str:
    return span.file.text[span.start : span.end]


def _parse_section(
    section: Section,
    annotation: Annotation,
    file: SourceFile,
    group: str,
    schema: str | None,
    dialect: Dialect,
) -> tuple[Statement | None, list[Problem]]:
    tokens = section.tokens
    if any(token.kind == "unterminated" for token in tokens):
        return None, []  # reported for the file
    first = next((i for i, t in enumerate(tokens) if t.significant), len(tokens))
    comments = [
        token for token in tokens[:first] if not token.significant and token.kind != "space"
    ]
    directives, problems = read_directives(comment_lines(comments, file), dialect)
    problems += _pointless(directives, annotation)
    body, extra = _split(tokens[first:], annotation, file)
    if extra is not None:
        return None, [*problems, extra]
    if dialect == "salacia":
        problems += _misplaced(tokens[first:], file)
    span = Span(file, body[0].start, body[-1].end)
    text, wrong = _text_for_server(tokens[first:], len(body), span, directives, annotation, dialect)
    if text is None:
        return None, problems + wrong
    statement = Statement(
        group=group,
        schema=schema,
        name=annotation.name,
        kind=annotation.kind,
        dialect=dialect,
        doc=directives.doc,
        sql=text.sql,
        header=annotation.header,
        body=span,
        pieces=text.pieces,
        parameters=text.parameters,
        returns=directives.returns.name if directives.returns else None,
        none=directives.none.name if directives.none else None,
        timeout=directives.timeout,
        optional=text.lines.optional,
        choices=text.lines.choices,
        filters=text.lines.filters,
        empty=directives.empty,
        page_limit=text.page_limit,
        output_types=directives.output_types,
        batch=directives.batch,
    )
    problems += wrong
    if not problems and text.lines.reverses:
        statement, problems = with_reverses(statement, text.lines.reverses)
    return statement, problems or sort_problems(statement)


def _split(
    tokens: Sequence[Token], annotation: Annotation, file: SourceFile
) -> tuple[Sequence[Token], Problem | None]:
    """The statement's tokens, from its first to its last, without the closing semicolon."""
    depth = 0
    stop = len(tokens)
    for index, token in enumerate(tokens):
        if token.is_symbol("(", "["):
            depth += 1
        elif token.is_symbol(")", "]"):
            depth = max(0, depth - 1)
        elif token.is_symbol(";") and depth == 0:
            stop = index
            break
    last = max((i for i, t in enumerate(tokens[:stop]) if t.significant), default=None)
    if last is None:
        message = f"no statement under the annotation of `{_text(annotation.name_at)}`"
        return [], Problem(message, annotation.header, "write its SQL on the lines under it")
    for token in tokens[stop:]:
        if token.significant and not token.is_symbol(";"):
            at = Span(file, token.start, token.end)
            message = f"a second statement under the annotation of `{_text(annotation.name_at)}`"
            return [], Problem(message, at, "give each statement an annotation of its own")
    return tokens[: last + 1], None


class _Text(Struct, frozen=True):
    sql: str
    pieces: Pieces
    parameters: tuple[ParameterUse, ...]
    lines: Lines
    page_limit: int | None = None


def _text_for_server(
    tokens: Sequence[Token],
    length: int,
    body: Span,
    directives: Directives,
    annotation: Annotation,
    dialect: Dialect,
) -> tuple[_Text | None, list[Problem]]:
    """What goes to the server; `tokens` are the body's, `length` of them, and those behind it."""
    file = body.file
    edits: list[Edit] = []
    found = Found((), ())
    if dialect == "sqlc":
        references, edits, problems = sqlc.find_references(tokens[:length], file)
    else:
        references, problems = colons.find_references(tokens[:length], file)
    problems += _nul(body)
    parameters, numbers, wrong = number(references, fold_case=dialect == "sqlc")
    problems += wrong
    if problems:
        return None, problems
    if dialect == "salacia":
        named = [parameter.name for parameter in parameters if parameter.name]
        found, problems = find_conditions(tokens, file, named)
        edits += found.edits(body.end)
        problems += _one_shape(found, annotation, tokens)
    chosen = {condition.name for condition in found.conditions if condition.value is not None}
    chosen |= {"limit"} if annotation.kind == "page" else set()
    parameters, defaults, wrong = _apply(directives, parameters, chosen)
    problems += wrong
    limit, wrong = _page_limit(defaults.pop("limit", None), directives)
    problems += wrong
    sql, pieces, markers = rewrite(body, references, numbers, edits)
    complete = tuple(replace(p, markers=markers[p.number]) for p in parameters)
    problems += _page_names(complete, chosen, annotation)
    by_name = {p.name: p for p in complete if p.name}
    lines, wrong = optional_lines(found, pieces, by_name, defaults)
    return _Text(sql, pieces, complete, lines, limit), problems + wrong


_OF_PAGES = ("after", "before", "limit", "total", "page")


def _page_limit(literal: str | None, directives: Directives) -> tuple[int | None, list[Problem]]:
    """The default of a page's limit."""
    if literal is None:
        return None, []
    if literal.isdigit() and int(literal) > 0:
        return int(literal), []
    at = next(named.at for named in directives.defaults if named.name == "limit")
    return None, [Problem("the limit of a page is 1 or more", at, "write `-- default: limit 20`")]


def _page_names(
    parameters: Sequence[ParameterUse], chosen: Collection[str], annotation: Annotation
) -> list[Problem]:
    """Names that a page has arguments of its own for."""
    if annotation.kind != "page":
        return []
    at = {name: annotation.header for name in chosen if name != "limit"}
    at |= {p.name: p.markers[0].source for p in parameters if p.name and p.markers}
    hint = "give it another name"
    return [
        Problem(f":page has an argument `{name}` of its own", place, hint)
        for name, place in at.items()
        if name in _OF_PAGES
    ]


def _nul(body: Span) -> list[Problem]:
    found = _text(body).find("\0")
    if found < 0:
        return []
    at = Span(body.file, body.start + found, body.start + found + 1)
    return [Problem("a NUL character, which PostgreSQL can't read", at, "remove it")]


def _one_shape(found: Found, annotation: Annotation, tokens: Sequence[Token]) -> list[Problem]:
    places = [*(c.at for c in found.conditions), *(f.source for f in found.filters)]
    first = next((token for token in tokens if token.significant), None)
    comes_in = annotation.kind == "copy" and first is not None and first.is_word("insert")
    if not places or not (annotation.kind == "bulk" or comes_in):
        return []
    message = f":{annotation.kind} runs one text for all its rows: no line of it is optional"
    return [Problem(message, places[0], "remove the condition")]


def _apply(
    directives: Directives, parameters: Sequence[ParameterUse], chosen: Collection[str]
) -> tuple[list[ParameterUse], dict[str, str], list[Problem]]:
    """The parameters with what the directives say of them, and the defaults of what is `chosen`."""
    problems: list[Problem] = []
    others: dict[str, str] = {}
    found = {parameter.name: parameter for parameter in parameters if parameter.name}
    defaults: set[str] = set()
    for named in (*directives.nullable, *directives.defaults):
        name = python_name(named.name)
        if name is not None and name in chosen and named.default is not None:
            others[name] = named.default
            continue
        if name is None or name not in found:
            problems.append(_unknown_parameter(named, found))
            continue
        parameter = found[name]
        if named.default is None:
            found[name] = replace(parameter, nullable=True)
            continue
        if name in defaults:
            problems.append(
                Problem(f"`{named.name}` has two defaults", named.at, "keep one of them")
            )
        defaults.add(name)
        nullable = True if named.default == "None" else parameter.nullable
        found[name] = replace(
            parameter, default=named.default, default_at=named.at, nullable=nullable
        )
    return [found[p.name] if p.name else p for p in parameters], others, problems


def _unknown_parameter(named: Named, found: dict[str, ParameterUse]) -> Problem:
    near = did_you_mean(named.name, found)
    message = f"the statement has no parameter `{named.name}`"
    if near is not None:
        return Problem(message, named.at, f"did you mean `{near}`?")
    listed = ", ".join(f"`{name}`" for name in found)
    return Problem(message, named.at, f"it has {listed}" if found else "it has none with a name")


def _pointless(directives: Directives, annotation: Annotation) -> list[Problem]:
    problems: list[Problem] = []
    kind = annotation.kind
    if directives.none is not None and kind != "one!":
        problems.append(
            Problem(
                f"`none:` names the error of :one!, and this is :{kind}",
                directives.none.at,
                "make it :one!, or remove the directive",
            )
        )
    if directives.batch is not None and kind not in ("one", "one!"):
        message = f"`batch` is for calls that want one row, and this is :{kind}"
        problems.append(Problem(message, directives.batch.source, "make it :one, or remove it"))
    if directives.returns is not None and kind in ("exec", "copy"):
        message = f"`returns:` names a row, and :{kind} returns none"
        problems.append(Problem(message, directives.returns.at, "remove the directive"))
    return problems


def _misplaced(tokens: Sequence[Token], file: SourceFile) -> list[Problem]:
    comments = [t for t in tokens if t.kind == "comment"]
    alone = [t for t in comments if begins_line(t, file.text)]
    found = [stray_batch(line) for line in comment_lines(comments, file)]
    found += [misplaced(line) for line in comment_lines(alone, file)]
    return [problem for problem in found if problem is not None]
