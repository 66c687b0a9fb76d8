"""The session asks and changes nothing."""

import psycopg
import pytest
from asking import Asker

from salacia_db.codegen.analysis.names import plain
from salacia_db.codegen.analysis.server import Parsed, Server
from salacia_db.codegen.analysis.session import Rejected, ServerError


def parsed(ask: Asker, sql: str) -> Parsed:
    found = ask.server.parse(sql)
    assert isinstance(found, Parsed)
    return found


def test_a_statement_is_asked_and_not_run(ask: Asker) -> None:
    parsed(ask, "create table made_by_asking (id int)")
    parsed(ask, "insert into loose values (1, 'x')")
    parsed(ask, "select pg_terminate_backend(pg_backend_pid())")
    with psycopg.connect(ask.url) as connection:
        assert connection.execute("select to_regclass('made_by_asking')").fetchone() == (None,)
        assert connection.execute("select count(*) from loose").fetchone() == (0,)


def test_a_session_can_write_nothing(ask: Asker) -> None:
    with pytest.raises(ServerError, match="read-only"):
        ask.server.rows("create table x (id int)")


def test_types_and_origins(ask: Asker) -> None:
    found = parsed(ask, "select id, name, 1 as one from plain where id = $1")
    assert found.parameters == (2950,)
    assert [(c.name, c.type) for c in found.columns] == [("id", 2950), ("name", 25), ("one", 23)]
    assert found.columns[0].table != 0
    assert (found.columns[2].table, found.columns[2].attribute) == (0, 0)


@pytest.mark.parametrize(
    "sql",
    [
        'select 1 as "a b", 2 as "{x}", 3 as ":y", 4 as "<>", 5 as "1", 6 as "true"',
        'select 1 as "\\\\", 2 as "a\tb", 4 as "(i 1)", 5 as "\u00a0"',
        "select 'x' as \"ä€😀\" where '}{)(' <> ''",
        f"select '{'x' * 500}' as a, '{' ' * 500}' as b",
        'select 1 as "' + "y" * 63 + '"',
        "select " + ", ".join(f'{i} as "{"z" * (i % 60)}{i}"' for i in range(400)),
        "select array['a', null, 'b c']::text[] as a, '\\x00ff'::bytea as b, 1.5 as c",
    ],
)
def test_hostile_names_do_not_tear_the_tree(ask: Asker, sql: str) -> None:
    found = parsed(ask, sql)
    assert found.main is not None
    entries = found.main.nodes("targetList")
    assert len(entries) == len(found.columns)
    assert [plain(entry.get("resname")) for entry in entries] == [c.name for c in found.columns]


def test_a_rule_makes_several_trees_or_none(ask: Asker) -> None:
    assert parsed(ask, "update ruled set v = 'x'").main is None


def test_the_first_tree_counts(ask: Asker) -> None:
    # Functions in SQL are analysed while the statement is planned, and print trees of their own.
    found = parsed(ask, "select to_regclass('x'), age(now())")
    assert found.main is not None
    assert len(found.main.nodes("targetList")) == 2


@pytest.mark.parametrize(
    ("sql", "position"),
    [("select 'ä😀', x", 13), ("selec", 0), ("select 1; select 2", None), ("select \0", 7)],
)
def test_a_refusal_and_its_place(ask: Asker, sql: str, position: int | None) -> None:
    found = ask.server.parse(sql)
    assert isinstance(found, Rejected)
    assert found.position == position


def test_an_ordinary_role_may_ask_too(ask: Asker) -> None:
    with psycopg.connect(ask.url, autocommit=True) as connection:
        connection.execute("create role asking login")
        connection.execute("grant select on loose to asking")
    try:
        with Server(ask.url.replace("postgres@", "asking@")) as server:
            (row,) = server.rows("select current_user")
            assert row == (b"asking",)
            found = server.parse("select * from loose where a = $1")
            assert isinstance(found, Parsed)
            assert found.main is not None
            assert isinstance(server.parse("select * from tags"), Parsed)  # denied when it runs
    finally:
        with psycopg.connect(ask.url, autocommit=True) as connection:
            connection.execute("drop owned by asking")
            connection.execute("drop role asking")


def test_a_lost_connection_is_no_refusal_of_the_statement(ask: Asker) -> None:
    server = Server(ask.url)
    (row,) = server.rows("select pg_backend_pid()")
    with psycopg.connect(ask.url) as connection:
        connection.execute(f"select pg_terminate_backend({(row[0] or b'').decode()}, 5000)")
    with pytest.raises(ServerError):
        server.parse("select 1")


def test_the_password_is_in_no_message() -> None:
    with pytest.raises(ServerError) as error:
        Server("postgresql://me:geheim@127.0.0.1:1/x")
    assert "geheim" not in str(error.value)
