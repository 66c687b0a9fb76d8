"""Columns: which of them a query reads and writes, and which foreign keys write in turn."""

from salacia_db.codegen.analysis.catalog import Catalog, Relation
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.walk import MERGE, UPDATE

_OFFSET = 7  # -FirstLowInvalidHeapAttributeNumber: sets of columns hold system columns as well


def every(relation: Relation) -> frozenset[str]:
    """All columns of the relation."""
    return frozenset(column.name for column in relation.table.columns)


def read_columns(query: Node, entry: Node, relation: Relation) -> frozenset[str]:
    """The columns of a table in FROM that the query needs, as PostgreSQL's own privileges have it.

    What a policy needs isn't among those, nor what a generated column is computed from, and a
    system column (`xmin`) changes with any other: then it is all of them.
    """
    permissions, index = query.nodes("rteperminfos"), entry.number("perminfoindex")
    # Until 15 the entry itself says so.
    said = permissions[index - 1] if 0 < index <= len(permissions) else entry
    if relation.row_security or "selectedCols" not in said.fields:
        return every(relation)
    numbers = {member - _OFFSET for member in said.numbers("selectedCols")}
    read = [column for column in relation.table.columns if column.number in numbers]
    if len(read) < len(numbers) or any(column.generated for column in read):
        return every(relation)
    return frozenset(column.name for column in read)


def written_columns(query: Node, relation: Relation) -> frozenset[str]:
    """The columns of its target that the query writes: all of them where rows come or go."""
    command, lists = query.number("commandType"), [query]
    if command == MERGE:
        lists = query.nodes("mergeActionList")
    if any(item.number("commandType") != UPDATE for item in lists):
        return every(relation)
    numbers = {
        target.number("resno")
        for item in lists
        for target in item.nodes("targetList")
        if not target.flag("resjunk")
    }
    return _changed(relation, numbers)


def cascaded(
    relation: Relation, columns: frozenset[str], catalog: Catalog, *, deletes: bool
) -> dict[int, frozenset[str]]:
    """The columns that foreign keys write when these columns change, or rows are deleted.

    Relations by oid. Which of CASCADE and SET NULL a key has isn't asked.
    """
    found: dict[int, frozenset[str]] = {}
    pending = [(relation, columns, deletes)]
    while pending:
        source, changed, gone = pending.pop()
        for oid in source.cascades:
            reached = catalog.relations.get(oid)
            if reached is None:
                continue  # `effects` has it as unknown
            keys = [k for k in reached.table.foreign_keys if k.table == source.table.ref]
            # A key of a partition's own refers to the table that it is a part of.
            gone_as_well = gone or not keys
            passed = {n for k in keys if changed & set(k.referred) for n in k.columns}
            numbers = {c.number for c in reached.table.columns if c.name in passed}
            written = every(reached) if gone_as_well else _changed(reached, numbers)
            if not written <= found.get(oid, frozenset()):
                found[oid] = found.get(oid, frozenset()) | written
                pending.append((reached, written, gone_as_well))
    return found


def _changed(relation: Relation, numbers: set[int]) -> frozenset[str]:
    """The columns of these numbers, and those that are computed from others."""
    if any(t.timing == "before" and "update" in t.events for t in relation.triggers):
        return every(relation)
    return frozenset(
        column.name
        for column in relation.table.columns
        if column.number in numbers or (numbers and column.generated)
    )
