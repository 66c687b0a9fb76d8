"""The writer: literals that mean their text, tight docstrings, forms that fit."""

import ast
import keyword
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salacia_db.codegen.emit.imports import Imports
from salacia_db.codegen.emit.writer import (
    WIDTH,
    Call,
    Comprehension,
    Lines,
    Named,
    docstring,
    layout,
    literal,
    strings,
    text_lines,
)

TEXT = st.text(st.characters(codec="utf-8")) | st.text("\"'\\\n\t\r\x00\u2028\u202e{}«:» a")


@given(TEXT)
def test_a_literal_means_its_text(text: str):
    assert ast.literal_eval(literal(text)) == text


@given(TEXT)
def test_a_literal_is_one_printable_line(text: str):
    assert literal(text).isprintable()


@given(st.text("«»⟪⟫:.abc()'"))
def test_a_literal_is_never_taken_for_a_reference_or_a_decoder(text: str):
    imports = Imports(".things")
    for code in (literal(text), *text_lines(text).parts, text_lines(text).joined):
        assert imports.spell(code) == code
    assert imports.lines() == imports.decoders() == []


@given(TEXT)
def test_the_lines_of_a_text_are_the_text(text: str):
    lines = text_lines(text)
    assert "".join(map(ast.literal_eval, lines.parts)) == text
    assert ast.literal_eval(lines.joined) == text


@given(TEXT)
def test_a_docstring_is_nothing_but_a_docstring(text: str):
    lines = docstring(text, "    ")
    tree = ast.parse("\n".join(["class A:", *lines, "    x: int"]))
    (klass,) = tree.body
    assert isinstance(klass, ast.ClassDef)
    kinds = [type(node) for node in klass.body]
    assert kinds in ([ast.AnnAssign], [ast.Expr, ast.AnnAssign])
    assert len(kinds) == 1 + bool(lines)
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    "text",
    ["plain", 'say "hi"', "two\n\nparts", "back\\slash", "  led by space\n  so is this", "größe"],
)
def test_a_docstring_means_its_text(text: str):
    (node,) = ast.parse("\n".join(docstring(text))).body
    assert isinstance(node, ast.Expr)
    assert isinstance(node.value, ast.Constant)
    assert str(node.value.value).strip() == "\n".join(map(str.strip, text.strip().split("\n")))


def test_a_long_docstring_is_wrapped():
    lines = docstring("word " * 50 + "\nleft\n  " + "more " * 50, "    ")
    assert max(map(len, lines)) <= WIDTH
    assert lines[3] == "    left"
    assert [line[:10] for line in lines[4:7]] == ["      more"] * 3


def test_the_first_form_that_fits_is_taken():
    items = ["a" * 20, "b" * 20, "c" * 20]
    assert len(layout(Call("f(", items))) == 1
    assert len(layout(Call(f"{'f' * 40}(", items))) == 3
    assert len(layout(Call(f"{'f' * 40}(", [*items, "d" * 40]))) == 6


def test_a_tuple_has_no_middle_form():
    assert len(layout(Call("(", ["a" * 40, "b" * 40, "c" * 17], hug=False))) == 5


RUFF_FORMAT = [sys.executable, "-m", "ruff", "format", "--isolated", "--diff"]
RUFF_FORMAT.append(f"--line-length={WIDTH}")
_ITEM = st.from_regex(r"[a-z]{1,40}", fullmatch=True).filter(
    lambda name: not keyword.iskeyword(name)
)


def _codes() -> st.SearchStrategy[Call | Comprehension | str]:
    texts = st.builds("{}.{}[0]".format, _ITEM, _ITEM)
    choices = st.builds("None if {0}[0] is None else {1}(*{0}[1:2])".format, _ITEM, _ITEM)

    def grow(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
        items = st.lists(inner, min_size=1, max_size=6)
        calls = st.builds(lambda name, items: Call(f"{name}(", items), _ITEM, items)
        named = st.builds(
            lambda name, items, key, value: Call(f"{name}(", [*items, Named(key, value)]),
            _ITEM,
            items,
            _ITEM,
            inner,
        )
        tuples = st.builds(
            lambda items: Call("(", items, ",)" if len(items) == 1 else ")", hug=False), items
        )
        loops = st.builds(lambda item: Comprehension(item, "v in rows"), calls)
        return calls | named | tuples | loops

    return st.recursive(texts | choices, grow, max_leaves=12)


def test_the_formatter_changes_nothing(tmp_path):
    """Many random expressions in one file: the formatter is the judge."""
    found: list[str] = []

    @given(st.lists(_codes(), max_size=4))
    def collect(codes):
        for code in codes:
            found.extend(layout(code, before="x = "))

    collect()
    long = Lines('"' + "x" * 120 + '"', ('"' + "x" * 60 + '"', '"' + "x" * 60 + '"'))
    found += layout(Call("f(", [long, Named("more", long), Named("t", strings(["a"]))]))
    for text in ('"', 'say "hi"', "it's", "\\", 'ends "', '"""', "a\n\n  b\n"):
        found += ["", "", "def f():", *docstring(text, "    ")]
    file = tmp_path / "found.py"
    file.write_text("\n".join(found) + "\n", "utf-8")
    assert len(found) > 200
    result = subprocess.run(
        [*RUFF_FORMAT, str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[:3000]
