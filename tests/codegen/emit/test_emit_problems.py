"""What can't be emitted is reported, all of it, at its place; then nothing is emitted."""

import pytest
from emitting import (
    INT,
    JSONB,
    TEXT,
    UUID,
    Maybe,
    columns_of,
    emitted,
    enum,
    nested,
    parameter,
    pg,
    query,
    schema,
    table,
)

USERS = table("users", {"id": INT, "name": TEXT})
MACADDR9 = pg("macaddr9")
STATE = enum("state", "open", "paid")


def messages(*queries, parts=(USERS,), **settings) -> list[str]:
    """Every problem as `file:line:col message`; with an error there are no files."""
    files, problems = emitted(queries, schema(*parts), **settings)
    assert files or any(problem.severity == "error" for problem in problems)
    assert not files or all(problem.severity == "warning" for problem in problems)
    assert all(problem.hint for problem in problems)
    return [
        ":".join(map(str, problem.position() or ())) + " " + problem.message for problem in problems
    ]


def test_all_problems_are_reported_at_once():
    found = messages(
        query("a.x", "one", "select $1", parameters=[parameter("p", MACADDR9)], columns={"c": INT}),
        query("b.y", "many", "select c", columns={"c": MACADDR9}),
    )
    assert found == [
        "sql/a.sql:2:8 no Python type for macaddr9, the type of parameter `p`",
        "sql/b.sql:2:1 no Python type for macaddr9, the type of column `c`",
    ]


def test_an_unknown_type_can_be_mapped():
    asked = query("b.y", "many", "select c", columns={"c": MACADDR9})
    files, problems = emitted([asked], schema(), types={"macaddr9": "str"})
    assert not problems
    assert "-> list[str]" in files["b.py"]


def test_an_unknown_type_in_a_table_is_only_a_warning_until_a_query_meets_it():
    odd = table("odd", {"id": INT, "x": MACADDR9})
    warning = " no Python type for macaddr9, the type of public.odd.x"
    assert messages(parts=[odd]) == [warning]
    found = messages(query("odd.all", "many", "select id, x from odd", whole=odd), parts=[odd])
    assert found == [warning, "sql/odd.sql:2:1 no Python type for macaddr9, the type of column `x`"]


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [("user_id", "userId", "user_id"), ("_x", "x", "x"), ("class", "class_", "class_")],
)
def test_columns_that_become_one_field_clash(first: str, second: str, name: str):
    clash = table("t", {first: INT, second: INT})
    assert messages(parts=[clash]) == [
        f" column {first!r} and column {second!r} both become `{name}` in the class of public.t"
    ]


def test_a_clash_is_solved_by_a_name():
    clash = table("t", {"user_id": INT, "userId": INT})
    files, problems = emitted([], schema(clash), names={"t.userId": "person"})
    assert not problems
    assert "    person: int\n" in files["models.py"]


def test_tables_enums_and_shared_rows_clash_in_the_package():
    parts = [table("status", {"id": INT}), table("statuses", {"id": INT}), enum("Status", "a")]
    returned = query("a.b", "one", "select", columns={"x": INT}, returns="Status")
    found = messages(
        returned, query("a.c", "one", "x", columns={"y": INT}, none="Status"), parts=parts
    )
    assert [message.partition(" both ")[0].strip() for message in found] == [
        "table public.status and table public.statuses",
        "table public.status and enum public.Status",
        "sql/a.sql:1:1 table public.status and `-- none: Status`",
        "sql/a.sql:1:1 the rows of `b` are not those of the table's struct `Status`: "
        "`x: int` here, `id: int` there",
    ]


def test_labels_that_become_one_member_clash():
    (message,) = messages(parts=[enum("e", "a-b", "a_b")])
    assert message == (" label 'a-b' and label 'a_b' both become `A_B` in the class of public.e")


def test_parameters_columns_and_queries_clash():
    found = messages(
        query(
            "a.get",
            "one",
            "select $1, $2",
            parameters=[parameter("user_id", INT), parameter("userId", INT)],
            columns={"x": INT, "X": INT},
        ),
        query("a.Get", "exec", "select 1"),
        query("a.GET", "exec", "select 1"),
    )
    assert found == [
        "sql/a.sql:2:12 parameter 'user_id' and parameter 'userId' both become `user_id` in `get`",
        "sql/a.sql:2:1 column 'x' and column 'X' both become `x` in a row of `get`",
        "sql/a.sql:1:1 query 'get' and query 'Get' both become `get` in `a`",
        "sql/a.sql:1:1 query 'get' and query 'GET' both become `get` in `a`",
    ]


def test_one_name_twice_in_a_group_clashes():
    found = messages(query("a.get", "exec", "select 1"), query("a.get", "exec", "select 2"))
    assert found == ["sql/a.sql:1:1 query 'get' and query 'get' (again) both become `get` in `a`"]


def test_groups_clash_with_each_other_and_with_the_database():
    found = messages(
        query("a-b.x", "exec", "select 1"),
        query("a_b.x", "exec", "select 1"),
        query("fetch.x", "exec", "select 1"),
        query("billing/invoices.x", "exec", "select 1"),
        query("billing.x", "exec", "select 1"),
    )
    assert found == [
        "sql/a-b.sql:1:1 the query files a-b and a_b both become `a_b`",
        "sql/fetch.sql:1:1 a group can't be called `fetch`: the database has that attribute",
        "sql/billing/invoices.sql:1:1 the file and the folder of queries called 'billing' both "
        "become `billing`",
        "sql/a_b.sql:1:1 query 'x' and query 'x' (again) both become `x` in `a_b`",
    ]


def test_rows_that_share_a_name_must_be_alike():
    found = messages(
        query("a.one", "one", "select", columns={"n": INT, "m": TEXT}, returns="Total"),
        query("b.two", "one", "select", columns={"n": TEXT, "m": TEXT}, returns="Total"),
        query("b.few", "one", "select", columns={"n": INT}, returns="Total"),
        query("b.user", "one", "select", columns={"id": Maybe(INT), "name": TEXT}, returns="User"),
    )
    assert found == [
        "sql/b.sql:1:1 the rows of `two` are not those of `a.one`: `n: str` here, `n: int` there",
        "sql/b.sql:1:1 the rows of `few` are not those of `a.one`: no `m: str` here",
        "sql/b.sql:1:1 the rows of `user` are not those of the table's struct `User`: "
        "`id: int | None` here, `id: int` there",
    ]


def test_a_shared_field_is_nullable_where_one_query_says_so():
    files, problems = emitted(
        [
            query("a.one", "one", "select", columns={"n": INT, "m": TEXT}, returns="Total"),
            query("a.two", "one", "select", columns={"n": Maybe(INT), "m": TEXT}, returns="Total"),
            query("a.six", "one", "select", columns={"n": INT, "m": TEXT}, returns="Total"),
        ]
    )
    assert not problems
    assert "    n: int | None\n    m: str\n" in files["rows.py"]


def test_a_kind_that_returns_rows_needs_columns():
    found = messages(
        *(
            query(f"a.x{n}", kind, "delete …")
            for n, kind in enumerate(("one", "one!", "many", "stream"))
        )
    )
    assert [message.partition(" ")[2] for message in found] == [
        "`x0` is a :one but returns no columns",
        "`x1` is a :one! but returns no columns",
        "`x2` is a :many but returns no columns",
        "`x3` is a :stream but returns no columns",
    ]


def test_a_kind_that_takes_rows_needs_parameters():
    assert messages(query("a.x", "bulk", "insert …")) == [
        "sql/a.sql:1:1 `x` is a :bulk but takes no parameters",
    ]


def test_what_exec_returns_needs_no_type():
    files, problems = emitted(
        [query("a.x", "exec", "delete", columns={"c": MACADDR9, "?column?": INT})]
    )
    assert not problems
    assert "Row" not in files["a.py"]


def test_a_secret_has_no_default():
    asked = query(
        "a.x",
        "exec",
        "update users set name = $1",
        parameters=[parameter("name", TEXT, origin=(USERS, "name"), default="'s3cret'")],
    )
    (message,) = messages(asked, types={"public.users.name": "secret"})
    assert "is no default for `name`" in message


@pytest.mark.parametrize(
    ("type_", "default", "fits"),
    [
        (INT, "20", True),
        (INT, "'20'", False),
        (INT, "2.5", False),
        (INT, "True", False),
        (TEXT, "'x'", True),
        (TEXT, "1", False),
        (UUID, "uuid7()", True),
        (UUID, "'x'", False),
        (TEXT, "uuid7()", False),
        (STATE, "'paid'", True),
        (STATE, "'sent'", False),
        (JSONB, "1", True),
        (INT, "None", True),
    ],
)
def test_a_default_must_be_of_its_parameters_type(type_, default: str, *, fits: bool):
    asked = query("a.x", "exec", "select $1", parameters=[parameter("p", type_, default=default)])
    assert messages(asked, parts=[STATE]) == (
        [] if fits else [f"sql/a.sql:2:8 {default} is no default for `p`, which is {type_.display}"]
    )


@pytest.mark.parametrize("name", ["1x", "a b", "None", "x.y", "import os", "_X", "É"])
def test_names_of_rows_and_errors_must_be_names(name: str):
    rows = query("a.x", "one", "select", columns={"n": INT, "m": INT}, returns=name)
    error = query("a.y", "one!", "select", columns={"n": INT}, none=name)
    assert messages(rows, error) == [
        f"sql/a.sql:1:1 `{name}` can't be a class",
        f"sql/a.sql:1:1 `{name}` can't be the name of an error",
    ]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "nope",
        "secret | int",
        "os.system('x')",
        "[int]",
        "list[",
        "a-b.c",
        "1",
        "lambda: 0",
        "ä.b",
    ],
)
def test_a_setting_of_a_type_must_be_a_type(value: str):
    found = messages(types={"citext": value})
    assert found == [f" [tool.salacia.types] citext = {value!r} is no type"]


def test_a_setting_for_no_column_is_a_mistake():
    assert messages(types={"public.users.nmae": "secret", "public.*.name": "secret"}) == [
        " [tool.salacia.types] 'public.users.nmae' is no column of the schema"
    ]


def test_a_column_without_a_name_must_get_one():
    found = messages(query("a.x", "one", "select 1, 2", columns={"?column?": INT, "n": INT}))
    assert found == ["sql/a.sql:2:1 a column of `x` has no name"]


def test_a_whole_row_needs_a_struct():
    system = table("pg_catalog.pg_class", {"oid": INT})
    asked = query(
        "a.x",
        "one",
        "select c",
        columns=[*columns_of(system), *columns_of(USERS)],
        fields=[nested("c", system, 0), nested("u", USERS, 1)],
    )
    assert messages(asked) == [
        "sql/a.sql:2:1 whole rows of pg_catalog.pg_class have no struct, as it is not part of "
        "the schema"
    ]


def test_two_nested_rows_of_one_name_clash():
    found = messages(
        query(
            "a.x",
            "one",
            "select u, u",
            columns=[*columns_of(USERS), *columns_of(USERS)],
            fields=[nested("u", USERS, 0), nested("u", USERS, 2)],
        )
    )
    assert found == [
        "sql/a.sql:2:1 column 'u' and column 'u' (again) both become `u` in a row of `x`"
    ]


def test_structs_of_two_queries_that_get_one_name_are_reported():
    found = messages(
        query("a.x1", "many", "select 1", columns={"b": INT, "c": INT}),
        query("a.x_1", "many", "select 1", columns={"c": INT, "d": INT}),
    )
    assert found == [
        "sql/a.sql:1:1 the row of 'x1' and the row of 'x_1' both become `AX1Row` in `a`"
    ]
    found = messages(
        query("a.x1", "bulk", "select $1", parameters=[parameter("b", INT)]),
        query("a.x_1", "bulk", "select $1", parameters=[parameter("c", INT)]),
    )
    assert found == [
        "sql/a.sql:1:1 the input of 'x1' and the input of 'x_1' both become `AX1Input` in `a`"
    ]


def test_tables_whose_builders_get_one_name_are_reported():
    parts = [STATE, table("ab", {"id": STATE}), table("a_b", {"id": STATE, "more": STATE})]
    message = "table public.ab and table public.a_b both become `build_ab` in `models`"
    assert messages(parts=parts) == [f" {message}"]
    assert emitted((), schema(*parts), names={"a_b": "Other"})[0]
    plain = [table("ab", {"id": INT}), table("a_b", {"id": JSONB})]
    assert messages(parts=plain) == []


def test_a_member_that_python_forbids_is_reported():
    found = messages(parts=[STATE], names={"state.open": "mro"})
    assert found == [" no member of an enum can be called `mro`, as one of public.state is"]
