"""PostgreSQL's printed node trees (outfuncs.c, elog_node_display) read into Python values."""

import re

from msgspec import Struct

from salacia_db.codegen.analysis.tree import Node, Value

# PostgreSQL separates by spaces and escapes them, tabs, line ends and brackets in words by "\\".
_TOKEN = re.compile(r"[(){}]|[^ (){}\\]+(?:\\.[^ (){}\\]*)*|(?:\\.[^ (){}\\]*)+", re.DOTALL)
# Brackets, and the runs between them, which take in lists of mere words.
_PIECE = re.compile(r"[^(){}]+(?:\([^(){}]*\)[^(){}]*)*|[(){}]")
_PLACE = re.compile(r":location (-?\d+)")
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
_BROKEN_WORD = re.compile(rb"\n.[^ \n]{77}\n")
_REMEMBERED = 10_000
"""Runs of words that are kept: more than differ in the statements of a project."""


def parse_tree(dump: bytes) -> Value:
    """What debug_print_rewritten sent: a list of QUERY nodes. Raises ValueError on a torn one."""
    text = _unwrap(dump).decode("utf-8", "replace")
    # Escaped brackets would look like others; such trees are few.
    reader = _Words(_tokens(text)) if "\\" in text else _Runs(_PIECE.findall(text))
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
    if _BROKEN_WORD.search(dump) is None:
        return dump.replace(b"\n", b" ")
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


class _Meanings(dict[str, Value]):
    """Plain words and what they mean; each is looked at once per tree."""

    def __missing__(self, token: str) -> Value:
        value = self[token] = _meaning(token)
        return value


class _Words:
    """Reads values off words and brackets."""

    __slots__ = ("meanings", "next")

    def __init__(self, tokens: list[str]) -> None:
        self.next = iter(tokens).__next__
        self.meanings = _Meanings({"<>": None, "true": True, "false": False})

    def value(self, token: str) -> Value:
        """The value that begins with `token`."""
        if token == "{":
            return self.node()
        if token == "(":
            return self.list()
        return self.meanings[token]

    def node(self) -> Node:
        """A node whose brace has been read."""
        tag = self.next()
        return Node(_RENAMED.get(tag, tag), self.fields()[0])

    def fields(self) -> tuple[dict[str, Value], str]:
        """The fields up to the closing brace, and the label before it whose value is missing."""
        read = self.next
        fields: dict[str, Value] = {}
        label = read()
        while label != "}":
            # Strictly label, value, label, value: a word may itself begin with a colon.
            token = read()
            if token == "}":
                return fields, label[1:]
            value = self.value(token)
            name = label[1:]
            label = read()
            if label == "[":
                value = bytes(int(byte) % 256 for byte in iter(read, "]"))
                label = read()
            fields[name] = value
        return fields, ""

    def list(self) -> list[Value]:
        """A list whose bracket has been read."""
        token = self.next()
        if token in _LIST_KINDS:
            token = self.next()
        items: list[Value] = []
        while token != ")":
            items.append(self.value(token))
            token = self.next()
        return items


class _Run(Struct, frozen=True):
    """What stands between two brackets in a node: its tag where it begins there, and fields.

    The next bracket holds the value of `label`.
    """

    tag: str
    fields: dict[str, Value]
    label: str


class _Known(dict[str, _Run]):
    """Runs by their text: all statements are made of the same ones, but for their places."""

    def __missing__(self, text: str) -> _Run:
        words = _Words([*_tokens(text), "}"])
        tag = "" if text.lstrip(" ").startswith(":") else words.next()
        fields, label = words.fields()
        if len(self) >= _REMEMBERED:
            self.clear()
        run = self[text] = _Run(_RENAMED.get(tag, tag), fields, label)
        return run


_known = _Known()


class _Runs:
    """Reads the same off runs and brackets. Written for speed: trees are most of the work."""

    __slots__ = ("next",)

    def __init__(self, pieces: list[str]) -> None:
        self.next = iter(pieces).__next__

    def value(self, piece: str) -> Value:
        """The value that begins with `piece`."""
        if piece == "{":
            return self.node()
        if piece == "(":
            return self.list()
        words = _Words(_tokens(piece))
        return words.value(words.next())

    def node(self) -> Node:
        """A node whose brace has been read."""
        read = self.next
        tag, fields, label = _run(read())
        node = Node(tag, fields)
        piece = read()
        while piece != "}":
            if piece == "{":
                fields[label] = self.node()
            elif piece == "(":
                fields[label] = self.list()
            else:
                _, more, label = _run(piece)
                fields.update(more)
            piece = read()
        return node

    def list(self) -> list[Value]:
        """A list whose bracket has been read."""
        items: list[Value] = []
        piece = self.next()
        while piece != ")":
            if piece == "{":
                items.append(self.node())
            elif piece == "(":
                items.append(self.list())
            elif piece != " ":
                items += _Words([*_tokens(piece), ")"]).list()
            piece = self.next()
        return items


def _run(text: str) -> tuple[str, dict[str, Value], str]:
    """A run's tag, fields of its own and label."""
    place = _PLACE.search(text)
    if place is None:
        run = _known[text]
        return run.tag, run.fields.copy(), run.label
    start, end = place.span(1)
    run = _known[f"{text[:start]}0{text[end:]}"]
    fields = run.fields.copy()
    fields["location"] = int(place[1])
    return run.tag, fields, run.label


def _meaning(token: str) -> Value:
    if token[0] == '"':
        return token[1:-1]
    return int(token) if _NUMBER.fullmatch(token) else token
