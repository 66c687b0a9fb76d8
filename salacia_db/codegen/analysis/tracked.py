"""The statement with trailing columns that tell the unit of work its transaction."""

from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.server import Parsed, Server
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.walk import events
from salacia_db.codegen.facts import Tracked
from salacia_db.codegen.source.lexer import lex

_WRITING = (2, 3, 4, 5)  # CmdType: UPDATE, INSERT, DELETE, MERGE
_BOOLEAN, _XID8 = 16, 5069
_DO_UPDATE = 2  # OnConflictAction
_OLD_AND_NEW = 180000


def track(
    sql: str, parsed: Parsed, server: Server, catalog: Catalog, *, single: bool
) -> Tracked | None:
    """The tracked text of a writing statement; None where it can't carry one.

    `single`: it touches at most one row, so that it may return one where it returned none.
    """
    query = parsed.main
    if query is None or query.number("commandType") not in _WRITING:
        return None
    if not _returns_what_it_writes(query, catalog):
        return None
    returning = bool(query.get("returningList"))
    if not returning and not single:
        return None
    end = next(token.end for token in reversed(lex(sql)) if token.significant)
    head = sql[:end] + (", " if returning else "\nreturning ")
    created = _created(query, catalog)
    if created is not None:
        text = f"{head}{created}, pg_current_xact_id()"
        if _accepted(text, parsed, server, _BOOLEAN, _XID8):
            return Tracked(text, created=True)
    text = f"{head}pg_current_xact_id()"
    return Tracked(text, created=False) if _accepted(text, parsed, server, _XID8) else None


def _returns_what_it_writes(query: Node, catalog: Catalog) -> bool:
    """Whether the target is a table of this server: else RETURNING needn't tell the truth."""
    number = query.number("resultRelation")
    entries = query.nodes("rtable")
    if not 0 < number <= len(entries):
        return False
    relation = catalog.relations.get(entries[number - 1].number("relid"))
    if relation is None or relation.table.kind not in ("r", "p"):
        return False
    return not relation.foreign and not relation.rules & events(query)


def _created(query: Node, catalog: Catalog) -> str | None:
    """An expression for RETURNING that is true where an upsert made the row."""
    conflict = query.node("onConflict")
    if conflict is None or conflict.number("action") != _DO_UPDATE:
        return None
    if catalog.server_version >= _OLD_AND_NEW:
        return "(old is not distinct from null)"
    entry = query.nodes("rtable")[query.number("resultRelation") - 1]
    relation = catalog.relations[entry.number("relid")]
    # A partition's row may lose its system columns on the way to RETURNING.
    return None if relation.table.kind == "p" else "(xmax = 0)"


def _accepted(sql: str, parsed: Parsed, server: Server, *types: int) -> bool:
    """Whether the server takes the text, and it adds just columns of these types."""
    tried = server.parse(sql)
    return (
        isinstance(tried, Parsed)
        and tried.parameters == parsed.parameters
        and tried.columns[: -len(types)] == parsed.columns
        and tuple(column.type for column in tried.columns[-len(types) :]) == types
    )
