"""Calls: the functions, and the types with their checks and texts, that a node brings into play."""

from collections.abc import Iterator
from functools import cache

from salacia_db.codegen.analysis.printed import parse_tree
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.walk import SELECT, descend

_FUNCTIONS = ("funcid", "aggfnoid", "winfnoid")
_OPERATORS = ("opno", "opnos")  # opnos: of rows that are compared as a whole
_TYPES = ("resulttype", "funcresulttype", "paramtype", "typid", "funccoltypes", "coltypes")


def called(node: Node, operators: dict[int, tuple[str, int]]) -> Iterator[int]:
    """The functions that the node calls, by oid."""
    yield from _oids(node, _FUNCTIONS)
    for oid in _oids(node, _OPERATORS):
        yield operators.get(oid, ("", 0))[1]


def converted(node: Node) -> Iterator[int]:
    """The types into which the node brings a value that may not have been of it."""
    yield from _oids(node, _TYPES)


def _oids(node: Node, names: tuple[str, ...]) -> Iterator[int]:
    """The oids in those of these fields that the node has."""
    for name in names:
        if name in node.fields:  # few nodes have any, and all nodes are asked
            yield from (oid for oid in (node.number(name), *node.numbers(name)) if oid)


def reads_text(node: Node) -> bool:
    """Whether the node calls the input functions of types."""
    return node.tag in ("COERCEVIAIO", "TABLEFUNC", "JSONRETURNING")


@cache
def only_reading(body: str) -> tuple[Node, ...]:
    """The nodes of a function's printed body; none of one whose tree doesn't tell everything.

    It is as it was parsed: rules and column defaults are not applied, views not expanded.
    """
    try:
        nodes = tuple(descend(parse_tree(body.encode())))
    except ValueError:
        return ()
    for node in nodes:
        if node.tag == "QUERY" and node.number("commandType") != SELECT:
            return ()
        if node.number("relid") and node.get("relkind") == "v":
            return ()
    return nodes
