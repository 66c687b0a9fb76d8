"""What statements read, write and touch; what isn't known counts as everything."""

import psycopg
import pytest

from salacia_db.codegen.analysis.effects import Effects, effects
from tests.codegen.analysis.asking import Asker, needs_messages

SCHEMA = """
create table t (id int primary key, v text, n int);
create table child (id serial primary key, t_id int references t on delete cascade);
create table grandchild (id int, child_id int references child on delete set null);
create function touch() returns trigger language plpgsql as 'begin return new; end';
create table fired (id int primary key, v text);
create trigger t before update on fired for each row execute function touch();
create table kept (id int primary key, v text);
create trigger t before update on kept
  for each row execute function suppress_redundant_updates_trigger();
create table cascaded (id int primary key);
create table cascade_fires (id int references cascaded on delete cascade);
create trigger t after delete on cascade_fires for each row execute function touch();
create function own() returns int stable language sql as 'select 1';
create function seen(int) returns int return $1 + (select max(id) from t);
create function unseen(int) returns int return $1 + own();
create function gone() returns void begin atomic delete from t; select 1; end;
create function words(text) returns text immutable return lower($1);
create table indexed (id int, v text); create index on indexed (words(v));
create function check_it(text) returns bool immutable language sql as 'select true';
create domain safe as text check (value <> '');
create domain unsafe as text check (check_it(value));
create table checked (id int, v text check (check_it(v)));
create table guarded (id int); alter table guarded enable row level security;
create policy p on guarded using (id = own());
create table watched (id int); alter table watched enable row level security;
create policy p on watched using (id = current_setting('app.x')::int);
create table dated (day date); alter table dated enable row level security;
create policy p on dated using (day > '2020-01-01');
create table journal (id int);
create function note() returns trigger language plpgsql as
  'begin insert into journal values (new.id); return null; end';
comment on function note() is 'Notes.
salacia: only writes';
create table noted (id int, t_id int references fired on delete cascade);
create trigger n after insert or delete on noted for each row execute function note();
create view v as select own() as x from t;
create view instead as select id from t;
create trigger i instead of insert on instead for each row execute function touch();
create function through_view() returns int return (select max(x) from v);
create materialized view m as select * from t;
create table ruled (id int); create rule r as on insert to ruled do also delete from t;
create aggregate last_of(int) (sfunc = int4larger, stype = int);
create operator === (leftarg = int, rightarg = int, function = int4eq);
create function same(int, int) returns bool language sql as 'select $1 = $2';
create operator ==== (leftarg = int, rightarg = int, function = same);
create view plain as select id as key from t;
create view timely as select now() as moment;
create view locking as select * from t for update;
create extension pg_trgm;
create extension citext;
"""


@pytest.fixture(scope="module")
def shop(databases) -> Asker:
    url = databases.create()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA)
    return Asker(url)


def found(ask: Asker, sql: str) -> Effects:
    ask.skip_before(sql)
    return effects(list(ask.server.parse(sql).queries), ask.catalog)


def names(ask: Asker, oids) -> list[str]:
    return sorted(ask.catalog.relations[oid].table.ref.name for oid in oids)


@pytest.mark.parametrize(
    ("sql", "letters"),
    [  # r: read-only, c: clean
        ("select * from t where v like 'a%'", "rc"),
        ("select count(*), max(v) from t group by n", "rc"),
        ("select row_number() over () from t", "rc"),
        ("select now(), random(), gen_random_uuid(), current_user", "rc"),
        ("select pg_sleep(0)", "rc"),
        ("select * from generate_series(1, 3)", "rc"),
        ("select * from m", "rc"),
        ("select v === v from (select 1 as v) s", "rc"),
        ("select v ==== v from (select 1 as v) s", ""),
        ("select similarity(v, 'a') from t where v % 'b'", "rc"),
        ("select v::citext ~ 'a', v::citext !~~* 'b' from t", "rc"),
        ("select set_limit(0.1)", ""),
        ("select * from t for update", "c"),
        ("select (select 1 from t for share)", "c"),
        ("select nextval('child_id_seq')", "c"),
        ("select currval('child_id_seq')", "c"),
        ("select pg_notify('a', 'b')", "c"),
        ("select pg_current_xact_id()", "c"),
        ("select txid_current()", "c"),
        ("select pg_advisory_xact_lock(1)", "c"),
        ("select pg_advisory_lock(1)", ""),
        ("select set_config('a.b', 'c', false)", ""),
        ("select setseed(0.5)", ""),
        ("select query_to_xml('delete from t', true, true, '')", ""),
        ("select table_to_xml('v', true, true, '')", ""),
        ("select pg_input_is_valid('x', 'unsafe')", ""),
        ("select pg_terminate_backend(1)", ""),
        ("select lo_import('/etc/passwd')", ""),
        ("select own()", ""),
        ("select * from t where n = own()", ""),
        ("select seen(1)", "rc"),
        ("select unseen(1)", ""),
        ("select gone()", ""),
        ("select through_view()", ""),
        ("select * from t order by own()", ""),
        ("select * from t left join m on m.n = own()", ""),
        ("select * from v", ""),
        ("select x from (select 1 as x, own() as y) s", ""),
        ("select last_of(n) from t", ""),
        ("select * from guarded", ""),
        ("select * from watched", "rc"),
        ("select 'a'::safe", "rc"),
        ("select 'a'::unsafe", ""),
        ("select $1::unsafe", ""),
        ("select * from jsonb_to_record('{}') as x(a unsafe)", ""),
        ("select json_value('{}', '$.a' returning unsafe)", ""),
        ("insert into t values (1)", "c"),
        ("insert into child (t_id) values (1)", "c"),
        ("update t set v = 'x'", "c"),
        ("delete from t", "c"),
        ("with w as (delete from t returning *) select * from w", "c"),
        ("update fired set v = 'x'", ""),
        ("insert into fired values (1, 'x')", "c"),
        ("insert into fired values (1, 'x') on conflict (id) do update set v = 'y'", ""),
        ("update kept set v = 'x'", "c"),
        ("delete from cascaded", ""),
        ("insert into cascaded values (1)", "c"),
        ("insert into checked values (1, 'x')", ""),
        ("insert into indexed values (1)", "c"),
        ("insert into ruled values (1)", ""),
        ("insert into instead values (1)", ""),
        ("insert into t values (own())", ""),
        ("set search_path = 'x'", ""),
        ("listen a", ""),
        ("create temp table x (a int)", ""),
    ],
)
def test_read_only_and_clean(shop, sql, letters):
    result = found(shop, sql)
    assert ("r" * result.read_only) + ("c" * result.clean) == letters
    assert (result.not_read_only == "") == result.read_only
    assert (result.not_clean == "") == result.clean


@pytest.mark.parametrize(
    "sql",
    [
        "select * from t where v like 'a%' and n = $1",
        "select count(*), max(v) from t group by n",
        "select similarity(v, 'a') from t where v % 'b'",
        "select * from m, plain where lower(v) = current_user",
        "select '2020-01-01'::date + n, to_char(1, '9') from t",
        "with a as (select * from t) select * from a union select * from t order by v",
    ],
)
def test_plain_reads_may_run_before_their_transaction(shop, sql):
    assert found(shop, sql).before_begin


@pytest.mark.parametrize(
    "sql",
    [
        "select * from t for update",
        "select * from t where id in (select id from t for key share)",
        "with a as (select * from t for share) select * from a",
        "select * from locking",
        "select now()",
        "select * from t where v < current_date::text",
        "select localtimestamp, v from t",
        "select v::timestamptz from t",
        "select statement_timestamp()",
        "select clock_timestamp()",
        "select * from timely",
        "select pg_current_snapshot()",
        "select txid_current_snapshot()",
        "select pg_current_xact_id_if_assigned()",
        "select txid_current_if_assigned()",
        "select pg_xact_status('1'::xid8)",
        "select pg_visible_in_snapshot('1'::xid8, '1:2:'::pg_snapshot)",
        "select pg_current_xact_id()",
        "select n_live_tup from pg_stat_user_tables",
        "select pg_advisory_xact_lock(1)",
        "select pg_advisory_lock(1)",
        "select current_setting('app.tenant')",
        "select random()",
        "select nextval('child_id_seq')",
        "select own()",
        "select seen(1)",
        "select * from v",
        "select * from watched",
        "select * from dated",
        "select 'a'::unsafe",
        "select last_of(n) from t",
        "select v ==== v from (select 1 as v) s",
        "insert into t values (1)",
        "with w as (delete from t returning *) select * from w",
        "listen a",
    ],
)
def test_what_holds_or_sees_the_transaction_begins_it(shop, sql):
    assert not found(shop, sql).before_begin


def touches(ask: Asker, sql: str) -> tuple[list[str], list[tuple[str, str]]]:
    result = found(ask, sql)
    named = [(names(ask, [oid])[0], operation) for oid, operation in result.writes]
    return names(ask, result.reads), sorted(named)


@needs_messages
def test_what_a_rule_writes_is_written(shop):
    written = touches(shop, "insert into ruled values (1)")[1]
    assert written == [("ruled", "create"), ("t", "delete")]


def test_merge_writes_what_its_actions_write(shop):
    assert touches(
        shop,
        "merge into t using child c on c.id = t.id when matched then update set v = 'x'"
        " when not matched then insert values (1)",
    ) == (["child", "t"], [("t", "create"), ("t", "update")])


def test_reads_and_writes_go_through_views_and_with_queries(shop):
    def touched(sql: str) -> tuple[list[str], list[tuple[str, str]]]:
        return touches(shop, sql)

    assert touched("select * from v, child") == (["child", "t"], [])
    assert touched("insert into kept select id, v from t") == (["t"], [("kept", "create")])
    assert touched("insert into t values (1) on conflict do nothing") == ([], [("t", "create")])
    assert touched("insert into t values (1) on conflict (id) do update set v = excluded.v") == (
        [],
        [("t", "upsert")],
    )
    assert touched("with w as (update t set v = 'x' returning id) delete from child using w") == (
        ["child", "t"],
        [("child", "delete"), ("t", "update")],
    )
    assert touched("select seen(1)") == (["t"], [])
    assert touched("select exists (select from t where n = (select max(id) from m))")[0] == [
        "m",
        "t",
    ]


def test_the_time_is_noticed(shop):
    assert found(shop, "select * from t where now() > '2020-01-01'").uses_time
    assert found(shop, "select current_date").uses_time
    assert found(shop, "select age('2020-01-01'::timestamptz)").uses_time
    assert not found(shop, "select age('2020-01-01'::timestamptz, '2021-01-01')").uses_time
    assert not found(shop, "select current_user").uses_time


def test_reasons_say_what_stands_in_the_way(shop):
    assert found(shop, "select own()").not_read_only == "it calls own()"
    assert found(shop, "select * from guarded").not_clean == "a policy of guarded calls own()"
    assert found(shop, "delete from cascaded").not_clean == (
        "the trigger t of cascade_fires may do anything"
    )
    assert found(shop, "insert into checked values (1)").not_clean == (
        "a check, index or column of checked calls check_it()"
    )


def test_the_word_is_taken_of_a_trigger_that_only_writes(shop):
    done = found(shop, "insert into noted values (1)")
    assert (done.clean, done.read_only) == (True, False)
    assert done.columns_written is None, "which tables, it doesn't say"
    assert done.uses_time
    assert found(shop, "delete from fired").clean


def test_nothing_on_the_vetted_list_writes(shop):
    # What a read-only transaction refuses can't be on the list.
    with psycopg.connect(shop.url) as connection:
        connection.execute("set transaction read only")
        for sql in ("select nextval('child_id_seq')", "select * from t for update"):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), connection.transaction():
                connection.execute(sql)
            assert not found(shop, sql).read_only
