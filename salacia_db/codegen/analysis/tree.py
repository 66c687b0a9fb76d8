"""PostgreSQL's printed node trees (outfuncs.c, elog_node_display) read into Python values."""

import re
from collections.abc import Iterator
from typing import TypeAlias

# A field's value: a node, a list, a datum, a number, a flag, a word, or None for `<>`.
Value: TypeAlias = "Node | list[Value] | bytes | int | bool | str | None"

_TOKEN = re.compile(r"[(){}]|(?:\\.|[^\s(){}\\])+", re.DOTALL)
_NUMBER = re.compile(r"-?\d+")
_LINE = 78  # LINELEN of format_node_dump()


class Node:
    """A node: its tag (`VAR`, `OPEXPR`, …) and its fields by name.

    Words come as printed, with backslashes: take names from the catalog or the row description,
    never from here.
    """

    __slots__ = ("fields", "tag")

    def __init__(self, tag: str, fields: dict[str, Value]) -> None:
        self.tag = tag
        self.fields = fields

    def __repr__(self) -> str:
        return f"Node({self.tag!r}, {self.fields!r})"

    def get(self, name: str) -> Value:
        """The field's value; None also where this version of PostgreSQL doesn't print it."""
        return self.fields.get(name)

    def number(self, name: str) -> int:
        """The field as a number; 0 where it is missing."""
        value = self.fields.get(name, 0)
        return value if isinstance(value, int) else 0

    def flag(self, name: str) -> bool:
        """The field as a flag; False where it is missing."""
        return self.fields.get(name) is True

    def node(self, name: str) -> "Node | None":
        """The field as a node, or None."""
        value = self.fields.get(name)
        return value if isinstance(value, Node) else None

    def nodes(self, name: str) -> "list[Node]":
        """The field's list of nodes, without its NULLs; empty for `<>`."""
        value = self.fields.get(name)
        return [v for v in value if isinstance(v, Node)] if isinstance(value, list) else []

    def numbers(self, name: str) -> list[int]:
        """The field's list of numbers, oids or set members; empty for `<>`."""
        value = self.fields.get(name)
        return [v for v in value if isinstance(v, int)] if isinstance(value, list) else []


def parse_tree(dump: bytes) -> Value:
    """What debug_print_rewritten sent: a list of QUERY nodes. Raises ValueError on a torn one."""
    tokens = (m.group() for m in _TOKEN.finditer(_unwrap(dump).decode("utf-8", "replace")))
    try:
        return _value(next(tokens), tokens)
    except StopIteration:
        raise ValueError("the node tree ends early") from None


def _unwrap(dump: bytes) -> bytes:
    """Undo format_node_dump(): it breaks at a space, or inside a word of 78 bytes and more."""
    lines = dump.split(b"\n")
    return b"".join(
        line if len(line) == _LINE and b" " not in line[1:] else line + b" " for line in lines
    )


def _value(token: str, tokens: Iterator[str]) -> Value:
    if token == "{":
        return _node(tokens)
    if token == "(":
        return _list(tokens)
    if token == "<>":
        return None
    return _word(token)


def _node(tokens: Iterator[str]) -> Node:
    node = Node(next(tokens), {})
    fields = node.fields
    label = next(tokens)
    while label != "}":
        # Strictly label, value, label, value: a word may itself begin with a colon.
        value = _value(next(tokens), tokens)
        name = label[1:]
        label = next(tokens)
        if label == "[":
            value = bytes(int(byte) % 256 for byte in iter(lambda: next(tokens), "]"))
            label = next(tokens)
        fields[name] = value
    return node


def _list(tokens: Iterator[str]) -> list[Value]:
    items: list[Value] = []
    token = next(tokens)
    if token in ("i", "o", "b", "x"):  # integers, oids, a bitmapset, transaction ids
        token = next(tokens)
    while token != ")":
        items.append(_value(token, tokens))
        token = next(tokens)
    return items


def _word(token: str) -> Value:
    if token[0] == '"':
        return token[1:-1]
    if _NUMBER.fullmatch(token):
        return int(token)
    if token == "true":
        return True
    if token == "false":
        return False
    return token
