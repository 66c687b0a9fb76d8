"""Names, labels, comments and SQL are hostile: whatever they hold, the code has the same form."""

import ast

from emitting import INT, TEXT, Maybe, emitted, enum, parameter, query, schema, table
from hypothesis import given
from hypothesis import strategies as st

from salacia_db.codegen.emit.files import MARKER
from salacia_db.codegen.facts import CopyTarget, TableRef

POISON = st.sampled_from(
    [
        '"""',
        "\\",
        "\n",
        "'",
        '"',
        "\r\n",
        "#",
        "{}",
        "«os:system»",
        "⟪print()⟫",
        "\u2028",
        "\u202e",
        "import os\n",
    ]
)
# What PostgreSQL can't hold, nothing here can hold: a NUL and lone surrogates.
TEXTS = st.lists(
    POISON | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8), max_size=5
).map("".join)
NAMES = TEXTS.map(lambda text: text[:60]).filter(bool)
ALLOWED = {"builtins", "collections.abc", "enum", "functools", "itertools", "salacia_db.runtime"}
ALLOWED |= {"typing"}
TOP = (ast.Expr, ast.ImportFrom, ast.Assign, ast.ClassDef, ast.FunctionDef)


@given(
    table_name=NAMES,
    columns=st.lists(NAMES, min_size=1, max_size=4, unique=True),
    labels=st.lists(TEXTS, min_size=1, max_size=4, unique=True),
    names=st.lists(NAMES, min_size=6, max_size=6),
    texts=st.lists(TEXTS, min_size=6, max_size=6),
)
def test_hostile_text_never_becomes_code(table_name, columns, labels, names, texts):
    state = enum(names[0], *labels, comment=texts[0])
    whole = table(
        "x",
        {column: state if not index else Maybe(INT) for index, column in enumerate(columns)},
        comment=texts[1],
        comments=dict.fromkeys(columns, texts[2]),
    )
    whole = type(whole)(
        whole.oid, TableRef(names[1], table_name), "r", whole.columns, whole.comment, (), ()
    )
    asked = query(
        f"{names[2].replace('/', '')}.x",
        "one",
        texts[3],
        parameters=[parameter(names[3], TEXT, default=repr(texts[2]))],
        whole=whole,
        doc=texts[4],
    )
    copied = query(
        f"{names[2].replace('/', '')}.y",
        "copy",
        texts[5],
        parameters=[parameter(names[4], TEXT)],
        copy=CopyTarget(whole.ref, (names[5],)),
    )
    files, problems = emitted([asked, copied], schema(state, whole))
    assert files or problems
    for problem in problems:
        problem.render().encode()
    for path, text in files.items():
        assert path.isascii()
        assert ".." not in path
        assert text.startswith(MARKER)
        assert all(line.isprintable() for line in text.split("\n"))
        check(ast.parse(text))


def check(tree: ast.Module) -> None:
    assert all(isinstance(node, TOP) for node in tree.body)
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Import)
        if isinstance(node, ast.ImportFrom) and not node.level:
            assert node.module in ALLOWED
        if isinstance(node, ast.Expr):
            assert isinstance(node.value, ast.Constant)
