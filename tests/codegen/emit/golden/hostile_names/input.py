"""Nothing that a table, column, label, comment or SQL text holds gets out of its literal."""

from emitting import INT, TEXT, Maybe, columns_of, enum, parameter, query, schema, table
from salacia_db.codegen.facts import ValueField

BREAKOUT = '"""\nimport os; os.system("true")\n"""'
evil = enum(
    'evil"enum',
    '"""',
    "\\",
    "'); import os #",
    "",
    "new\nline",
    "2nd",
    "None",
    "mro",
    "na\u202eme",
    comment='Ends in a quote"',
)
words = table(
    'select"; drop',
    {
        "class": INT,
        "from": TEXT,
        "self": INT,
        "__init__": INT,
        "_hidden": INT,
        "2fast": INT,
        "camelCase": INT,
        "HTTPStatus": INT,
        "with space": INT,
        "größe": INT,
        "имя": Maybe(TEXT),
        "\u202e": INT,
        "a\u200bb": INT,
        "%": INT,
        "print": INT,
        'evil"': evil,
    },
    comment=BREAKOUT,
    comments={
        "class": '"',
        "from": 'a "quoted" word at the end: "x"',
        "self": "back\\slash\\",
        "__init__": "tab\there\r\n\n\n  indented\n\n",
        "_hidden": "bidi \u202e and nul-like \x01 and line \u2028 separators",
        "2fast": '\\"""',
        "camelCase": "größe 日本",
        "HTTPStatus": "  ",
        "with space": "{}",
    },
)
queries = [
    query(
        "import.class",
        "one",
        "select '\"', '\\', E'\\n', $1, $2 -- \u202e",
        parameters=[parameter("self", INT), parameter("from", TEXT)],
        columns=columns_of(words)[:2],
        doc='Ends with a quote"',
    ),
    query(
        "import.row",
        "one",
        "select 1",
        parameters=[parameter("row", INT), parameter("rows", INT), parameter("value", INT)],
        whole=words,
        doc=BREAKOUT,
    ),
    query(
        "import.value",
        "one",
        "select 'it''s', \"x\"",
        parameters=[parameter("value", INT)],
        columns={"?column?": INT},
    ),
    query(
        "import.rows",
        "many",
        "select 1",
        parameters=[parameter("rows", INT), parameter("row", INT)],
        columns={"?column?": INT},
        fields=[ValueField("?column?", 0)],
    ),
]
facts = schema(evil, words)
