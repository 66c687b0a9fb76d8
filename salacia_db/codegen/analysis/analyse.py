"""One statement at a time: asked of the server, understood, and told as a `Query`."""

from collections.abc import Iterable

from msgspec import Struct

from salacia_db.codegen.analysis import refusals, rows
from salacia_db.codegen.analysis.batching import batch_form
from salacia_db.codegen.analysis.cardinality import cardinality, single, why, why_many
from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.effects import Effects, effects
from salacia_db.codegen.analysis.expand import Expansion, Part, expand, whole_rows
from salacia_db.codegen.analysis.kinds import check_kind, copy_target, gives_one_row
from salacia_db.codegen.analysis.names import outputs
from salacia_db.codegen.analysis.nullability import prove
from salacia_db.codegen.analysis.outcome import Outcome
from salacia_db.codegen.analysis.parameters import parameters
from salacia_db.codegen.analysis.proofs.proof import Proof
from salacia_db.codegen.analysis.same import same_text
from salacia_db.codegen.analysis.server import Parsed, Server
from salacia_db.codegen.analysis.session import Rejected
from salacia_db.codegen.analysis.tracked import track
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.unnested import unnest
from salacia_db.codegen.facts import (
    Cardinality,
    Parameter,
    Query,
    Statement,
    TableColumns,
    TableRef,
    Unnested,
    Write,
)
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.positions import span_at

_DELETE = 4  # CmdType
_RETURNS_OLD, _RETURNS_NEW = 1, 2  # VarReturningType


class _Text(Struct, frozen=True):
    """The text that will run, what the server made of it, and the parts of its rows."""

    sql: str
    parsed: Parsed
    parts: tuple[Part, ...]
    missing: frozenset[int] = frozenset()
    expansion: Expansion | None = None

    def place(self, location: int) -> int:
        """The character of the statement's own text that a byte of this one is, or comes from."""
        offset = len(self.sql.encode()[:location].decode("utf-8", "ignore"))
        return offset if self.expansion is None else self.expansion.before(offset)


class Understood(Struct, frozen=True):
    """The outcome for one text, and what was written out in it."""

    outcome: Outcome
    expansion: Expansion | None = None


def analyse(statement: Statement, server: Server, catalog: Catalog) -> Outcome:
    """What a statement of one text means.

    The server is only asked, nothing is run. Raises ServerError.
    """
    return understand(statement, server, catalog).outcome


def understand(statement: Statement, server: Server, catalog: Catalog) -> Understood:
    """The same, with what was written out."""
    parsed = server.parse(statement.sql)
    if isinstance(parsed, Rejected):
        found = refusals.two_types(statement, server, catalog)
        return Understood(Outcome(None, (found or refusals.problem(statement, parsed, catalog),)))
    text, problems = _written_out(statement, parsed, server, catalog)
    query = text.parsed.main
    given, untyped = parameters(statement, text.parsed.parameters, query, catalog)
    row = rows.row(
        rows.columns(
            text.parsed.columns, query, _proofs(query, catalog, _sent(given)), catalog, text.place
        ),
        rows.named(text.parts),
        text.missing,
        catalog,
    )
    rows_returned = _cardinality(statement, text.parsed, catalog)
    alone = _alone(text.parsed, rows_returned, catalog)
    copied = None
    if statement.kind == "copy":
        copied = copy_target(statement, parsed.written, given, catalog)
    problems += [
        *([] if isinstance(copied, Problem) else _untold(statement, parsed)),
        *untyped,
        *rows.unnamed(statement, text.parts, parsed),
        *rows.untrusted(statement, row),
        *_check_kind(statement, text.parsed, rows_returned, alone, catalog),
        *([copied] if isinstance(copied, Problem) else []),
    ]
    if isinstance(copied, Problem) or any(problem.severity == "error" for problem in problems):
        return Understood(Outcome(None, tuple(problems)))
    effect = effects(list(text.parsed.queries), catalog)
    tracked = None
    if effect.writes and copied is None:
        tracked = track(text.sql, text.parsed, server, catalog, single=alone)
    batch = batch_form(
        statement, text.sql, text.parsed, effect, server, catalog, tracked=tracked is not None
    )
    if isinstance(batch, Problem):
        return Understood(Outcome(None, (*problems, batch)))
    unnested: tuple[Unnested, ...] = ()
    one_each = statement.kind == "batchone" and rows_returned == "one"
    if (statement.kind == "bulk" or one_each) and alone and effect.clean:
        unnested = unnest(text.sql, text.parsed, tracked, server, catalog)
    known = Query(
        statement=statement,
        sql=text.sql,
        parameters=given,
        columns=row.columns,
        fields=row.fields,
        table=row.table,
        cardinality=rows_returned,
        read_only=effect.read_only,
        clean=effect.clean,
        reads=tuple(_refs(effect.reads, catalog)),
        writes=_writes(effect, query, row.table, catalog),
        tracked=tracked,
        batch=batch,
        copy_target=copied,
        unnested=unnested,
        rows_reason=_why(statement, query, catalog),
        not_read_only=effect.not_read_only,
        not_clean=effect.not_clean,
        columns_read=_by_table(effect.columns_read, catalog),
        columns_written=_by_table(effect.columns_written, catalog),
        uses_time=effect.uses_time,
        before_begin=effect.before_begin,
    )
    return Understood(Outcome(known, tuple(problems)), text.expansion)


def _untold(statement: Statement, parsed: Parsed) -> list[Problem]:
    if not parsed.untold:
        return []
    return [
        Problem(
            f"this server doesn't tell what the statement does: {parsed.untold}",
            at=statement.header,
            hint="nothing is proven of it, and no hook sees what it writes; generate on a server"
            " that sends query trees as messages, such as the embedded one",
            severity="warning",
        )
    ]


def _alone(parsed: Parsed, returned: Cardinality, catalog: Catalog) -> bool:
    """Whether at most one row is returned or, where none is, changed."""
    if parsed.columns:
        return returned != "many"
    return parsed.main is not None and single(parsed.main, catalog)


def _check_kind(
    statement: Statement, parsed: Parsed, returned: Cardinality, alone: bool, catalog: Catalog
) -> list[Problem]:
    query = parsed.main
    asked = (
        statement.kind in ("one", "one!", "batchone") and returned == "many" and query is not None
    )
    reason = why_many(query, catalog) if asked and query is not None else ""
    columns = len(parsed.columns)
    return check_kind(statement, query, returned, why=reason, columns=columns, single=alone)


def _written_out(
    statement: Statement, parsed: Parsed, server: Server, catalog: Catalog
) -> tuple[_Text, list[Problem]]:
    """The statement with its stars and whole rows written out, if the server agrees with that."""
    columns = enumerate(parsed.columns)
    plainly = _Text(
        statement.sql, parsed, tuple(Part(column.name, index) for index, column in columns)
    )
    composite = any(_is_row(column.type, catalog) for column in parsed.columns)
    written = parsed.written if composite or "*" in statement.sql else None
    if written is None or len(outputs(written)) != len(parsed.columns):
        return plainly, []
    missing = _missing(parsed.main, whole_rows(written, catalog).keys(), catalog)
    expansion = expand(statement.sql, written, catalog, missing)
    at = statement.header
    if expansion is not None:
        again = server.parse(expansion.sql)
        if isinstance(again, Parsed) and _agrees(expansion, parsed, again):
            return _Text(expansion.sql, again, expansion.parts, missing, expansion), []
        at = span_at(statement, expansion.start + 1)
    elif parsed.stars_are_placed:
        return plainly, []
    return plainly, [
        Problem(
            "the columns of `*` or of a whole row can't be written out here",
            at=at,
            hint="list the columns, and order by expressions rather than positions, so that"
            " a column added to the table can't shift the others",
            severity="warning",
        )
    ]


def _is_row(oid: int, catalog: Catalog) -> bool:
    kind = catalog.types.get(oid)
    return kind is not None and kind.kind == "composite"


def _missing(query: Node | None, indexes: Iterable[int], catalog: Catalog) -> frozenset[int]:
    """Those of the whole rows that an outer join may leave without a row."""
    whole = list(indexes)
    proofs = _proofs(query, catalog) if whole else []
    return frozenset(i for i in whole if i >= len(proofs) or proofs[i].nullable)


def _agrees(expansion: Expansion, parsed: Parsed, again: Parsed) -> bool:
    """Whether the server reads the expanded text as the same statement."""
    names = expansion.names
    if again.parameters != parsed.parameters or len(again.columns) != len(names):
        return False
    if any(n is not None and n != c.name for n, c in zip(names, again.columns, strict=True)):
        return False
    at = 0
    for part in expansion.parts:
        width = part.width + part.marker
        types = [column.type for column in again.columns[at : at + part.width]]
        wanted = [parsed.columns[part.output].type]
        if part.table is not None:
            wanted = [rows.base(column.type).oid for column in part.table.columns]
        if types != wanted:
            return False
        at += width
    # A star's columns are counted by `order by 2` anyway, those of a whole row aren't.
    whole = any(part.table is not None for part in expansion.parts)
    return not whole or _orders(parsed) == _orders(again)


def _orders(parsed: Parsed) -> list[str]:
    """What the rows are ordered and grouped by: `order by 2` may mean another column now."""
    query = parsed.main
    if query is None:
        return []
    entries = {e.number("ressortgroupref"): e for e in query.nodes("targetList")}
    return [
        same_text(entries[clause.number("tleSortGroupRef")].node("expr"))
        for name in ("sortClause", "distinctClause")
        for clause in query.nodes(name)
        if query.get("hasDistinctOn") or name == "sortClause"
        if clause.number("tleSortGroupRef") in entries
    ]


def _proofs(
    query: Node | None, catalog: Catalog, given: frozenset[int] = frozenset()
) -> list[Proof]:
    return [] if query is None else prove(query, catalog, given)


def _sent(parameters: Iterable[Parameter]) -> frozenset[int]:
    """Those for which a generated function never sends NULL."""
    return frozenset(p.number for p in parameters if not p.nullable and p.default != "None")


def _cardinality(statement: Statement, parsed: Parsed, catalog: Catalog) -> Cardinality:
    if not parsed.columns:
        return "none"
    if gives_one_row(statement):
        return "one"
    return "many" if parsed.main is None else cardinality(parsed.main, catalog)


def _why(statement: Statement, query: Node | None, catalog: Catalog) -> str:
    if query is not None:
        return why(query, catalog)
    return "it returns one row by itself" if gives_one_row(statement) else ""


def _refs(oids: tuple[int, ...], catalog: Catalog) -> list[TableRef]:
    found = {catalog.relations[oid].table.ref for oid in oids if oid in catalog.relations}
    return sorted(found, key=lambda ref: (ref.schema, ref.name))


def _by_table(
    columns: dict[int, frozenset[str]] | None, catalog: Catalog
) -> tuple[TableColumns, ...] | None:
    if columns is None:
        return None
    found = [
        TableColumns(catalog.relations[oid].table.ref, tuple(sorted(names)))
        for oid, names in columns.items()
    ]
    return tuple(sorted(found, key=lambda one: (one.table.schema, one.table.name)))


def _writes(
    found: Effects, query: Node | None, row: TableRef | None, catalog: Catalog
) -> tuple[Write, ...]:
    returned = _returned(query) if row is not None else 0
    writes = {
        Write(relation.table.ref, operation, oid == returned and relation.table.ref == row)
        for oid, operation in found.writes
        if (relation := catalog.relations.get(oid)) is not None
    }
    return tuple(sorted(writes, key=lambda w: (w.table.schema, w.table.name, w.operation)))


def _returned(query: Node | None) -> int:
    """The table that RETURNING gives the changed rows of; 0 where there is none."""
    if query is None or not query.get("returningList"):
        return 0
    target = query.number("resultRelation")
    unwanted = _RETURNS_NEW if query.number("commandType") == _DELETE else _RETURNS_OLD
    for entry in outputs(query):
        variable = entry.node("expr")
        if variable is None or variable.tag != "VAR" or variable.number("varno") != target:
            return 0
        if variable.number("varreturningtype") == unwanted:
            return 0
    return query.nodes("rtable")[target - 1].number("relid")
