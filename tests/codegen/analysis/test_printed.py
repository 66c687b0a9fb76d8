"""Trees that are printed as PostgreSQL prints them are read as they were."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salacia_db.codegen.analysis.names import plain
from salacia_db.codegen.analysis.printed import parse_tree, queries
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.walk import descend

_LINE = 78
_SPECIAL = " \t(){}\\"

labels = st.sampled_from("relid expr args resname quals ctename constvalue".split())
tags = st.sampled_from("QUERY VAR CONST OPEXPR TARGETENTRY".split())
numbers = st.integers(-(2**31), 2**63 - 1)
# A line end in a name can't be told from one between lines, nor a word that fills its lines from a
# part of a longer one.
names = st.text(
    st.sampled_from("aZ_0-<>\":[]'. \t(){}\\äß") | st.characters(exclude_categories=["C"]),
    min_size=1,
    max_size=100,
).filter(lambda name: len(_token(name).encode()) % _LINE != 0)
simple = st.none() | st.booleans() | numbers
datums = st.binary(min_size=1, max_size=20)
lists_of_words = st.lists(numbers, max_size=9)


def nodes(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Node]:
    """Nodes whose fields are such values; where they stand is a field like another."""
    fields = st.dictionaries(labels, inner, max_size=4)
    placed = st.builds(lambda own, place: own | {"location": place}, fields, numbers)
    return st.builds(Node, tags, fields | placed)


values = st.recursive(
    simple | names | datums | lists_of_words,
    lambda inner: nodes(inner) | st.lists(nodes(inner) | st.none(), min_size=1, max_size=3),
    max_leaves=12,
)
trees = st.lists(nodes(values), max_size=3)
unhurried = settings(
    deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, max_examples=200
)


@unhurried
@given(trees)
def test_a_tree_is_read_as_it_was_printed(tree: list[Node]) -> None:
    assert _plain(_read(_broken(_printed(tree)))) == _plain(tree)


@unhurried
@given(trees)
def test_reading_one_tree_changes_no_other(tree: list[Node]) -> None:
    dump = _broken(_printed(tree))
    for node in list(descend(parse_tree(dump))):
        node.fields["location"] = "changed"
        node.fields["more"] = True
    assert _plain(_read(dump)) == _plain(tree)


@pytest.mark.parametrize("name", [":location", "x:location", ":location 5", "{", "b", "<>", '"'])
def test_a_name_is_never_taken_for_the_place_of_a_node(name: str) -> None:
    tree = [Node("CTE", {"ctename": name, "location": 7, "cterefcount": 1})]
    assert _plain(_read(_broken(_printed(tree)))) == _plain(tree)


@unhurried
@given(trees, st.data())
def test_a_torn_tree_says_nothing(tree: list[Node], data: st.DataObject) -> None:
    whole = _printed(tree)
    dump = whole[: data.draw(st.integers(0, len(whole) - 1))].encode("utf-8")
    assert queries(dump) == ()


def _read(dump: bytes) -> Any:
    return _unescaped(parse_tree(dump))


def _unescaped(value: Any) -> Any:
    """What was read, with its names as they are."""
    if isinstance(value, Node):
        return Node(value.tag, {name: _unescaped(field) for name, field in value.fields.items()})
    if isinstance(value, list):
        return [_unescaped(item) for item in value]
    return plain(value) if isinstance(value, str) else value


def _plain(value: Any) -> Any:
    """The value in types that compare by content."""
    if isinstance(value, Node):
        return value.tag, [(name, _plain(field)) for name, field in value.fields.items()]
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return type(value), value


def _printed(value: Any) -> str:
    """As outNode() prints it."""
    if isinstance(value, Node):
        fields = (f" :{name} {_printed(field)}" for name, field in value.fields.items())
        return f"{{{value.tag}{''.join(fields)}}}"
    if isinstance(value, list):
        kind = "i " if value and all(type(item) is int for item in value) else ""
        return f"({kind}{' '.join(map(_printed, value))})"
    if isinstance(value, bytes):
        signed = (str(byte - 256 if byte > 127 else byte) for byte in value)
        return f"{len(value)} [ {' '.join(signed)} ]"
    if isinstance(value, str):
        return _token(value)
    return "<>" if value is None else str(value).lower()


def _token(word: str) -> str:
    """As outToken() prints it."""
    number = word[0].isdigit() and word[0].isascii()
    signed = word[0] in "+-" and (word[1:2].isdigit() or word[1:2] == ".")
    head = "\\" if word[0] in '<"' or number or signed else ""
    return head + "".join(f"\\{c}" if c in _SPECIAL else c for c in word)


def _broken(text: str) -> bytes:
    """As format_node_dump() breaks it into lines, by bytes."""
    rest, lines = text.encode(), []
    while rest:
        line = rest[:_LINE]
        if len(rest) > _LINE and rest[_LINE : _LINE + 1] == b" ":
            rest = rest[_LINE + 1 :]
        elif len(rest) > _LINE and (at := line.rfind(b" ", 1)) > 0:
            line, rest = line[:at], rest[at + 1 :]
        else:
            rest = rest[len(line) :]
        lines.append(line + b"\n")
    return b"".join(lines)
