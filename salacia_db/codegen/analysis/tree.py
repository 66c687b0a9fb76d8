"""PostgreSQL's printed node trees (outfuncs.c, elog_node_display) read into Python values."""

import re
from typing import TypeAlias

# A field's value: a node, a list, a datum, a number, a flag, a word, or None for `<>`.
Value: TypeAlias = "Node | list[Value] | bytes | int | bool | str | None"

# PostgreSQL separates by spaces and escapes them, tabs, line ends and brackets in words by "\\".
_TOKEN = re.compile(r"[(){}]|[^ (){}\\]+(?:\\.[^ (){}\\]*)*|(?:\\.[^ (){}\\]*)+", re.DOTALL)
_NUMBER = re.compile(r"-?\d+")
_LIST_KINDS = frozenset("iobx")  # integers, oids, a bitmapset, transaction ids
# What nodes were called before 16.
_RENAMED = {
    "ARRAY": "ARRAYEXPR",
    "CASE": "CASEEXPR",
    "COALESCE": "COALESCEEXPR",
    "COLLATE": "COLLATEEXPR",
    "MINMAX": "MINMAXEXPR",
    "ROW": "ROWEXPR",
    "ROWCOMPARE": "ROWCOMPAREEXPR",
}
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
        value = self.fields.get(name)
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
    reader = _Reader(_tokens(_unwrap(dump).decode("utf-8", "replace")))
    try:
        return reader.value(reader.next())
    except StopIteration:
        raise ValueError("the node tree ends early") from None


def queries(dump: bytes) -> tuple[Node, ...]:
    """The QUERY nodes of a dump; none for a utility statement, nor of a dump that isn't read.

    Nothing will be proven of what has none.
    """
    if not dump:
        return ()
    try:
        pending = [parse_tree(dump)]
    except ValueError:
        return ()
    found: list[Node] = []
    while pending:
        value = pending.pop(0)
        if isinstance(value, list):
            pending = [*value, *pending]
        elif isinstance(value, Node) and value.get("utilityStmt") is None:
            found.append(value)  # a utility statement is a query that only wraps it
    return tuple(found)


def _unwrap(dump: bytes) -> bytes:
    """Undo format_node_dump(): it breaks at a space, or inside a word of 78 bytes and more."""
    lines = dump.split(b"\n")
    return b"".join(
        line if len(line) == _LINE and b" " not in line[1:] else line + b" " for line in lines
    )


def _tokens(text: str) -> list[str]:
    if "\\" in text:
        return _TOKEN.findall(text)
    for bracket in "(){}":  # several times faster than a regular expression
        text = text.replace(bracket, f" {bracket} ")
    return list(filter(None, text.split(" ")))


class _Words(dict[str, Value]):
    """Plain tokens and what they mean; each is looked at once per tree."""

    def __missing__(self, token: str) -> Value:
        word = self[token] = _word(token)
        return word


class _Reader:
    """Reads values off a list of tokens. Written for speed: trees are most of the work."""

    __slots__ = ("next", "words")

    def __init__(self, tokens: list[str]) -> None:
        self.next = iter(tokens).__next__
        self.words = _Words({"<>": None, "true": True, "false": False})

    def value(self, token: str) -> Value:
        """The value that begins with `token`."""
        if token == "{":
            return self.node()
        if token == "(":
            return self.list()
        return self.words[token]

    def node(self) -> Node:
        """A node whose brace has been read."""
        read, words = self.next, self.words
        fields: dict[str, Value] = {}
        tag = read()
        node = Node(_RENAMED.get(tag, tag), fields)
        label = read()
        while label != "}":
            # Strictly label, value, label, value: a word may itself begin with a colon.
            token = read()
            if token == "{":
                value: Value = self.node()
            elif token == "(":
                value = self.list()
            else:
                value = words[token]
            name = label[1:]
            label = read()
            if label == "[":
                value = bytes(int(byte) % 256 for byte in iter(read, "]"))
                label = read()
            fields[name] = value
        return node

    def list(self) -> "list[Value]":
        """A list whose bracket has been read."""
        items: list[Value] = []
        token = self.next()
        if token in _LIST_KINDS:
            token = self.next()
        while token != ")":
            items.append(self.value(token))
            token = self.next()
        return items


def _word(token: str) -> Value:
    if token[0] == '"':
        return token[1:-1]
    return int(token) if _NUMBER.fullmatch(token) else token
