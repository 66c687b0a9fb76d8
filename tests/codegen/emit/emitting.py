"""Facts written by hand, as the analysis would find them, for the tests of `emit`."""

from collections.abc import Mapping, Sequence
from itertools import count

from salacia_db.codegen.emit import Options, emit
from salacia_db.codegen.facts import (
    Cardinality,
    Column,
    ColumnRef,
    Kind,
    Marker,
    NestedField,
    Parameter,
    ParameterUse,
    PgType,
    Query,
    Schema,
    SourceFile,
    Span,
    Statement,
    Table,
    TableColumn,
    TableRef,
    ValueField,
)
from salacia_db.codegen.facts import (
    CopyTarget as CopyTarget,
)
from salacia_db.codegen.facts import (
    Tracked as Tracked,
)
from salacia_db.codegen.facts import (
    Write as Write,
)
from salacia_db.codegen.problems import Problem

_oids = count(20000)


def pg(name: str, display: str | None = None, schema: str = "pg_catalog") -> PgType:
    """A base type."""
    return PgType(next(_oids), schema, name, display or name, "base")


BOOL = pg("bool", "boolean")
INT = pg("int4", "integer")
BIGINT = pg("int8", "bigint")
FLOAT = pg("float8", "double precision")
NUMERIC = pg("numeric")
TEXT = pg("text")
UUID = pg("uuid")
DATE = pg("date")
TIME = pg("timestamptz", "timestamp with time zone")
JSONB = pg("jsonb")


def array(element: PgType) -> PgType:
    """An array of the type."""
    name = f"_{element.name}"
    return PgType(
        next(_oids), element.schema, name, f"{element.display}[]", "array", element=element
    )


def enum(name: str, *labels: str, schema: str = "public", comment: str | None = None) -> PgType:
    """An enum."""
    return PgType(next(_oids), schema, name, name, "enum", labels=labels, comment=comment)


def composite(name: str, schema: str = "public", **attributes: PgType) -> PgType:
    """A composite type."""
    pairs = tuple(attributes.items())
    return PgType(next(_oids), schema, name, name, "composite", attributes=pairs)


def domain(name: str, base: PgType, *, not_null: bool = False) -> PgType:
    """A domain."""
    return PgType(next(_oids), "public", name, name, "domain", element=base, not_null=not_null)


def range_(name: str, element: PgType) -> PgType:
    """A range."""
    return PgType(next(_oids), "pg_catalog", name, name, "range", element=element)


class Maybe:
    """A type whose value may be NULL."""

    def __init__(self, type_: PgType) -> None:
        self.type = type_


Typed = PgType | Maybe


def split(typed: Typed) -> tuple[PgType, bool]:
    """The type, and whether the value may be NULL."""
    return (typed.type, True) if isinstance(typed, Maybe) else (typed, False)


def table(
    name: str,
    columns: Mapping[str, Typed],
    *,
    comment: str | None = None,
    comments: Mapping[str, str] | None = None,
) -> Table:
    """A table; a dot in the name separates the schema."""
    schema, _, bare = name.rpartition(".")
    comments = comments or {}
    return Table(
        oid=next(_oids),
        ref=TableRef(schema or "public", bare),
        kind="r",
        columns=tuple(
            TableColumn(
                number=number,
                name=column,
                type=split(typed)[0],
                not_null=not split(typed)[1],
                has_default=False,
                generated=False,
                comment=comments.get(column),
            )
            for number, (column, typed) in enumerate(columns.items(), 1)
        ),
        comment=comment,
        primary_key=(next(iter(columns), ""),),
        unique_keys=(),
    )


def columns_of(whole: Table, *, nullable: bool = False) -> list[Column]:
    """The columns of a whole row of the table."""
    return [
        Column(
            column.name,
            column.type,
            nullable or not column.not_null,
            ColumnRef(whole.ref, column.name),
        )
        for column in whole.columns
    ]


def nested(
    name: str, whole: Table, start: int, found: int | None = None, **more: bool
) -> NestedField:
    """A field that is a whole row, from a column of the wire on."""
    return NestedField(name, whole.ref, start, start + len(whole.columns), found, **more)


def parameter(
    name: str,
    typed: Typed,
    *,
    default: str | None = None,
    origin: tuple[Table, str] | None = None,
) -> Parameter:
    """A parameter; its number is given by `query`."""
    type_, nullable = split(typed)
    column = None if origin is None else ColumnRef(origin[0].ref, origin[1])
    return Parameter(name, 0, type_, nullable, default, column)


def query(
    path: str,
    kind: Kind,
    sql: str,
    *,
    parameters: Sequence[Parameter] = (),
    columns: Mapping[str, Typed] | Sequence[Column] = (),
    fields: Sequence[ValueField | NestedField] | None = None,
    whole: Table | None = None,
    cardinality: Cardinality | None = None,
    doc: str = "",
    returns: str | None = None,
    none: str | None = None,
    timeout: float | None = None,
    read_only: bool = False,
    clean: bool = True,
    writes: Sequence[Write] = (),
    tracked: Tracked | None = None,
    copy: CopyTarget | None = None,
) -> Query:
    """A query; `path` is `[schema/]group.name`, `whole` the table whose rows it returns."""
    folder, _, rest = path.rpartition("/")
    group, _, name = rest.partition(".")
    text = f"-- name: {name} :{kind}\n{sql};\n"
    file = SourceFile(f"sql/{folder + '/' if folder else ''}{group}.sql", text)
    header = Span(file, 0, text.index("\n"))
    start = len(text) - len(sql) - 2
    numbered = [
        Parameter(p.name, number, p.type, p.nullable, p.default, p.origin)
        for number, p in enumerate(parameters, 1)
    ]
    uses = tuple(
        ParameterUse(p.number, p.name, None, p.default, _markers(file, sql, start, p.number))
        for p in numbered
    )
    if isinstance(columns, Mapping):
        columns = [
            Column(column, type_, nullable, None)
            for column, (type_, nullable) in ((c, split(t)) for c, t in columns.items())
        ]
    if whole is not None and not columns:
        columns = columns_of(whole)
    if fields is None:
        fields = [ValueField(column.name, index) for index, column in enumerate(columns)]
    return Query(
        statement=Statement(
            group=group,
            schema=folder or None,
            name=name,
            kind=kind,
            dialect="salacia",
            doc=doc,
            sql=sql,
            header=header,
            body=Span(file, start, len(text) - 2),
            pieces=((0, start),),
            parameters=uses,
            returns=returns,
            none=none,
            timeout=timeout,
        ),
        sql=sql,
        parameters=tuple(numbered),
        columns=tuple(columns),
        fields=tuple(fields),
        table=None if whole is None else whole.ref,
        cardinality=cardinality or _CARDINALITY[kind],
        read_only=read_only,
        clean=clean,
        reads=(),
        writes=tuple(writes),
        tracked=tracked,
        copy_target=copy,
    )


_CARDINALITY: dict[Kind, Cardinality] = {
    "one": "optional",
    "one!": "optional",
    "many": "many",
    "exec": "none",
    "bulk": "many",
    "copy": "none",
    "stream": "many",
}


def _markers(file: SourceFile, sql: str, start: int, number: int) -> tuple[Marker, ...]:
    at = sql.find(f"${number}")
    if at < 0:
        return ()
    end = at + len(f"${number}")
    return (Marker(at, end, Span(file, start + at, start + end)),)


def schema(*parts: Table | PgType) -> Schema:
    """A schema of tables, enums and composites."""
    types = [part for part in parts if isinstance(part, PgType)]
    return Schema(
        tables=tuple(part for part in parts if isinstance(part, Table)),
        enums=tuple(type_ for type_ in types if type_.kind == "enum"),
        composites=tuple(type_ for type_ in types if type_.kind == "composite"),
    )


def emitted(
    queries: Sequence[Query] = (),
    parts: Schema | None = None,
    *,
    types: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
) -> tuple[dict[str, str], list[Problem]]:
    """The texts by path, and the problems."""
    options = Options("shop", types or {}, names or {})
    files, problems = emit(queries, parts or schema(), options)
    return {file.path: file.text for file in files}, problems


def package(
    queries: Sequence[Query] = (), parts: Schema | None = None, **settings: Mapping[str, str]
) -> dict[str, str]:
    """The texts of a package that has no problems."""
    files, problems = emitted(queries, parts, **settings)
    assert not problems, "\n".join(problem.render() for problem in problems)
    return files
