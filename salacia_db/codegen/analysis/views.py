"""What reading a relation means: by its own query, where the catalog alone doesn't tell."""

from msgspec.structs import replace

from salacia_db.codegen.analysis.catalog import FIRST_USER_OID, Catalog, Relation
from salacia_db.codegen.analysis.effects import effects
from salacia_db.codegen.analysis.nullability import prove
from salacia_db.codegen.analysis.origins import output_origins
from salacia_db.codegen.analysis.server import Parsed, Server


def with_views(catalog: Catalog, server: Server) -> Catalog:
    """The catalog with what a read of each relation is proven to mean.

    Of views, which columns can't be NULL and whose values they show; of all, `Table.inert`.

    Not for materialized views: their rows may be older than a NOT NULL that proves it today.
    `Relation.not_null` stays as it is: a trigger may return what the view never shows.
    """
    proven = {
        oid: _proven(relation, catalog, server)
        for oid, relation in catalog.relations.items()
        if oid >= FIRST_USER_OID
    }
    return replace(catalog, relations={**catalog.relations, **proven})


def _proven(relation: Relation, catalog: Catalog, server: Server) -> Relation:
    table = relation.table
    computed = any(column.generated for column in table.columns)
    if table.kind != "v" and not (relation.foreign or relation.row_security or computed):
        return replace(relation, table=replace(table, inert=True))
    name = ".".join(
        '"' + part.replace('"', '""') + '"' for part in (table.ref.schema, table.ref.name)
    )
    parsed = server.parse(f"select * from {name}")  # noqa: S608 (quoted, and only parsed)
    if not isinstance(parsed, Parsed) or parsed.main is None:
        return relation
    found = effects(list(parsed.queries), catalog)
    table = replace(table, inert=found.read_only and found.clean)
    proofs = prove(parsed.main, catalog) if table.kind == "v" else ()
    if len(proofs) == len(table.columns):
        origins = output_origins(parsed.main, catalog)
        columns = tuple(
            replace(column, not_null=not proof.nullable, origin=origin)
            for column, proof, origin in zip(table.columns, proofs, origins, strict=True)
        )
        table = replace(table, columns=columns)
    return replace(relation, table=table)
