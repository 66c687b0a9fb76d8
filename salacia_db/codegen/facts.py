"""Facts: the values that pass between the stages of the generator.

`source` reads files into `Statement`s, `analysis` asks PostgreSQL and turns each into a `Query`,
`emit` and `describe` read `Query`s. Nothing here knows how a fact was found.
"""

from typing import Literal

from msgspec import Struct

from salacia_db.texts import Key

Kind = Literal[
    "one", "one!", "many", "exec", "bulk", "copy", "stream", "page", "batchone", "batchmany"
]
Dialect = Literal["salacia", "sqlc"]
Cardinality = Literal["none", "one", "optional", "many"]
Operation = Literal["create", "update", "delete", "upsert"]


# --- places ---------------------------------------------------------------------------------------


class SourceFile(Struct, frozen=True, gc=False):
    """A file that a person wrote: its path as it is shown to them, and its text."""

    path: str
    text: str


class Span(Struct, frozen=True):
    """A place in a file: `start` and `end` are character offsets into its text."""

    file: SourceFile
    start: int
    end: int


# --- what the settings say ------------------------------------------------------------------------


class Converter(Struct, frozen=True, forbid_unknown_fields=True):
    """A type of the application with the functions between it and what the driver takes and gives.

    All are dotted paths. `read` is given the driver's value, `write` the application's; without
    them the type is called with the driver's value, and its value given as it is.
    """

    type: str
    read: str | None = None
    write: str | None = None


# --- what `source` finds --------------------------------------------------------------------------


class Marker(Struct, frozen=True):
    """One use of a parameter: `$n` stands at `start:end` of the statement's `sql`.

    `source` is the place of what the person wrote there (`:name`, `@name`, `sqlc.arg(name)`, `$1`).
    """

    start: int
    end: int
    source: Span


class ParameterUse(Struct, frozen=True):
    """A parameter as the file names it: number `n` of `$n`, and each place where it is used.

    `name` is None where only `$1` is given. `nullable` is what the file forces (`:name?`,
    `-- nullable: name`, `sqlc.narg`), None where it says nothing. `default` is the Python
    expression of `-- default: name expression`, already checked to be a literal or `uuid7()`, and
    `default_at` the place of that line.
    """

    number: int
    name: str | None
    nullable: bool | None
    default: str | None
    markers: tuple[Marker, ...]
    default_at: Span | None = None


Bit = tuple[str, str | None]
"""What a line depends on: the name that has to be given, and the value, if it has to be one."""


class OptionalLine(Struct, frozen=True):
    """`start:end` of a statement's `sql`: there only when `name` is given, or is `value`.

    Two of them are nested or apart. `source` is the place of its `-- if :name`, `-- if :name =
    value` or `-- sort: value` (whose name is `sort`).
    """

    name: str
    start: int
    end: int
    source: Span
    value: str | None = None

    @property
    def bit(self) -> Bit:
        """What it depends on."""
        return self.name, self.value


SORT = "sort"
"""The name that chooses among orders."""


class Choice(Struct, frozen=True):
    """An argument that is no parameter of the SQL: it chooses lines by its value.

    `labels` are the values that lines ask for, in their order. Without `default` none may be
    chosen. A `flag` is one whose values are true and false.
    """

    name: str
    labels: tuple[str, ...]
    default: str | None
    source: Span

    @property
    def flag(self) -> bool:
        """Whether its values are true and false."""
        return set(self.labels) <= {"true", "false"}


class Filter(Struct, frozen=True):
    """`-- where: name`: at offset `at` of the `sql` another statement's optional lines go on."""

    group: str | None
    name: str
    at: int
    source: Span


class Fragment(Struct, frozen=True):
    """A part of a text: strings, and the indexes of the parameters that stand between them.

    It is there if of each of `needs` at least one is chosen.
    """

    items: tuple[str | int, ...]
    needs: tuple[tuple[Bit, ...], ...] = ()


class Dynamic(Struct, frozen=True):
    """A statement whose text depends on what is given: its fragments, in order.

    `bits` are all that its lines depend on.
    `suffix` ends its tracked form. `written` is empty, or holds what an UPDATE needs one of: else
    its SET is empty. `shapes` is the number of texts that the server has checked.
    """

    bits: tuple[Bit, ...]
    fragments: tuple[Fragment, ...]
    suffix: str | None
    written: tuple[Bit, ...]
    shapes: int


class OutputType(Struct, frozen=True):
    """`-- as name: type`: the Python type of one output of a statement."""

    name: str
    type: str
    source: Span


class Empty(Struct, frozen=True):
    """`-- empty: name`: the statement of its group that runs where its own SET is empty."""

    name: str
    source: Span


class Batching(Struct, frozen=True):
    """`-- batch: size`: up to so many concurrent calls share a statement."""

    size: int
    source: Span


class Statement(Struct, frozen=True):
    """One annotated statement as it stands in a file.

    `sql` is the text for the server: parameters written as `$n`, without the annotation comments
    and the closing semicolon. `pieces` maps it back: sorted (offset in `sql`, offset in the file)
    pairs; between two pairs offsets advance together. `schema` is the folder under sql/, if any.
    `sql` has every optional line; `optional` says which they are, in their order, and `choices`
    which of their names are no parameters.
    """

    group: str
    schema: str | None
    name: str
    kind: Kind
    dialect: Dialect
    doc: str
    sql: str
    header: Span
    body: Span
    pieces: tuple[tuple[int, int], ...]
    parameters: tuple[ParameterUse, ...]
    returns: str | None = None
    none: str | None = None
    timeout: float | None = None
    optional: tuple[OptionalLine, ...] = ()
    choices: tuple[Choice, ...] = ()
    filters: tuple[Filter, ...] = ()
    empty: Empty | None = None
    page_limit: int | None = None
    output_types: tuple[OutputType, ...] = ()
    batch: Batching | None = None


# --- the catalog ----------------------------------------------------------------------------------


class PgType(Struct, frozen=True):
    """A PostgreSQL type.

    `display` is what format_type() prints. `element` is the element of an array, the subtype of a
    range, the base of a domain. `labels` belong to an enum, `attributes` to a composite.
    """

    oid: int
    schema: str
    name: str
    display: str
    kind: Literal["base", "array", "enum", "composite", "domain", "range", "multirange", "pseudo"]
    element: "PgType | None" = None
    labels: tuple[str, ...] = ()
    attributes: tuple[tuple[str, "PgType"], ...] = ()
    not_null: bool = False
    comment: str | None = None


class TableRef(Struct, frozen=True, gc=False):
    """The name of a table, view or other relation."""

    schema: str
    name: str


class ColumnRef(Struct, frozen=True, gc=False):
    """The name of a column of a relation."""

    table: TableRef
    column: str


class TableColumn(Struct, frozen=True):
    """A column of a relation. `not_null` only where PostgreSQL really guarantees it for reads.

    `origin`: of a view, the table's column whose value it shows as it is.
    """

    number: int
    name: str
    type: PgType
    not_null: bool
    has_default: bool
    generated: bool
    comment: str | None
    origin: ColumnRef | None = None


class ForeignKey(Struct, frozen=True):
    """Columns of a table, and those of another that they refer to, in the same order.

    `name` is the constraint's; `checked`: all rows have been compared with it.
    """

    columns: tuple[str, ...]
    table: TableRef
    referred: tuple[str, ...]
    name: str = ""
    checked: bool = False


class Table(Struct, frozen=True):
    """A relation. `kind` is pg_class.relkind; `unique_keys` are those that hold for every row.

    `inert`: reading it is proven to write nothing and to leave the session as it was.
    """

    oid: int
    ref: TableRef
    kind: str
    columns: tuple[TableColumn, ...]
    comment: str | None
    primary_key: tuple[str, ...]
    unique_keys: tuple[tuple[str, ...], ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    inert: bool = False


# --- what `analysis` proves -----------------------------------------------------------------------


class Parameter(Struct, frozen=True):
    """A parameter with its type. `nullable` says whether the function takes None for it."""

    name: str
    number: int
    type: PgType
    nullable: bool
    default: str | None = None
    origin: ColumnRef | None = None
    optional: bool = False
    """Whether it may be left out, with the lines that need it."""


class Column(Struct, frozen=True):
    """A column of the wire's rows. `nullable` is False only where the query tree proves it.

    `reason` says in words why it may be NULL, or why it can't be; `place` is the character of the
    statement's `sql` that decides it, counted from 0, None where that is unknown; `hint` is what
    would make it not null, where more is known than for any expression.
    """

    name: str
    type: PgType
    nullable: bool
    origin: ColumnRef | None
    reason: str = ""
    place: int | None = None
    hint: str = ""
    filled: bool = False
    """Of an array: whether no element of it is NULL."""
    rows: TableRef | None = None
    """Of an array: the table whose whole rows its elements are, as they stand there."""
    at: int | None = None
    """The character of the statement's `sql` where it stands itself."""


class ValueField(Struct, frozen=True, tag="value", gc=False):
    """A field of a row that is one column: `column` is its index on the wire."""

    name: str
    column: int


class NestedField(Struct, frozen=True, tag="nested"):
    """A field of a row that is a whole row of a table: columns `start:stop` of the wire.

    `found` is the index of the column that is NULL exactly where the join found no row; None where
    a row is always there. `marker` is True where that column holds a boolean that tells it
    (true: no row) rather than a column whose NULL tells it.
    """

    name: str
    table: TableRef
    start: int
    stop: int
    found: int | None
    marker: bool = False


class Write(Struct, frozen=True):
    """What a statement, or a CTE of it, does to one table.

    `returned` is True where the statement's own rows are exactly whole rows of this table.
    """

    table: TableRef
    operation: Operation
    returned: bool = False


class Tracked(Struct, frozen=True):
    """The same statement with trailing columns for the unit of work, tried on the server.

    For an upsert a boolean (true: the row was created) comes first; the last column is always
    pg_current_xact_id(). A statement without RETURNING gets one only where it is proven to touch
    at most one row.
    """

    sql: str
    created: bool


class Batch(Struct, frozen=True):
    """The form in which concurrent calls share a statement, tried on the server.

    Of a read: it takes an array for each parameter, and a last column says which call a row
    answers, from 1. Of a write: it takes one more parameter, which comes back as the last column;
    in `tracked`, pg_current_xact_id() follows.
    """

    sql: str
    tracked: str | None = None


class Json(Struct, frozen=True):
    """How a value is written in JSON: a scalar by its `name`, an array, or a composite."""

    name: str = ""
    element: "Json | None" = None
    attributes: tuple[tuple[str, "Json"], ...] = ()


class Unnested(Struct, frozen=True):
    """A `:bulk` statement over all entries: of each parameter a list, or one text of JSON for them.

    Proven to do what the statement does for one row after the other, but for two entries that hit
    one row: then PostgreSQL refuses an upsert, and of an UPDATE or DELETE the last columns tell it.
    With `tail` at its end its rows are those of the tracked form. Where `positioned`, the position
    of the entry and the number of pairs of an entry and a row stand before that. `json`: the
    parameters whose values are JSON, from 0. `records`: those that travel as records of JSON, whose
    text is the first argument; the lists of the others follow.
    """

    sql: str
    tail: str
    positioned: bool = False
    json: tuple[int, ...] = ()
    records: tuple[tuple[int, Json], ...] = ()


class CopyTarget(Struct, frozen=True):
    """The table and columns of a `:copy`, in the order of the parameters."""

    table: TableRef
    columns: tuple[str, ...]


class TableColumns(Struct, frozen=True, gc=False):
    """Columns of one table, in alphabetical order."""

    table: TableRef
    columns: tuple[str, ...]


class Paging(Struct, frozen=True):
    """A statement of kind `:page` in parts (see `texts.Keyset`).

    `orders` are the keys by the value of `sort`, or by None where there is one order. `limit` is
    how many rows a page has if nobody says it.
    """

    head: tuple[Fragment, ...]
    select: tuple[Fragment, ...]
    source: tuple[Fragment, ...]
    filter: tuple[Fragment, ...]
    orders: tuple[tuple[str | None, tuple[Key, ...]], ...]
    limit: int


class Emptied(Struct, frozen=True):
    """The SELECT in place of an UPDATE whose SET is empty; its parameters have the same indexes."""

    dynamic: Dynamic
    read_only: bool
    clean: bool


class Query(Struct, frozen=True):
    """A statement with everything that PostgreSQL's query tree proves about it.

    `sql` is what runs: `Statement.sql` with stars and whole rows expanded. `table` is set where a
    row of the wire is exactly a row of that table. `read_only`: nothing is written, by functions
    included. `clean`: the session is left as it was found. `single`: at most one row is affected
    or returned whatever the data. `rows_reason`, `not_read_only` and `not_clean` say in words why
    the cardinality is what it is, and what keeps the statement from being so; empty where it is.
    `columns_read` and `columns_written` are all columns that may be, also through views and foreign
    keys, None where that isn't known. `uses_time`: it may depend on the transaction's time.
    `before_begin`: in READ COMMITTED it reads the same before its transaction begins as within.
    With `dynamic`, `sql` is the text with everything given, and `emptied` what runs where an UPDATE
    would set nothing.
    """

    statement: Statement
    sql: str
    parameters: tuple[Parameter, ...]
    columns: tuple[Column, ...]
    fields: tuple[ValueField | NestedField, ...]
    table: TableRef | None
    cardinality: Cardinality
    read_only: bool
    clean: bool
    reads: tuple[TableRef, ...]
    writes: tuple[Write, ...]
    tracked: Tracked | None = None
    batch: Batch | None = None
    copy_target: CopyTarget | None = None
    dynamic: Dynamic | None = None
    emptied: Emptied | None = None
    paging: Paging | None = None
    unnested: tuple[Unnested, ...] = ()
    rows_reason: str = ""
    not_read_only: str = ""
    not_clean: str = ""
    columns_read: tuple[TableColumns, ...] | None = None
    columns_written: tuple[TableColumns, ...] | None = None
    uses_time: bool = True
    before_begin: bool = False


class Schema(Struct, frozen=True):
    """The relations and types of a database that generated code may mention, in stable order.

    `search_path`: the schemas in which names without one were found, in the order of the search.
    """

    tables: tuple[Table, ...]
    enums: tuple[PgType, ...]
    composites: tuple[PgType, ...]
    search_path: tuple[str, ...] = ()
