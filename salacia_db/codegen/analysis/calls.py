"""Calls: the functions, and the types with their checks and texts, that a node brings into play."""

from collections.abc import Iterator
from functools import cache

from salacia_db.codegen.analysis.tree import Node, parse_tree
from salacia_db.codegen.analysis.walk import SELECT, descend


def called(node: Node, operators: dict[int, tuple[str, int]]) -> Iterator[int]:
    """The functions that the node calls, by oid."""
    for name in ("funcid", "aggfnoid", "winfnoid"):
        if node.number(name):
            yield node.number(name)
    # Operators of one's own types may stand in rows that are compared as a whole.
    for number in (node.number("opno"), *node.numbers("opnos")):
        if number:
            yield operators.get(number, ("", 0))[1]


def converted(node: Node) -> Iterator[int]:
    """The types into which the node brings a value that may not have been of it."""
    for name in ("resulttype", "funcresulttype", "paramtype", "typid"):
        if node.number(name):
            yield node.number(name)
    yield from node.numbers("funccoltypes")
    yield from node.numbers("coltypes")


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
