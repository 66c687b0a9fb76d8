"""Nullability: which output columns of a statement can be NULL, proven over PostgreSQL's tree."""

from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.proofs.proof import Proof
from salacia_db.codegen.analysis.proofs.prover import Rules
from salacia_db.codegen.analysis.tree import Node

__all__ = ["Proof", "prove"]


def prove(query: Node, catalog: Catalog, given: frozenset[int] = frozenset()) -> list[Proof]:
    """One proof for each column that the query returns, in their order.

    `query` is a rewritten QUERY node; a change returns what its RETURNING lists. `given` are the
    numbers of the parameters for which NULL is never sent.
    """
    return Rules(catalog, given).columns(query, None, frozenset())
