"""The prover: the rules tied together, so that each can call the others."""

from salacia_db.codegen.analysis.bounds import has_row
from salacia_db.codegen.analysis.cardinality import exactly_one
from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.proofs import columns, queries
from salacia_db.codegen.analysis.proofs.expressions import RULES
from salacia_db.codegen.analysis.proofs.keys import Key, expression_key
from salacia_db.codegen.analysis.proofs.proof import Proof, maybe
from salacia_db.codegen.analysis.proofs.scope import Scope
from salacia_db.codegen.analysis.tree import Node


class Rules:
    """The rules over one catalog (see `scope.Prover`)."""

    def __init__(self, catalog: Catalog, given: frozenset[int] = frozenset()) -> None:
        self.catalog = catalog
        self.given = given

    def prove(self, node: Node, scope: Scope) -> Proof:
        """Whether the expression can be NULL: by its rule, else by a condition on all of it."""
        rule = RULES.get(node.tag)
        proof = maybe("not understood", node) if rule is None else rule(node, scope)
        if not proof.nullable or node.tag == "VAR":
            return proof
        place = _condition(node, scope)
        return proof if place is None else place

    def column(self, entry: int, attribute: int, scope: Scope) -> Proof:
        """Whether a column of a range table entry of this very scope can be NULL."""
        return columns.column(entry, attribute, scope)

    def columns(self, query: Node, parent: Scope | None, given: frozenset[int]) -> list[Proof]:
        """A query's output columns; `given` are attribute numbers known not to be NULL."""
        return queries.columns(query, parent, given, self)

    def assume(self, scope: Scope, known: dict[Key, int | None]) -> Scope:
        """The scope for those of its rows in which these values aren't NULL."""
        return queries.assume(scope, known, self)

    def one_row(self, query: Node) -> bool:
        """Whether the query returns exactly one row whatever the data."""
        return exactly_one(query, self.catalog)

    def has_row(self, query: Node) -> bool:
        """Whether the query's FROM and WHERE surely leave a row, before any grouping."""
        return has_row(query, self.catalog)

    def inside(self, query: Node, parent: Scope | None) -> Scope:
        """The scope of a query, its joins and conditions understood."""
        return queries.inside(query, parent, self)


def _condition(node: Node, scope: Scope) -> Proof | None:
    """A condition that lets no NULL of the whole expression through."""
    around: Scope | None = scope
    key: Key | None = None
    while around is not None:
        if any(isinstance(known, str) for known in around.facts.known):
            key = key or expression_key(node, scope.catalog)
            if key is not None and key in around.facts.known:
                place = around.facts.known[key]
                return Proof(False, "not null: a condition lets no NULL of it through", place)
        # Only a parameter means the same in an outer query.
        around = around.parent if node.tag == "PARAM" else None
    return None
