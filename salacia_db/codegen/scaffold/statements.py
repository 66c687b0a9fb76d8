"""The usual statements of a table as text: for each the forms to try, the best first."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from salacia_db.codegen.scaffold.columns import Field, Subject

Line: TypeAlias = tuple[str, str | None]
"""A part of a list, and the parameter without which it isn't there."""

_WIDTH = 100


def statements(subject: Subject, stale: str) -> Iterator[list[str]]:
    """The forms of each statement; `stale` is the error that tells of another version."""
    key = subject.keys[0] if subject.keys else ()
    yield [_get(subject, own) for own in subject.keys]
    yield [*_pages(subject), _some(subject)]
    if subject.inserted or subject.blank:
        yield [_create(subject)]
        yield [_create_many(subject)]
    if key and subject.changed:
        yield [_update(subject, key)]
        if subject.version is not None:
            yield [_update_unchanged(subject, key, subject.version, stale)]
    if subject.conflict:
        yield [_upsert(subject)]
    if key and subject.stored:
        yield [_delete(subject, key)]


def _get(subject: Subject, key: Sequence[Field]) -> str:
    return _text(
        "get :one",
        ["The row with this key."],
        ["select *", f"from {subject.name}", *_where(key)],
    )


def _pages(subject: Subject) -> Iterator[str]:
    for key in subject.keys:
        order = f"order by {', '.join(field.sql for field in key)}"
        for parents in dict.fromkeys((subject.parents, ())):
            conditions = [f"  and {f.sql} = :{f.parameter}" for f in parents]
            filtered = "; a filter holds where it is given" if parents else ""
            yield _text(
                "list :page",
                [f"The rows in the order of their keys, page by page{filtered}."],
                [
                    "select *",
                    f"from {subject.name}",
                    *(["where true"] if parents else []),
                    *_aligned(zip(conditions, (f.parameter for f in parents), strict=True)),
                    order,
                ],
            )


def _some(subject: Subject) -> str:
    return _text(
        "list :many",
        ["As many rows as `limit` says, in no order: without a key there are no pages."],
        ["select *", f"from {subject.name}", "limit :limit"],
        ["default: limit 100"],
    )


def _create(subject: Subject) -> str:
    return _text(
        "create :one!",
        ["A new row. What is left out gets its default."],
        [*_insert(subject, subject.inserted), "returning *"],
        _fresh(subject.inserted),
    )


def _create_many(subject: Subject) -> str:
    fields = [field for field in subject.inserted if not field.has_default]
    names: list[Line] = [(f.sql, None) for f in fields]
    values: list[Line] = [(f":{f.parameter}", None) for f in fields]
    return _text(
        "create_many :bulk",
        ["Many new rows. The columns that aren't named here get their defaults."],
        [*_list(f"insert into {subject.name}", names), *_list("values", values), "returning *"],
        [*_fresh(fields), *(f"default: {f.parameter} None" for f in fields if f.optional)],
    )


def _update(subject: Subject, key: Sequence[Field]) -> str:
    return _text(
        "update :one",
        ["Changes what is given and returns the row; what is left out stays."],
        [f"update {subject.name}", *_set(subject), *_where(key), "returning *"],
    )


def _update_unchanged(subject: Subject, key: Sequence[Field], version: Field, stale: str) -> str:
    return _text(
        "update_unchanged :one!",
        [f"As `update`, if the row still is of this version. Else raises {stale}."],
        [f"update {subject.name}", *_set(subject), *_where([*key, version]), "returning *"],
        [f"none: {stale}"],
    )


def _upsert(subject: Subject) -> str:
    key = subject.conflict
    told = ", ".join(field.parameter for field in key)
    fields = [_required(f) if f in key else f for f in subject.inserted]
    target = f"on conflict ({', '.join(field.sql for field in key)})"
    own = [field for field in fields if field in subject.changed and field not in key]
    version = subject.version
    if not own and version is None:
        doc = [f"Sees to it that there is a row with this key ({told})."]
        return _text("upsert :exec", doc, [*_insert(subject, fields), f"{target} do nothing"])
    lines: list[Line] = []
    if version is not None:
        lines.append((f"{version.sql} = {subject.own}.{version.sql} + 1", None))
    elif all(field.optional for field in own):
        # A SET can't be empty: the key is what it is.
        lines.append((f"{key[0].sql} = excluded.{key[0].sql}", None))
    lines += [(f"{f.sql} = excluded.{f.sql}", f.parameter if f.optional else None) for f in own]
    doc = [
        f"A new row, or new values for the one with this key ({told}).",
        "What is left out gets its default, or stays.",
    ]
    body = [*_insert(subject, fields), f"{target} do update set", *_items(lines), "returning *"]
    return _text("upsert :one!", doc, body, _fresh(f for f in fields if f not in key))


def _required(field: Field) -> Field:
    return Field(field.sql, field.parameter, False, field.has_default, field.fresh)


def _delete(subject: Subject, key: Sequence[Field]) -> str:
    return _text(
        "delete :one",
        ["Deletes the row and returns it as it was."],
        [f"delete from {subject.name}", *_where(key), "returning *"],  # noqa: S608 (a name, quoted)
    )


# --- parts ----------------------------------------------------------------------------------------


def _text(
    name: str, doc: Iterable[str], body: Iterable[str], directives: Iterable[str] = ()
) -> str:
    comments = [f"-- name: {name}"]
    for sentence in doc:
        comments += textwrap.wrap(sentence, _WIDTH, initial_indent="-- ", subsequent_indent="-- ")
    comments += [f"-- {directive}" for directive in directives]
    return "\n".join([*comments, *body]) + "\n"


def _fresh(fields: Iterable[Field]) -> list[str]:
    return [f"default: {field.parameter} uuid7()" for field in fields if field.fresh]


def _where(fields: Sequence[Field]) -> list[str]:
    first, *others = (f"{field.sql} = :{field.parameter}" for field in fields)
    return [f"where {first}", *(f"  and {other}" for other in others)]


def _set(subject: Subject) -> list[str]:
    lines: list[Line] = []
    if subject.version is not None:
        lines.append((f"{subject.version.sql} = {subject.version.sql} + 1", None))
    lines += [(f"{f.sql} = :{f.parameter}", f.parameter) for f in subject.changed]
    return ["set", *_items(lines)]


def _insert(subject: Subject, fields: Sequence[Field]) -> list[str]:
    """The columns and their values: the line of one that may be left out is optional in both."""
    head = f"insert into {subject.name}"
    columns: list[Line] = [(f.sql, f.parameter if f.optional else None) for f in fields]
    values: list[Line] = [(f":{f.parameter}", f.parameter if f.optional else None) for f in fields]
    if all(field.optional for field in fields):
        # There has to be a column, whatever is left out.
        if subject.blank is not None:
            columns.insert(0, (subject.blank, None))
            values.insert(0, ("default", None))
        else:
            columns[0], values[0] = (columns[0][0], None), (values[0][0], None)
    return [*_list(head, columns), *_list("values", values)]


def _items(lines: Sequence[Line]) -> list[str]:
    """The items of a list: those that are always there first, together where they are short."""
    always = [code for code, condition in lines if condition is None]
    optional = [(code, condition) for code, condition in lines if condition is not None]
    ordered: list[Line] = [(code, None) for code in _wrapped(always)]
    ordered += optional
    with_commas = [(f"  {code},", condition) for code, condition in ordered[:-1]]
    last, condition = ordered[-1]
    return _aligned([*with_commas, (f"  {last}", condition)])


def _wrapped(codes: Sequence[str]) -> list[str]:
    """The items, as many on a line as fit on it."""
    rows: list[str] = []
    for code in codes:
        if rows and len(rows[-1]) + len(code) + 5 <= _WIDTH:
            rows[-1] += f", {code}"
        else:
            rows.append(code)
    return rows


def _list(head: str, lines: Sequence[Line]) -> list[str]:
    """A list in brackets: on one line where it fits and all of it is always there."""
    line = f"{head} ({', '.join(code for code, _ in lines)})"
    if len(line) <= _WIDTH and all(condition is None for _, condition in lines):
        return [line]
    return [f"{head} (", *_items(lines), ")"]


def _aligned(lines: Iterable[Line]) -> list[str]:
    """The lines with their conditions below each other."""
    found = list(lines)
    width = max((len(code) for code, condition in found if condition is not None), default=0)
    return [
        code if condition is None else f"{code:{width}} -- if :{condition}"
        for code, condition in found
    ]
