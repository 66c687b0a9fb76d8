"""Types of a table's column hold wherever its value is shown: views, CTEs, subqueries, aliases."""

import re
from pathlib import Path

import pytest
from projects import imported, made, written

SCHEMA = """
create table users (id int primary key, token text, name text not null);
create table orders (id int primary key, user_id int references users);
create view people as select id as user_id, upper(token) as loud, token as code from users;
create view people_orders as
select p.user_id, p.code, o.id as order_id, o.user_id as buyer, coalesce(p.code, '') as any_code
from people p left join orders o on o.user_id = p.user_id;
"""
QUERIES = """
-- name: of_view :many
select order_id, buyer, user_id from people_orders where user_id = :user_id;
-- name: all_of_view :many
select * from people_orders;
-- name: of_cte :many
with u as (select id as user_id, token from users), v as (select * from u)
select user_id, token as key from v;
-- name: of_subquery :many
select s.user_id, s.code from (select p.user_id, p.code from people p) s where s.code = :code;
-- name: aliased :many
select id as number, token as code, name from users;
-- name: plain :many
select id, token, name from users;
"""
SETTINGS = """
[tool.salacia.types]
"public.users.id" = "acme.UserId"
"public.users.token" = "secret"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shown")
    (root / "acme.py").write_text("from typing import NewType\nUserId = NewType('UserId', int)\n")
    return written(root, "shown", SCHEMA, QUERIES, SETTINGS)


def fields(module: Path, name: str) -> dict[str, str]:
    body = module.read_text().partition(f"class {name}(")[2].partition("\n\n\n")[0]
    return dict(re.findall(r"^    (\w+): (.+)$", body, re.MULTILINE))


def test_a_view_has_the_types_of_the_columns_that_it_shows(folder: Path):
    assert fields(folder / "models.py", "Person") == {
        "user_id": "UserId",
        "loud": "str | None",
        "code": "Secret[str] | None",
    }
    assert fields(folder / "models.py", "PeopleOrder") == {
        "user_id": "UserId",
        "code": "Secret[str] | None",
        "order_id": "int | None",
        "buyer": "UserId | None",
        "any_code": "str",
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("OfView", {"order_id": "int | None", "buyer": "UserId | None", "user_id": "UserId"}),
        ("OfCte", {"user_id": "UserId", "key": "Secret[str] | None"}),
        ("OfSubquery", {"user_id": "UserId", "code": "Secret[str]"}),
    ],
)
def test_so_has_a_query_of_it(folder: Path, query: str, expected: dict[str, str]):
    assert fields(folder / "kept.py", f"Kept{query}Row") == expected


def test_a_parameter_that_is_compared_with_one_has_its_type(folder: Path):
    text = (folder / "kept.py").read_text()
    assert "async def of_view(self, *, user_id: UserId)" in text
    assert "async def of_subquery(self, *, code: Secret[str] | str)" in text


def test_columns_called_otherwise_than_the_tables_are_a_struct_of_their_own(folder: Path):
    assert fields(folder / "kept.py", "KeptAliasedRow") == {
        "number": "UserId",
        "code": "Secret[str] | None",
        "name": "str",
    }
    assert "async def plain(self) -> list[User]" in (folder / "kept.py").read_text()


@pytest.mark.parametrize(
    ("sql", "column", "word"),
    [
        ("select s, 1 as n\nfrom (select 1 as a, 2 as b) s", "s", "s, 1"),
        (
            "with s as (select * from users)\nselect 1 as n, array_agg(s) as many from s",
            "many",
            "array_agg",
        ),
        ("select 'é' as e, *, null::pg_ndistinct as odd\nfrom users", "odd", "null::"),
    ],
)
def test_a_column_without_a_type_is_told_at_its_place(
    tmp_path: Path, sql: str, column: str, word: str
):
    (problem,) = made(tmp_path, "refused", SCHEMA, f"-- name: get :many\n{sql};").problems[:1]
    assert f"the type of column `{column}`" in problem.message
    assert problem.at is not None
    text = problem.at.file.text
    assert problem.at.start == text.index(word)
    if column != "odd":
        assert "to_jsonb(s)" in str(problem.hint)


def test_inputs_are_names_of_the_package_unless_two_have_one(tmp_path: Path):
    (tmp_path / "queries" / "a").mkdir(parents=True)
    (tmp_path / "queries" / "b").mkdir()
    for folder in ("a", "b"):
        (tmp_path / "queries" / folder / "users.sql").write_text(
            "-- name: put :bulk\ninsert into users values (:id, null, :name);\n"
        )
    load = "-- name: load :copy\ninsert into users (id, name) values (:id, :name);"
    package = imported(written(tmp_path, "inputs_of", SCHEMA, load))
    assert package.KeptLoadInput(id=1, name="a").id == 1
    assert "KeptLoadInput" in package.__all__
    assert not hasattr(package, "UsersPutInput")
    assert package.a.users.UsersPutInput is not package.b.users.UsersPutInput
