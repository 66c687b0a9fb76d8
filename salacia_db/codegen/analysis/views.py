"""Columns of views: which can't be NULL, and whose values they show, by the view's own query."""

from msgspec.structs import replace

from salacia_db.codegen.analysis.catalog import FIRST_USER_OID, Catalog, Relation
from salacia_db.codegen.analysis.nullability import prove
from salacia_db.codegen.analysis.origins import output_origins
from salacia_db.codegen.analysis.server import Parsed, Server


def with_views(catalog: Catalog, server: Server) -> Catalog:
    """The catalog in which `TableColumn.not_null` is also proven for views, `origin` known.

    Not for materialized views: their rows may be older than a NOT NULL that proves it today.
    `Relation.not_null` stays as it is: a trigger may return what the view never shows.
    """
    proven = {
        oid: _proven(relation, catalog, server)
        for oid, relation in catalog.relations.items()
        if relation.table.kind == "v" and oid >= FIRST_USER_OID
    }
    return replace(catalog, relations={**catalog.relations, **proven})


def _proven(relation: Relation, catalog: Catalog, server: Server) -> Relation:
    table = relation.table
    name = ".".join(
        '"' + part.replace('"', '""') + '"' for part in (table.ref.schema, table.ref.name)
    )
    parsed = server.parse(f"select * from {name}")  # noqa: S608 (quoted, and only parsed)
    if not isinstance(parsed, Parsed) or parsed.main is None:
        return relation
    proofs = prove(parsed.main, catalog)
    if len(proofs) != len(table.columns):
        return relation
    origins = output_origins(parsed.main, catalog)
    columns = tuple(
        replace(column, not_null=not proof.nullable, origin=origin)
        for column, proof, origin in zip(table.columns, proofs, origins, strict=True)
    )
    return replace(relation, table=replace(table, columns=columns))
