"""Whether a statement suits the kind that its annotation gives it."""

from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.facts import Cardinality, CopyTarget, Parameter, Span, Statement
from salacia_db.codegen.problems import Problem, Severity
from salacia_db.codegen.source.lexer import Token, lex

SELECT, UPDATE, INSERT, DELETE = 1, 2, 3, 4  # CmdType
_ONCE = {"bulk": "exec", "batchone": "one", "batchmany": "many"}
_TRANSACTION = "begin start commit end rollback abort savepoint release".split()


def check_kind(
    statement: Statement,
    query: Node | None,
    cardinality: Cardinality,
    *,
    why: str,
    columns: int,
    single: bool,
) -> list[Problem]:
    """What is wrong with the kind.

    `query` is the tree, if there is just one; `why` says why several rows may come.
    """
    kind = statement.kind
    if query is None and (command := _not_for_a_query(statement)) is not None:
        return [command]
    if kind in ("one", "one!", "many", "stream", "page", "batchone", "batchmany") and columns == 0:
        return [
            _problem(
                statement,
                f":{kind} wants rows, but the statement returns none",
                "add a RETURNING clause, or use :exec",
            )
        ]
    if kind in ("one", "one!", "batchone") and cardinality == "many":
        return [_several(statement, query, why)]
    if kind in ("bulk", "batchone", "batchmany"):
        return _check_bulk(statement, query, columns=columns, single=single)
    return []


def gives_one_row(statement: Statement) -> bool:
    """Whether it is a CALL or SHOW; the server tells no tree of either."""
    words = _first_words(statement)
    return bool(words) and (
        words[0].is_word("call") or (words[0].is_word("show") and not words[-1].is_word("all"))
    )


def copy_target(
    statement: Statement, query: Node | None, parameters: tuple[Parameter, ...], catalog: Catalog
) -> CopyTarget | Problem | None:
    """Where a `:copy` goes; None where its rows go out. `query` is its tree before rewriting."""
    if query is not None and query.number("commandType") == SELECT:
        return None
    columns = None if query is None else _copied_columns(query, statement.sql)
    if query is None or columns is None:
        return _problem(
            statement,
            ":copy must be a plain `insert into … (columns) values (parameters)` or a SELECT",
            "use :bulk for anything else",
        )
    entries = query.nodes("rtable")
    relation = catalog.relations.get(entries[query.number("resultRelation") - 1].number("relid"))
    if relation is None or relation.table.kind not in ("r", "p", "f") or relation.rules:
        return _problem(
            statement, ":copy needs a table, without rules", "use :bulk for a view or with rules"
        )
    if relation.row_security:
        table = relation.table.ref.name
        return _problem(
            statement,
            f"PostgreSQL refuses COPY into {table} to those for whom its policies hold",
            "use :bulk",
        )
    names = {column.number: column.name for column in relation.table.columns}
    return CopyTarget(relation.table.ref, tuple(names[columns[p.number]] for p in parameters))


def _problem(
    statement: Statement, message: str, hint: str, severity: Severity = "error"
) -> Problem:
    return Problem(message, at=statement.header, hint=hint, severity=severity)


def _several(statement: Statement, query: Node | None, why: str) -> Problem:
    lenient = statement.dialect == "sqlc"
    reason = f" ({why})" if why else ""
    return _problem(
        statement,
        f":{statement.kind} may return several rows{reason}"
        + ("; only the first is taken" if lenient else ""),
        _fewer(query),
        "warning" if lenient else "error",
    )


def _fewer(query: Node | None) -> str:
    """What to do where several rows may come."""
    if query is None:
        return "use :many"
    limit = " add `limit 1`," if query.number("commandType") == SELECT else ""
    return f"compare all columns of a unique key with `=`,{limit} or use :many"


def _first_words(statement: Statement) -> list[Token]:
    return [token for token in lex(statement.sql) if token.significant][:2]


def _not_for_a_query(statement: Statement) -> Problem | None:
    """The problem of a statement that begins or ends a transaction, or moves rows by COPY."""
    tokens = _first_words(statement)
    if tokens and tokens[0].is_word("copy"):
        return _raw_copy(statement)
    prepared = (
        len(tokens) == 2 and tokens[0].is_word("prepare") and tokens[1].is_word("transaction")
    )
    if not tokens or not (prepared or tokens[0].is_word(*_TRANSACTION)):
        return None
    start = statement.body.start
    command = "PREPARE TRANSACTION" if prepared else tokens[0].text.upper()
    return Problem(
        f"{command} is not for a query: a unit of work owns its transaction",
        at=Span(statement.body.file, start, start + len(tokens[0].text)),
        hint="use `async with db.unit_of_work()`, and nest them for savepoints",
    )


def _raw_copy(statement: Statement) -> Problem | None:
    """The problem of a COPY with the client, for which a call has no rows to give or take."""
    tokens = [token for token in lex(statement.sql) if token.significant]
    if not any(token.is_word("stdin", "stdout") for token in tokens):
        return None
    start = statement.body.start
    return Problem(
        "COPY from or to the client is not for a query: nobody would send or take its rows",
        at=Span(statement.body.file, start, start + len("copy")),
        hint="give the kind :copy to a plain INSERT or a SELECT",
    )


def _check_bulk(
    statement: Statement, query: Node | None, *, columns: int, single: bool
) -> list[Problem]:
    command = 0 if query is None else query.number("commandType")
    if command not in (UPDATE, INSERT, DELETE) and statement.dialect == "salacia":
        return [_problem(statement, ":bulk must be an INSERT, UPDATE or DELETE", "use :many")]
    if not statement.parameters:
        return [
            _problem(
                statement,
                f":{statement.kind} runs once per set of parameters, but has none",
                f"use :{_ONCE[statement.kind]}",
            )
        ]
    if columns and not single and statement.dialect == "salacia":
        return [
            _problem(
                statement,
                ":bulk may return several rows for one set of parameters",
                "compare all columns of a unique key with `=`, or drop the RETURNING clause",
            )
        ]
    return []


def _copied_columns(query: Node, sql: str) -> dict[int, int] | None:
    """Attribute numbers by parameter number, if the statement is what COPY can do."""
    if query.number("commandType") != INSERT or not _is_plain(sql):
        return None
    entries = query.nodes("rtable")
    columns: dict[int, int] = {}
    for entry in query.nodes("targetList"):
        value = entry.node("expr")
        while value is not None and value.tag != "PARAM":
            # Its length or domain is applied to the value, as COPY does too.
            value = value.node("arg") or next(iter(value.nodes("args")), None)
        if value is None or value.number("paramid") in columns:
            return None
        columns[value.number("paramid")] = entry.number("resno")
    return columns if entries and columns else None


def _is_plain(sql: str) -> bool:
    """Whether the text is INSERT INTO name (names) VALUES ($1, $2, …) and nothing else."""
    tokens = [token for token in lex(sql) if token.significant]
    at = next((i for i, token in enumerate(tokens) if token.is_word("values")), len(tokens))
    head, row = tokens[:at], tokens[at + 1 :]
    if len(row) < 3 or not (head and head[0].is_word("insert")):
        return False
    inner = row[1:-1]
    return (
        row[0].is_symbol("(")
        and row[-1].is_symbol(")")
        and len(inner) % 2 == 1
        and all(_is_item(token, i) for i, token in enumerate(inner))
        and not any(token.is_word("overriding") for token in head)
    )


def _is_item(token: Token, index: int) -> bool:
    return token.is_symbol(",") if index % 2 else token.kind == "parameter"
