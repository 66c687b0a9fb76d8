"""The form of a statement in which concurrent calls share it (`-- batch`)."""

from salacia_db.codegen.analysis.calls import called
from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.effects import Effects
from salacia_db.codegen.analysis.server import Parsed, Server
from salacia_db.codegen.analysis.session import Rejected
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.walk import SELECT, descend
from salacia_db.codegen.facts import Batch, Batching, PgType, Statement
from salacia_db.codegen.problems import Problem
from salacia_db.codegen.source.lexer import lex

_INT8, _INT4 = 20, 23
# Written plainly, these have the length 1.
_UNCUT = {"character": "bpchar", "bit": '"bit"'}
# Their values are lists or may be, which within an array would be one dimension more.
_LISTS = frozenset(("json", "jsonb", "int2vector", "oidvector", "vector", "halfvec", "sparsevec"))


def batch_form(
    statement: Statement,
    sql: str,
    parsed: Parsed,
    effect: Effects,
    server: Server,
    catalog: Catalog,
    *,
    tracked: bool,
) -> Batch | Problem | None:
    """How calls share the statement if they shall, or why they can't.

    `sql` is what runs, `parsed` its tree. `tracked`: it can tell its transaction.
    """
    if statement.batch is None:
        return None
    form: Batch | str
    if parsed.main is None:
        form = "PostgreSQL tells nothing of this statement"
    elif parsed.main.number("commandType") != SELECT:
        form = _write(sql, parsed, server, tracked=tracked)
    elif effect.writes:
        form = "it writes in a WITH query; an INSERT, UPDATE, DELETE or MERGE itself could"
    elif not effect.read_only or not effect.clean:
        form = effect.not_read_only or effect.not_clean
    else:
        form = _read(statement, sql, parsed, parsed.main, server, catalog)
    return form if isinstance(form, Batch) else _refused(statement, statement.batch, form)


def shapes_to_batch(statement: Statement) -> Problem | None:
    """The problem of a statement with optional lines whose calls shall share one."""
    if statement.batch is None:
        return None
    reason = "each choice of its optional lines is a statement of its own"
    return _refused(statement, statement.batch, reason)


def _refused(statement: Statement, batching: Batching, reason: str) -> Problem:
    message = f"calls of `{statement.name}` can't share a statement: {reason}"
    return Problem(message, at=batching.source, hint="remove `-- batch`")


def _write(sql: str, parsed: Parsed, server: Server, *, tracked: bool) -> Batch | str:
    """Each call's own statement, which says whose row it returns, one after the other."""
    number = len(parsed.parameters) + 1
    end = next(token.end for token in reversed(lex(sql)) if token.significant)
    text = f"{sql[:end]}, ${number}::int4"
    tried = server.parse(text)
    if isinstance(tried, Rejected):
        return f"with one more column it is refused: {tried.message}"
    same = tried.parameters == (*parsed.parameters, _INT4) and tried.columns[:-1] == parsed.columns
    if not same or tried.columns[-1].type != _INT4:
        return "its rows can't carry whose they are"
    return Batch(text, f"{text}, pg_current_xact_id()" if tracked else None)


def _read(
    statement: Statement, sql: str, parsed: Parsed, query: Node, server: Server, catalog: Catalog
) -> Batch | str:
    """One statement that answers each call in a LATERAL of its own."""
    if not parsed.parameters:
        return "it has no parameters that tell them apart"
    types = [catalog.types[oid] for oid in parsed.parameters]
    for number, type_ in enumerate(types, 1):
        if not _fits_array(type_):
            name = next((use.name for use in statement.parameters if use.number == number), None)
            return f"`{name or number}` is {type_.display}, whose values make no plain array"
    volatile = _volatile(query, catalog)
    if volatile is not None:
        return f"{volatile}() gives each its own answer"
    text = _lateral(sql, types)
    tried = server.parse(text)
    if isinstance(tried, Rejected):
        return f"for several at once it is refused: {tried.message}"
    wanted = [(column.name, column.type) for column in parsed.columns]
    found = [(column.name, column.type) for column in tried.columns]
    if found[:-1] != wanted or found[-1][1] != _INT8:
        return "its columns would have other types"
    return Batch(text)


def _lateral(sql: str, types: list[PgType]) -> str:
    calls = "calls"
    while calls in sql:
        calls += "_"
    shown = [_UNCUT.get(type_.display, type_.display) for type_ in types]
    arrays = ", ".join(f"${n}::{type_}[]" for n, type_ in enumerate(shown, 1))
    names = ", ".join(f"p{n}" for n in range(1, len(types) + 1))
    inner = "".join(
        f"{calls}.p{token.text[1:]}" if token.kind == "parameter" else token.text
        for token in lex(sql)
    )
    # LIMIT keeps the planner from making a join of it, which might read a whole table: each call is
    # answered by the plan, and from the indexes, of the statement itself.
    return "\n".join(
        (
            f"select answer.*, {calls}.n",
            f"from unnest({arrays}) with ordinality as {calls} ({names}, n)",
            "cross join lateral (select * from (",
            inner,
            ") as one limit 1) as answer",
        )
    )


def _fits_array(type_: PgType) -> bool:
    if type_.kind == "domain":
        return type_.element is not None and _fits_array(type_.element)
    return type_.kind in ("base", "enum", "range") and type_.name not in _LISTS


def _volatile(query: Node, catalog: Catalog) -> str | None:
    """A function that the statement calls and that may answer differently each time."""
    for node in descend(query):
        for oid in called(node, catalog.operators):
            function = catalog.functions.get(oid)
            if function is None or function.volatility == "v":
                return "a function that is not known here" if function is None else function.name
    return None
