"""`salacia describe`: its JSON is a public contract, and it writes nothing."""

from typing import Any

import pytest
from commands import Folder

_QUERY = {
    "group": str,
    "name": str,
    "kind": str,
    "file": str,
    "line": int,
    "sql": str,
    "params": list,
    "columns": list,
    "row": (str, type(None)),
    "cardinality": str,
    "read_only": bool,
    "writes": list,
    "effects": dict,
    "sort_keys": list,
    "choices": list,
    "shapes": int,
}
_CHOICE = {"name": str, "values": list, "default": (str, type(None))}
_EFFECTS = {
    "reads": (list, type(None)),
    "writes": (list, type(None)),
    "uses_time": bool,
    "clean": bool,
    "before_begin": bool,
}
_PARAMETER = {"name": str, "pg_type": str, "py_type": str, "nullable": bool, "optional": bool}
_COLUMN = {
    "name": str,
    "pg_type": str,
    "py_type": str,
    "nullable": bool,
    "table": (str, type(None)),
    "column": (str, type(None)),
}
_PROBLEM = {
    "file": str,
    "line": int,
    "column": int,
    "severity": str,
    "message": str,
    "hint": (str, type(None)),
}


def check(value: dict[str, Any], fields: dict[str, Any]) -> None:
    """The value has exactly these fields, of exactly these types."""
    assert set(value) == set(fields)
    for name, kind in fields.items():
        assert isinstance(value[name], kind), name
        assert kind is not int or type(value[name]) is int, name


def check_contract(found: dict[str, Any]) -> None:
    """The JSON is what the contract says, key by key."""
    assert set(found) == {"version", "queries", "problems"}
    assert found["version"] == 1
    for query in found["queries"]:
        check(query, _QUERY)
        assert query["cardinality"] in ("none", "one", "optional", "many")
        assert all(isinstance(table, str) for table in query["writes"])
        for choice in query["choices"]:
            check(choice, _CHOICE)
        check(query["effects"], _EFFECTS)
        for touched in (*(query["effects"]["reads"] or ()), *(query["effects"]["writes"] or ())):
            check(touched, {"table": str, "columns": list})
        for parameter in query["params"]:
            check(parameter, _PARAMETER)
        for column in query["columns"]:
            check(column, _COLUMN)
    for problem in found["problems"]:
        check(problem, _PROBLEM)
        assert problem["severity"] in ("error", "warning")


def test_the_json_says_what_is_known(project: Folder):
    status, found = project.describe()

    assert status == 0
    check_contract(found)
    assert found["problems"] == []
    get, named, rename = found["queries"]
    assert get == {
        "group": "customers",
        "name": "get",
        "kind": "one",
        "file": "customers.sql",
        "line": 1,
        "sql": "select customers.id, customers.name, customers.nickname from customers "
        "where id = $1",
        "params": [
            {
                "name": "id",
                "pg_type": "uuid",
                "py_type": "UUID",
                "nullable": False,
                "optional": False,
            }
        ],
        "columns": [
            _column("id", "uuid", "UUID", nullable=False),
            _column("name", "text", "str", nullable=False),
            _column("nickname", "text", "str | None", nullable=True),
        ],
        "row": "Customer",
        "cardinality": "optional",
        "read_only": True,
        "writes": [],
        "effects": {
            "reads": [{"table": "customers", "columns": ["id", "name", "nickname"]}],
            "writes": [],
            "uses_time": False,
            "clean": True,
            "before_begin": True,
        },
        "sort_keys": [],
        "choices": [],
        "shapes": 1,
    }
    assert [(p["name"], p["optional"]) for p in named["params"]] == [
        ("name", False),
        ("limit", True),
    ]
    assert (named["cardinality"], named["line"]) == ("many", 5)
    assert named["row"] == "CustomersNamedRow"
    assert (rename["cardinality"], rename["writes"]) == ("none", ["customers"])
    assert rename["effects"]["reads"] == [{"table": "customers", "columns": ["id"]}]
    assert rename["effects"]["writes"] == [{"table": "customers", "columns": ["name"]}]
    assert (rename["row"], rename["columns"], rename["read_only"]) == (None, [], False)


def _column(name: str, pg_type: str, py_type: str, *, nullable: bool) -> dict[str, Any]:
    return {
        "name": name,
        "pg_type": pg_type,
        "py_type": py_type,
        "nullable": nullable,
        "table": "customers",
        "column": name,
    }


def test_optional_lines_tell_what_may_be_left_out_and_what_may_be_chosen(project: Folder):
    project.write(
        "customers.sql",
        "-- name: search :many\nselect id from customers where true\n"
        "  and name = :name -- if :name\n  and nickname is null -- if :known = false\n"
        "order by\n  name, id -- sort: a_to_z / z_to_a\n",
    )
    _, found = project.describe()
    check_contract(found)
    (query,) = found["queries"]
    assert [(p["name"], p["nullable"], p["optional"]) for p in query["params"]] == [
        ("name", False, True)
    ]
    assert query["sort_keys"] == ["a_to_z", "z_to_a"]
    assert query["choices"] == [
        {"name": "known", "values": ["false"], "default": None},
        {"name": "sort", "values": ["a_to_z", "z_to_a"], "default": "a_to_z"},
    ]
    assert query["shapes"] == 8


def test_computed_columns_and_other_schemas(project: Folder):
    project.write(
        "schema.sql", "create schema s; create table s.t (id int primary key, a int not null);"
    )
    project.write(
        "customers.sql",
        "-- name: move :one!\nwith gone as (delete from s.t where id = :id returning a)\n"
        "select count(*) as n, max(a) as a from gone;\n-- name: n :one\nselect 1::bigint as n;\n",
    )
    status, found = project.describe()
    check_contract(found)
    move, n = found["queries"]
    assert status == 0
    assert move["writes"] == ["s.t"]
    assert move["columns"] == [
        _computed("n", "bigint", "int", nullable=False),
        _computed("a", "integer", "int | None", nullable=True),
    ]
    assert move["cardinality"] == n["cardinality"] == "one"
    assert n["row"] is None


def _computed(name: str, pg_type: str, py_type: str, *, nullable: bool) -> dict[str, Any]:
    return {
        "name": name,
        "pg_type": pg_type,
        "py_type": py_type,
        "nullable": nullable,
        "table": None,
        "column": None,
    }


def test_a_problem_in_one_query_keeps_the_others(project: Folder):
    project.replace("customers.sql", "select id,", "select idd,")
    before = project.tree()

    status, found = project.describe()

    assert status == 1
    check_contract(found)
    assert [query["name"] for query in found["queries"]] == ["get", "rename"]
    assert found["problems"] == [
        {
            "file": "customers.sql",
            "line": 7,
            "column": 8,
            "severity": "error",
            "message": 'column "idd" does not exist',
            "hint": "did you mean `id`?",
        }
    ]
    assert project.tree() == before


@pytest.mark.parametrize(
    ("name", "content", "file", "message"),
    [
        ("schema.sql", "creat table x ();", "schema.sql", 'syntax error at or near "creat"'),
        ("pyproject.toml", "[tool.salacia]\nx = 1\n", "pyproject.toml", "has no setting 'x'"),
        ("pyproject.toml", "[tool.salacia]\n", "", "nothing says where the schema is"),
        ("customers.sql", "select 1", "customers.sql", "SQL before the first annotation"),
    ],
)
def test_problems_of_the_project_are_told_in_json_too(
    project: Folder, name: str, content: str, file: str, message: str
):
    project.write(name, content)
    status, found = project.describe()
    check_contract(found)
    assert status == 1
    assert found["problems"][0]["file"] == file
    assert message in found["problems"][0]["message"]


def test_warnings_alone_are_no_failure(project: Folder):
    project.write("customers.sql", "-- name: Any :one\nselect * from customers;\n")
    status, found = project.describe("--dialect", "sqlc")
    check_contract(found)
    assert status == 0
    assert [problem["severity"] for problem in found["problems"]] == ["warning"]
    assert [query["name"] for query in found["queries"]] == ["any"]


def test_the_text_is_for_people(project: Folder):
    project.replace("customers.sql", "select id,", "select idd,")
    result = project.salacia("describe")
    assert result.status == 1
    assert result.out.startswith("customers.get :one  (customers.sql:1)\n  at most one row, reads")
    assert "  :id  UUID  (uuid)\n" in result.out
    assert result.err.startswith("customers.sql:7:8: error:")
