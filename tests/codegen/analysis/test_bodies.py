"""Query trees out of functions' bodies: the same answers, or fewer, where messages don't come."""

from collections.abc import Iterator

import psycopg
import pytest
from asking import SHOP, Asker, statement
from without_notices import without_notices

from salacia_db.codegen.analysis.analyse import analyse
from salacia_db.codegen.analysis.loading import load
from salacia_db.codegen.analysis.server import Parsed, Server
from salacia_db.codegen.analysis.session import ServerError
from salacia_db.codegen.analysis.views import with_views
from salacia_db.codegen.facts import Query
from salacia_db.postgres.scratch import ScratchDatabases

DEFAULTS = """
create function own() returns int language sql as 'select 1';
create function say(text) returns text language sql as 'select $1';
create domain numbered as int default own();
create sequence s;
create table plainly (id int primary key, v text default 'x');
create table counted (id int default nextval('s'), v text);
create table identified (id int generated always as identity, v text);
create table computed (id int, v text default say('x'));
create table domained (id numbered, v text);
create table several (a int[], b text, c text default say('x'));
create view deep as select p.id, upper(p.v) as v from plainly p;
create view deeper as select d.v, c.id from deep d left join counted c using (id);
"""


@pytest.fixture(scope="module")
def url(databases: ScratchDatabases) -> Iterator[str]:
    with databases.database() as made:
        with psycopg.connect(made, autocommit=True) as connection:
            connection.execute(SHOP)
            connection.execute(DEFAULTS)
        yield made


@pytest.fixture(scope="module")
def ask(url: str) -> Iterator[Asker]:
    """Asks by bodies."""
    asker = Asker(url)
    asker.server.close()
    asker.server = Server(url, route="bodies")
    asker.catalog = with_views(load(asker.server), asker.server)
    yield asker
    asker.server.close()


@pytest.fixture(scope="module")
def messages(url: str) -> Iterator[Asker]:
    """Asks by messages."""
    asker = Asker(url)
    yield asker
    asker.server.close()


def test_a_server_whose_messages_do_not_come_is_asked_for_bodies(url: str) -> None:
    with without_notices(url) as filtered, Server(filtered) as server:
        catalog = with_views(load(server), server)
        outcome = analyse(statement("select * from listed where id = :id"), server, catalog)
        assert not outcome.problems
        assert outcome.query is not None
        assert [column.nullable for column in outcome.query.columns] == [False, False, True]


def fitting(ask: Asker, sql: str) -> str:
    """The kind for a statement of this many columns."""
    parsed = ask.server.parse(sql)
    assert isinstance(parsed, Parsed)
    return "many" if parsed.columns else "exec"


def facts(query: Query) -> tuple[object, ...]:
    """All that is known of a query, without reasons and places."""
    columns = [(c.name, c.type.oid, c.nullable, c.origin) for c in query.columns]
    parameters = [(p.name, p.type.oid, p.nullable, p.origin) for p in query.parameters]
    return (
        *(query.sql, columns, parameters, query.fields, query.table, query.cardinality),
        *(query.read_only, query.clean, query.reads, query.writes, query.tracked),
    )


@pytest.mark.parametrize(
    "sql",
    [
        "select * from listed",
        "select * from deeper",
        "select i, p as provider from interactions i left join providers p on p.id = provider_id",
        "select distinct on (l.a) l.*, a is distinct from 1 as other from loose l",
        "select l.*, t.* from loose l, tags t",
        "select l.*, 'ä€' as x, *, t.note as from_there from loose l, tags t",
        "select l.a as limit, l.*, t.id from loose l, tags t where l.a = 1 order by 1",
        "select percentile_cont(0.5) within group (order by a) as n from loose",
        "select * from loose union all select l.* from loose l",
        "select id, p.* from providers p group by p.id",
        "select a, a from loose group by a",
        "select note from tags where id = $1",
        "select note from tags where note = $1 and id in ($2, $3)",
        "select * from deep where id = $1",
        "with w as (select * from deep) select w.* from w where v is not null",
        "with recursive w as (select 1 as n union all select n + 1 from w where n < 3) table w",
        "insert into loose (b) values ($1) returning *",
        "insert into loose (b) select $1 from tags",
        "insert into plainly (id) values (1)",
        "insert into counted (v) values ($1)",
        "insert into counted (id) values (default)",
        "insert into identified (v) values ('x') returning *",
        "insert into computed (id) values ($1)",
        "insert into computed (id, v) values ($1, 'x')",
        "insert into computed (id, v) values (1, 'x'), (2, default)",
        "insert into domained (v) values ($1)",
        "update computed set v = default",
        "update computed set id = $1",
        "update tags set note = $1 where id = $2 returning note, names",
        "delete from tags where id = $1 returning *",
        "insert into tags (id, names) values ($1, $2) on conflict (id) do update set note = $3",
        "with gone as (delete from counted returning id) update computed set v = 'x' from gone",
        "delete from ruled",
        "insert into ruled values (1, 'x')",
    ],
)
def test_what_is_found_is_the_same(ask: Asker, messages: Asker, sql: str) -> None:
    kind = fitting(ask, sql)
    assert facts(ask(sql, kind)) == facts(messages(sql, kind))


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("update plain set name = $1", "it changes a view"),
        ("insert into triggered values ($1, $2)", "it changes a view"),
        ("with w as (delete from plain returning id) select id from w", "it changes a view"),
        ("update ruled set v = 'x'", "rules rewrite what it changes"),
        ("update several set a[1] = 1, a[2] = 2", "it sets parts of one column"),
        (
            "with recursive w as (select 1 as n union all select n + 1 from w where n < 3)"
            " cycle n set seen using path select n, seen from w",
            "SEARCH and CYCLE add columns",
        ),
        (
            "select " + " + ".join(f"${i}::int" for i in range(1, 102)) + " as n",
            "functions cannot have more than 100 arguments",
        ),
    ],
)
def test_what_is_not_told_is_warned_of_and_not_guessed(ask: Asker, sql: str, reason: str) -> None:
    outcome = ask.outcome(sql, fitting(ask, sql))
    query = outcome.query
    assert query is not None
    assert all(column.nullable for column in query.columns)
    assert (query.read_only, query.clean, query.tracked) == (False, False, None)
    (warning,) = outcome.problems
    assert warning.severity == "warning"
    assert warning.message == f"this server doesn't tell what the statement does: {reason}"


def test_a_utility_statement_is_what_it_was(ask: Asker, messages: Asker) -> None:
    assert facts(ask("show timezone")) == facts(messages("show timezone"))


def test_stars_that_cannot_be_told_apart_are_warned_of(ask: Asker) -> None:
    if ask.server.version < 170000:
        pytest.skip("bodies hold places before 17")
    sql = "select distinct l.*, t.* from loose l, tags t order by l.a, t.id"
    assert "can't be written out here" in ask.problem(sql)
    sql = "(select * from loose) union all (select * from loose)"
    assert "can't be written out here" in ask.problem(sql)


def test_a_place_is_that_of_its_column(ask: Asker) -> None:
    sql = "select t.id, l.a + 1 as b, l.a from tags t left join loose l on true"
    outcome = ask.outcome(sql)
    assert outcome.query is not None
    places = [column.place for column in outcome.query.columns]
    if ask.server.version >= 170000:
        assert places == [sql.index(c) for c in ("t.id", "l.a", "l.a from")]


def test_nothing_of_it_stays(ask: Asker) -> None:
    assert isinstance(ask.server.parse("delete from tags"), Parsed)
    with psycopg.connect(ask.url) as connection:
        left = connection.execute("select count(*) from pg_proc where proname ~ 'salacia'")
        assert left.fetchone() == (0,)
    with pytest.raises(ServerError, match="read-only"):
        ask.server.rows("create table x (id int)")


def test_a_text_cannot_end_the_function_it_stands_in(ask: Asker) -> None:
    for sql in ("select 1; end; drop table loose", "select 1 -- ", "select 1;", "select ';end'"):
        ask.server.parse(sql)
    assert isinstance(ask.server.parse("select a from loose"), Parsed)


def test_a_role_without_temporary_functions_is_told(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create role bound login")
        connection.execute(f"revoke temporary on database {connection.info.dbname} from public")
    try:
        with pytest.raises(ServerError, match=r"neither in messages .* nor in the bodies .*: perm"):
            Server(url.replace("postgres@", "bound@"), route="bodies")
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("drop role bound")
