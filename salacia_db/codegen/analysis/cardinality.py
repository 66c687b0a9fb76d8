"""Cardinality: how many rows a statement returns or changes at most, whatever the data."""

from salacia_db.codegen.analysis.bounds import rows
from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.walk import SELECT, outputs
from salacia_db.codegen.facts import Cardinality


def cardinality(query: Node, catalog: Catalog) -> Cardinality:
    """How many rows the statement returns: none, exactly one, one at most (optional), or many."""
    if query.number("commandType") != SELECT and not outputs(query):
        return "none"
    found = rows(query, catalog)
    if found.most > 1:
        return "many"
    return "one" if found.least == found.most == 1 else "optional"


def single(query: Node, catalog: Catalog) -> bool:
    """Whether at most one row is returned, or changed, whatever the data."""
    return rows(query, catalog).most <= 1


def exactly_one(query: Node, catalog: Catalog) -> bool:
    """Whether the query returns one row whatever the data."""
    found = rows(query, catalog)
    return found.least == found.most == 1


def why_many(query: Node, catalog: Catalog) -> str:
    """Why several rows may come, in words for a person; empty where at most one can."""
    found = rows(query, catalog)
    return found.reason if found.most > 1 else ""


def why(query: Node, catalog: Catalog) -> str:
    """Why several rows may be returned or changed, or can't be, in words for a person."""
    return rows(query, catalog).reason
