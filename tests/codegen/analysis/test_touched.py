"""The columns that a statement reads and writes: named, and tried on rows."""

from itertools import count

import psycopg
import pytest

from tests.codegen.analysis.asking import Asker

SCHEMA = """
create table shelves (id int primary key, code text unique, room text);
create table books (
  id int primary key, title text, pages int, shelf text references shelves (code)
    on update cascade on delete set null,
  twice int generated always as (pages * 2) stored, added timestamptz default now()
);
create table notes (id int primary key, book int references books on delete cascade, word text);
create table words (id int primary key, text text, found tsvector);
create trigger found before insert or update on words for each row
  execute function tsvector_update_trigger(found, 'pg_catalog.simple', text);
create table guarded (id int primary key, secret int, v text);
alter table guarded enable row level security;
create policy own on guarded using (secret = 1);
create function touch() returns trigger language plpgsql as 'begin return new; end';
create table fired (id int primary key, v text);
create trigger fired before insert on fired for each row execute function touch();
create view long as select id, title from books where pages > 100;
create function pages_of(int) returns int return (select pages from books where id = $1);
create function opaque() returns int stable language plpgsql as 'begin return 1; end';
create table checked (id int, day date check (day <= current_date));
create table parts (id int, v text, w text) partition by range (id);
create table parts_1 partition of parts for values from (0) to (100);
insert into shelves values (1, 'a', 'x'), (2, 'b', 'y');
insert into books values (1, 'Emma', 400, 'a'), (2, 'Silas', 90, 'b'), (3, 'Ulysses', 700, null);
insert into notes values (1, 1, 'good'), (2, 2, 'short'), (3, 1, 'again');
insert into words values (1, 'one');
insert into parts values (1, 'a', 'b');
"""


@pytest.fixture(scope="module")
def library(databases) -> Asker:
    url = databases.create()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA)
    return Asker(url)


def shown(found) -> str | None:
    if found is None:
        return None
    return "; ".join(f"{one.table.name}({', '.join(one.columns)})" for one in found)


READS = [
    ("select count(*) from books", "books()"),
    ("select title from books order by pages", "books(pages, title)"),
    ("select * from notes", "notes(book, id, word)"),
    ("select n from notes n", "notes(book, id, word)"),
    ("select id from long", "books(id, pages, title)"),
    (
        "select room from shelves s join books b on b.shelf = s.code",
        "books(shelf); shelves(code, room)",
    ),
    ("select 1 from books join notes using (id)", "books(id); notes(id)"),
    ("with w as (select pages from books) select max(pages) from w", "books(pages)"),
    (
        "select (select word from notes n where n.book = b.id limit 1) from books b",
        "books(id); notes(book, word)",
    ),
    (
        "select id from books where title is not null union select id from notes",
        "books(id, title); notes(id)",
    ),
    ("select pages_of(1)", "books(id, pages)"),
    ("select twice from books", "books(added, id, pages, shelf, title, twice)"),
    ("select id from notes order by xmin::text", "notes(book, id, word)"),
    ("select id from guarded", "guarded(id, secret, v)"),
    ("select v from parts", "parts(v)"),
    ("select 1", ""),
]
WRITES = [
    ("insert into notes (id) values (9)", "", "notes(book, id, word)"),
    ("insert into notes (id) values (9) returning word", "notes(word)", "notes(book, id, word)"),
    ("update books set title = 'x' where id = 1", "books(id)", "books(title, twice)"),
    ("update books set pages = pages + 1", "books(pages)", "books(pages, twice)"),
    ("update shelves set room = 'z'", "shelves()", "shelves(room)"),
    (
        "update shelves set code = code || 'x' where id = 1",
        "shelves(code, id)",
        "books(shelf, twice); shelves(code)",
    ),
    (
        "delete from shelves where id = 2",
        "shelves(id)",
        "books(added, id, pages, shelf, title, twice); notes(book, id, word);"
        " shelves(code, id, room)",
    ),
    (
        "delete from books",
        "books()",
        "books(added, id, pages, shelf, title, twice); notes(book, id, word)",
    ),
    ("update words set text = 'two'", "words()", "words(found, id, text)"),
    ("update long set title = 'x'", "books(id, pages, title)", "books(title, twice)"),
    ("update parts set v = 'x' where id = 1", "parts(id)", "parts(v)"),
    (
        "with w as (update notes set word = 'x' returning book) delete from books b using w"
        " where b.id = w.book",
        "books(id); notes(book)",
        "books(added, id, pages, shelf, title, twice); notes(book, id, word)",
    ),
    (
        "insert into notes (id, word) values (1, 'x') on conflict (id) do update set word = 'y'",
        "notes(id)",
        "notes(book, id, word)",
    ),
    (
        "merge into notes n using books b on n.book = b.id when matched then"
        " update set word = b.title",
        "books(id, title); notes(book)",
        "notes(word)",
    ),
    (
        "merge into notes n using books b on n.book = b.id when matched then delete",
        "books(id); notes(book)",
        "notes(book, id, word)",
    ),
]


@pytest.mark.parametrize(("sql", "reads"), READS)
def test_the_columns_that_are_read(library, sql, reads):
    query = library(sql)
    assert shown(query.columns_read) == reads
    assert shown(query.columns_written) == ""


@pytest.mark.parametrize(("sql", "reads", "writes"), WRITES)
def test_the_columns_that_are_written(library, sql, reads, writes):
    library.skip_before(sql)
    query = library(sql, "many" if "returning word" in sql else "exec")
    assert shown(query.columns_read) == reads
    assert shown(query.columns_written) == writes


def columns(connection) -> list[tuple[str, str, str]]:
    return connection.execute(
        "select table_name, column_name, data_type from information_schema.columns"
        " where table_schema = 'public' and is_generated = 'NEVER' and table_name in"
        " ('shelves', 'books', 'notes', 'words', 'parts')"
    ).fetchall()


@pytest.mark.parametrize("sql", [sql for sql, _ in READS if "xmin" not in sql])
def test_what_is_not_read_can_change_and_the_answer_stays(library, sql):
    read = {(one.table.name, name) for one in library(sql).columns_read for name in one.columns}
    numbers = count(1000)
    with psycopg.connect(library.url) as connection:
        before = sorted(map(repr, connection.execute(sql).fetchall()))
        connection.execute("set constraints all deferred; alter table notes disable trigger all")
        connection.execute("alter table books disable trigger all")
        connection.execute("alter table shelves disable trigger all")
        for table, column, kind in columns(connection):
            if (table, column) in read or (table, column) == ("parts", "id"):
                continue
            # Another value for each row.
            for (place,) in connection.execute(f"select ctid from {table}").fetchall():
                value = f"'{next(numbers)}'" if kind in ("integer", "text") else "null"
                connection.execute(f"update {table} set {column} = {value} where ctid = '{place}'")
        assert sorted(map(repr, connection.execute(sql).fetchall())) == before
        connection.rollback()


@pytest.mark.parametrize("sql", [sql for sql, _, _ in WRITES])
def test_nothing_changes_but_what_is_written(library, sql):
    library.skip_before(sql)
    query = library(sql, "many" if "returning word" in sql else "exec")
    written = {(one.table.name, name) for one in query.columns_written for name in one.columns}
    with psycopg.connect(library.url) as connection:

        def values() -> dict[tuple[str, str], list[object]]:
            return {
                (table, column): sorted(
                    map(repr, connection.execute(f'select "{column}" from {table}').fetchall())
                )
                for table, column, _ in columns(connection)
            }

        before = values()
        connection.execute(sql)
        after = values()
        connection.rollback()
    changed = {place for place, kept in before.items() if after[place] != kept}
    assert changed <= written


@pytest.mark.parametrize(
    "sql",
    [
        "select opaque()",
        "insert into fired values (1)",
        "select * from books where id = opaque()",
        "listen something",
    ],
)
def test_what_is_not_known_may_be_anything(library, sql):
    query = library(sql, "exec" if sql.startswith(("insert", "listen")) else "many")
    assert query.columns_read is None
    assert query.columns_written is None
    assert query.uses_time


@pytest.mark.parametrize(
    ("sql", "uses"),
    [
        ("select now()", True),
        ("select transaction_timestamp()", True),
        ("select current_timestamp(3)", True),
        ("select current_date, localtime, localtimestamp", True),
        ("select age(added) from books", True),
        ("select $1::text::date", True),
        ("select $1::text[]::timestamptz[]", True),
        ("select added::text from books", False),
        ("select (jsonb_populate_record(b, $1)).added from books b", True),
        ("select * from jsonb_to_record($1) as r (day date)", True),
        ("select * from json_table($1::jsonb, '$' columns (day date path '$.a'))", True),
        ("select json_value($1::jsonb, '$.a' returning date)", True),
        ("select json_value($1::jsonb, '$.a' returning int)", False),
        ("select $1::time::timetz", True),
        ("select $1::timetz at time zone 'UTC'", True),
        ("select $1::timestamptz at time zone 'UTC'", False),
        ("insert into books (id) values (9)", True),  # the default of `added`
        ("insert into books (id, added) values (9, $1)", False),
        ("insert into checked values (1, $1)", True),
        ("select opaque()", True),
        ("select clock_timestamp()", False),
        ("select timeofday()", False),
        ("select random(), gen_random_uuid()", False),
        ("select $1::timestamptz", False),
        ("select current_user", False),
        ("select * from books where added > '2020-01-01'", False),
        ("update books set title = 'x' where added < now()", True),
    ],
)
def test_the_time_of_the_transaction(library, sql, uses):
    library.skip_before(sql)
    outcome = library.outcome(sql, "exec" if sql.startswith(("insert", "update")) else "many")
    assert outcome.query is not None, outcome.problems
    assert outcome.query.uses_time == uses
