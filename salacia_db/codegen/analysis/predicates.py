"""The predicates of partial indexes, and whether the conditions of a query hold one of them."""

from collections.abc import Iterable, Iterator
from functools import cache

from salacia_db.codegen.analysis.printed import parse_tree
from salacia_db.codegen.analysis.tree import Node, Value

# Where it was written, and how a column was reached: neither changes what the expression means.
_INCIDENTAL = frozenset(("location", "varnosyn", "varattnosyn", "varnullingrels"))


def implied(predicate: str, entry: int, conditions: Iterable[Node]) -> bool:
    """Whether rows of the range table's entry for which all conditions hold are in the index.

    Each part of the predicate has to be among the conditions as it is: nothing is concluded.
    """
    wanted = _parts_of(predicate)
    return bool(wanted) and wanted <= {_shape(condition, entry) for condition in conditions}


@cache
def _parts_of(predicate: str) -> frozenset[str]:
    try:
        tree = parse_tree(predicate.encode())
    except ValueError:
        return frozenset()
    # A predicate is about one table, which its columns know as the first.
    return frozenset(_shape(part, 1) for part in _conjuncts(tree))


def _conjuncts(value: Value) -> Iterator[Node]:
    if isinstance(value, list):
        for item in value:
            yield from _conjuncts(item)
    elif isinstance(value, Node):
        if value.tag == "BOOLEXPR" and value.get("boolop") == "and":
            yield from _conjuncts(value.get("args"))
        else:
            yield value


def _shape(value: Value, entry: int) -> str:
    """The expression in a form that is equal for equal ones, columns of the entry marked."""
    if isinstance(value, list):
        return f"({' '.join(_shape(item, entry) for item in value)})"
    if not isinstance(value, Node):
        return repr(value)
    fields = {name: field for name, field in value.fields.items() if name not in _INCIDENTAL}
    if value.tag == "VAR":
        fields["varno"] = "own" if value.number("varno") == entry else value.number("varno")
    told = (f"{name} {_shape(field, entry)}" for name, field in sorted(fields.items()))
    return f"{{{value.tag} {' '.join(told)}}}"
