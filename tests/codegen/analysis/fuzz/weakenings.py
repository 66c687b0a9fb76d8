"""Each rule of the proofs made wrong in one way, to see that the fuzzer would notice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from salacia_db.codegen.analysis import bounds, determined, effects
from salacia_db.codegen.analysis.bounds import Bounds
from salacia_db.codegen.analysis.determined import Determined
from salacia_db.codegen.analysis.functions import Totality
from salacia_db.codegen.analysis.proofs import (
    aggregates,
    collected,
    columns,
    expressions,
    joins,
    narrowing,
    prover,
    queries,
    written,
)
from salacia_db.codegen.analysis.proofs.proof import Proof, never
from salacia_db.codegen.analysis.vetted import Touches

SURE = never("weakened")
RULES = expressions.RULES


def _sure(*_: object) -> Proof:
    return SURE


def _rule(tag: str, rule: Callable[..., Proof] = _sure) -> Callable[[], Any]:
    return lambda: patch.dict(RULES, {tag: rule})


def _of(target: object, name: str, value: object) -> Callable[[], Any]:
    return lambda: patch.object(target, name, value)


def _blind(rule: Callable[..., Proof], *fields: str) -> Callable[..., Proof]:
    """The rule as if these fields of the node were empty."""

    def weakened(node: Any, scope: Any) -> Proof:
        kept = {name: node.fields.get(name) for name in fields}
        node.fields.update(dict.fromkeys(fields))
        try:
            return rule(node, scope)
        finally:
            node.fields.update(kept)

    return weakened


def _entry(kind: int, rule: Callable[..., Proof] = _sure) -> Callable[[], Any]:
    return lambda: patch.dict(columns._RULES, {kind: rule})


def _without_descendants(node: Any, entry: int, attribute: int, scope: Any) -> Proof:
    relation = scope.relation(entry)
    if relation is not None and attribute in relation.not_null_alone:
        return SURE
    return _RELATION(node, entry, attribute, scope)


def _as_if_grouped(node: Any, scope: Any) -> Proof:
    with patch.dict(scope.query.fields, {"groupClause": [1], "groupingSets": None}):
        return aggregates.aggregate(node, scope)


def _else_forgotten(node: Any, scope: Any) -> Proof:
    results = [when.node("result") for when in node.nodes("args")]
    return next((p for p in map(scope.prove, results) if p.nullable), SURE)


def _judged_once(query: Any, name: str, owner: Any) -> list[Proof]:
    owner.ctes[name] = [SURE] * len(query.nodes("targetList"))
    return queries.columns(query, owner, frozenset(), owner.prover)


def _loose_gates(self: Determined, node: Any, gate: frozenset[int]) -> None:
    _READ(self, node, frozenset())
    self._gates = dict.fromkeys(self._gates, frozenset())
    self._equalities = [
        determined._Equality(e.column, e.value, frozenset()) for e in self._equalities
    ]


def _any_subquery(side: Any, quals: Any, scope: Any) -> bool:
    return scope.name(side.number("rtindex")) == "a subquery"


def _one_side(arguments: Any, scope: Any, seen: Any) -> bool:
    return any(
        scope.prover.assume(scope, {(0, side, 0): None}).never_null(argument)
        for _, sides in joins.full_joins(scope)
        for side in sides
        for argument in arguments
    )


_RELATION = columns._relation
_READ = Determined._read
_LIMITED = bounds._limited
_ALL = narrowing._all


def _any_key(self: Determined, entry: int) -> bool:
    fixed = {column[1] for column in self._columns if column[0] == entry}
    relation = self._catalog.relations.get(self._rtable[entry - 1].number("relid"))
    keys = () if relation is None else relation.keys
    return any(key & fixed for key in keys)


def _least_kept(query: Any, found: Bounds) -> Bounds:
    return Bounds(found.least, _LIMITED(query, found).most, found.reason)


WEAKENED: dict[str, Callable[[], Any]] = {
    "outer joins never miss": _of(joins, "_forced", lambda *_: True),
    "a condition in an outer join's ON holds for all": _of(
        joins, "_forced", lambda node, scope: node.tag == "RANGETBLREF"
    ),
    "OR narrows like AND": _of(narrowing, "_any", lambda parts: _ALL(p for p in parts if p)),
    "every built-in function is total": _of(expressions, "totality", lambda *_: Totality.TOTAL),
    "COALESCE never gives NULL": _rule("COALESCEEXPR"),
    "CASE without ELSE": _rule("CASEEXPR", _else_forgotten),
    "NULLIF never gives NULL": _rule("NULLIFEXPR"),
    "array elements are always there": _rule("SUBSCRIPTINGREF"),
    "parameters are never NULL": _rule("PARAM"),
    "domain conversions never give NULL": _rule("COERCETODOMAIN"),
    "IN and = ANY never give NULL": _rule("SCALARARRAYOPEXPR"),
    "subqueries find exactly one row": _of(prover, "exactly_one", lambda *_: True),
    "aggregates find a row without GROUP BY": _rule("AGGREF", _as_if_grouped),
    "FILTER is ignored": _rule("AGGREF", _blind(aggregates.aggregate, "aggfilter")),
    "FROM always has a row": _of(prover, "has_row", lambda *_: True),
    "HAVING count(*) >= 0 finds a row": _of(aggregates, "_LEAST", {">": 0, ">=": 0, "=": 1}),
    "array_agg() has every element": _of(
        expressions, "integer", lambda node: node.tag == "CONST" and 1
    ),
    "every frame has a row": _of(aggregates, "_frame_has_row", lambda *_: True),
    "window functions are never NULL": _rule("WINDOWFUNC"),
    "grouping sets leave nothing out": _of(columns, "_grouped", _sure),
    "UNION is its left side": _of(queries, "_combined", lambda left, *_: left),
    "INTERSECT and EXCEPT": _of(queries, "_combined", lambda a, b, op: a if not a.nullable else b),
    "a recursive query is judged once": _of(columns, "_fixpoint", _judged_once),
    "WHERE still holds in RETURNING": _of(queries, "_outlives", lambda *_: True),
    "old and new are always there": _of(
        columns,
        "_changed",
        lambda node, entry, attribute, owner: columns.column(entry, attribute, owner),
    ),
    "tables hold no NULL": _entry(0),
    "functions in FROM return no NULL": _entry(3),
    "VALUES hold no NULL": _entry(5),
    "no trigger alters what is written": _of(written, "_as_written", lambda *_: True),
    "a subquery in LEFT JOIN always has a row": _of(joins, "_always_found", _any_subquery),
    "no grouping set is empty": _of(aggregates, "_may_be_empty", lambda _: False),
    "either side of a FULL JOIN is enough": _of(expressions, "_of_either_side", _one_side),
    "any table is NOT NULL as it is without its descendants": _entry(0, _without_descendants),
    "any column of a key is a key": _of(Determined, "_has_one_row", _any_key),
    "the side of an outer join is like any other": _of(Determined, "_read", _loose_gates),
    "no array has a NULL element": _of(
        collected, "_collected", lambda *_: collected.Collected(filled=True)
    ),
    "no trigger suppresses a row": _of(bounds, "_may_suppress", lambda *_: False),
    "LIMIT and OFFSET drop no row": _of(bounds, "_limited", _least_kept),
    "every function only reads": _of(effects, "touches", lambda _: Touches.NOTHING),
}


@contextmanager
def weakened(name: str) -> Iterator[None]:
    """The proofs with one rule made wrong."""
    with WEAKENED[name]():
        yield
