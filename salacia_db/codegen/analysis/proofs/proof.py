"""A verdict on one value: can it be NULL, why, and where in the text."""

from msgspec import Struct

from salacia_db.codegen.analysis.tree import Node


class Proof(Struct, frozen=True, gc=False):
    """Whether a value can be NULL. `reason` says why or why not, in words for a person.

    `location` is the UTF-8 byte offset, in the text sent, of what decided it; None where the tree
    carries none, as inside views. `cause` is the place of what makes it so where that is another,
    as an outer join's condition. `hint` says what would make it not null.
    """

    nullable: bool
    reason: str
    location: int | None = None
    cause: int | None = None
    hint: str = ""


def never(reason: str, node: Node | None = None) -> Proof:
    """Proven: the value can't be NULL."""
    return Proof(False, "not null: " + reason, located(node))


def maybe(
    reason: str, node: Node | None = None, *, cause: int | None = None, hint: str = ""
) -> Proof:
    """Not proven: the value may be NULL."""
    return Proof(True, "null: " + reason, located(node), cause, hint)


def located(node: Node | None) -> int | None:
    """Where the node starts in the text, if the tree tells."""
    location = -1 if node is None else node.get("location")
    return location if isinstance(location, int) and location >= 0 else None


def placed(proof: Proof, node: Node) -> Proof:
    """The proof at its own place, else at the node's."""
    here = located(node)
    if proof.location is not None or here is None:
        return proof
    return Proof(proof.nullable, proof.reason, here, proof.cause, proof.hint)
