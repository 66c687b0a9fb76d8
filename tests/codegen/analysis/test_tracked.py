"""A writing statement's second text tells the transaction, and whether an upsert made the row."""

import pytest
from asking import Asker, needs_messages

from salacia_db.codegen.facts import TableRef, Tracked, Write


@pytest.mark.parametrize(
    ("sql", "tracked"),
    [
        (
            "insert into loose values (1, 'x') returning a",
            "insert into loose values (1, 'x') returning a, pg_current_xact_id()",
        ),
        (
            "insert into loose values (1, 'x') -- the first",
            "insert into loose values (1, 'x')\nreturning pg_current_xact_id()",
        ),
        (
            "update providers set name = 'x' where id = $1",
            "update providers set name = 'x' where id = $1\nreturning pg_current_xact_id()",
        ),
        (
            "update loose set a = 1 returning loose",
            "update loose set a = 1 returning loose.a, loose.b, pg_current_xact_id()",
        ),
        (
            "with x as (select 1 as n) delete from loose using x returning n",
            "with x as (select 1 as n) delete from loose using x returning n, pg_current_xact_id()",
        ),
        pytest.param(
            "update plain set name = 'x' returning name",
            "update plain set name = 'x' returning name, pg_current_xact_id()",
            marks=needs_messages,
        ),
        ("update loose set a = 1", None),  # many rows would come where none are wanted
        ("select * from loose", None),
        ("with x as (delete from loose returning *) select count(*) from x", None),
        ("insert into triggered values ($1, $2) returning id", None),
        ("insert into triggered values ($1, $2)", None),
        ("update ruled set v = 'x' where id = 1", None),
    ],
)
def test_the_text(ask: Asker, sql: str, tracked: str | None) -> None:
    query = ask.outcome(sql, "exec").query
    assert query is not None
    assert query.tracked == (None if tracked is None else Tracked(tracked, created=False))


UPSERT = "insert into {} (id, v) values ($1, $2) on conflict (id) do update set v = excluded.v"


@pytest.mark.parametrize(
    ("table", "returning"),
    [("billing.providers", ""), ("billing.providers", " returning *"), ("parts", " returning id")],
)
def test_an_upsert_tells_created_from_updated(ask: Asker, table: str, returning: str) -> None:
    query = ask(UPSERT.format(table) + returning, "exec")
    if table == "parts" and ask.server.version < 180000:
        assert query.tracked is not None
        assert not query.tracked.created
        return
    assert query.tracked is not None
    assert query.tracked.created
    there = f"insert into {table} (id, v) values (7, '0')"
    assert ask.run(query.tracked.sql, 7, "1")[0][-2] is True
    assert ask.run(query.tracked.sql, 7, "1", before=there)[0][-2] is False


def test_do_nothing_makes_rows_only(ask: Asker) -> None:
    query = ask("insert into tags (id, names) values ($1, $2) on conflict do nothing", "exec")
    assert query.tracked is not None
    assert not query.tracked.created
    assert query.writes == (Write(TableRef("public", "tags"), "create"),)


@pytest.mark.parametrize(
    ("sql", "returned"),
    [
        ("insert into loose values (1, 'x') returning *", True),
        ("update loose set a = 1 returning loose", True),
        ("update loose l set a = 1 returning l.a, l.b", True),
        ("delete from loose returning *", True),
        ("update loose set a = 1 returning b, a", False),
        ("update loose set a = 1 returning a", False),
        ("update loose l set a = 1 from loose o returning o.*", False),
        ("insert into loose values (1, 'x')", False),
    ],
)
def test_whether_the_rows_are_those_written(ask: Asker, sql: str, returned: bool) -> None:
    (write,) = ask(sql, "exec").writes
    assert write.table == TableRef("public", "loose")
    assert write.returned is returned


@pytest.mark.parametrize(
    ("sql", "returned"),
    [
        ("update loose set a = 1 returning old.*", False),
        ("update loose set a = 1 returning new.*", True),
        ("delete from loose returning old.*", True),
        ("delete from loose returning new.*", False),
    ],
)
def test_old_rows_are_not_those_written(ask: Asker, sql: str, returned: bool) -> None:
    if ask.server.version < 180000:
        pytest.skip("old and new came with 18")
    assert [write.returned for write in ask(sql, "exec").writes] == [returned]


def test_each_write_of_a_statement_is_known(ask: Asker) -> None:
    query = ask(
        "with a as (insert into loose values (1, 'x') returning a),"
        " b as (delete from tags where id = 1 returning id)"
        " update providers set name = 'x' from a, b where false",
        "exec",
    )
    assert [(write.table.name, write.operation) for write in query.writes] == [
        ("loose", "create"),
        ("providers", "update"),
        ("tags", "delete"),
    ]
