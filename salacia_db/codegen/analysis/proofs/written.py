"""What a change wrote into a column of its target, where nothing may alter it on the way."""

from salacia_db.codegen.analysis.catalog import Relation
from salacia_db.codegen.analysis.proofs.proof import Proof, never
from salacia_db.codegen.analysis.proofs.scope import Scope
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.walk import INSERT, UPDATE, events

_DO_UPDATE = 2  # OnConflictAction
# Until then a child's column could be computed where its parent's is not.
_CHILDREN_ARE_ALIKE = 160000


def written(entry: int, attribute: int, relation: Relation, scope: Scope) -> Proof | None:
    """In RETURNING: proof that the value as written isn't NULL, by SET, VALUES or WHERE."""
    query, before = scope.query, scope.before
    if before is None or entry != query.number("resultRelation"):
        return None
    if not _as_written(attribute, relation, scope):
        return None
    if query.number("commandType") == UPDATE:
        return _updated(entry, attribute, before)
    if query.number("commandType") == INSERT:
        return _inserted(attribute, before)
    return None


def _as_written(attribute: int, relation: Relation, scope: Scope) -> bool:
    """Whether no trigger, rule or generation expression may put another value there."""
    if (
        relation.rules & events(scope.query)
        or relation.foreign
        or relation.table.kind not in ("r", "p")
    ):
        return False
    if scope.catalog.server_version < _CHILDREN_ARE_ALIKE or attribute <= 0:
        return False
    if any(trigger.per_row and trigger.timing != "after" for trigger in relation.triggers):
        return False
    column = next((c for c in relation.table.columns if c.number == attribute), None)
    return column is not None and not column.generated


def _updated(entry: int, attribute: int, before: Scope) -> Proof | None:
    assigned = _assigned(before.query.nodes("targetList"), attribute)
    if assigned is not None:
        return _given(assigned, "SET gives it a value that isn't NULL", before)
    known, place = before.condition((0, entry, attribute))
    if not known:
        return None
    return Proof(False, "not null: a condition lets no NULL of it through, and it stays", place)


def _inserted(attribute: int, before: Scope) -> Proof | None:
    query = before.query
    assigned = _assigned(query.nodes("targetList"), attribute)
    proof = None if assigned is None else _given(assigned, "a value is inserted", before)
    conflict = query.node("onConflict")
    if proof is None or conflict is None or conflict.number("action") != _DO_UPDATE:
        return proof
    changed = _assigned(conflict.nodes("onConflictSet"), attribute)
    if changed is None:
        return None  # the row that was there may hold NULL
    excluded = changed.tag == "VAR" and changed.number("varno") == conflict.number("exclRelIndex")
    if excluded and not changed.number("varlevelsup"):
        # `excluded` is the row that was to be inserted.
        return proof if changed.number("varattno") == attribute else None
    return _given(changed, "a value is inserted, or set", before)


def _assigned(targets: list[Node], attribute: int) -> Node | None:
    """The expression for a column in the list of what is written."""
    for target in targets:
        if target.number("resno") == attribute and not target.flag("resjunk"):
            return target.node("expr")
    return None


def _given(expression: Node, reason: str, before: Scope) -> Proof | None:
    proof = before.prove(expression)
    return None if proof.nullable else never(reason, expression)
