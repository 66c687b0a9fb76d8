"""Migrations are applied once, whole, in order and unchanged; or it is said what is wrong."""

import re
import shutil
from pathlib import Path

import pytest

from salacia_db.postgres import PostgresError
from salacia_db.postgres.migrations import BOOKKEEPING_SCHEMA, MigrationError, fingerprint
from salacia_db.postgres.migrations.migrator import Migrator, apply_all
from salacia_db.postgres.scratch import ScratchDatabases

TABLES = "select relname from pg_class where relnamespace = 'public'::regnamespace order by 1"


@pytest.fixture
def two(folder):
    folder.write("0001_first", "create table a (x int);", "drop table a;")
    folder.write("0002_second", "create table b (x int);", "drop table b;")
    return folder


def names(done):
    return [applied.name for applied in done]


def states(migrator):
    return [(status.name, status.state) for status in migrator.status()]


def refused(call, *arguments, **options) -> str:
    with pytest.raises(MigrationError) as caught:
        call(*arguments, **options)
    return str(caught.value)


# --- up, down, status -----------------------------------------------------------------------------


def test_up_applies_what_is_missing_and_down_takes_it_back(two, query):
    migrator = two.migrator()
    assert states(migrator) == [("0001_first", "pending"), ("0002_second", "pending")]
    assert names(migrator.up(to="0001")) == ["0001_first"]
    assert query(two.url, TABLES) == [("a",)]
    assert states(migrator) == [("0001_first", "applied"), ("0002_second", "pending")]
    assert names(migrator.up()) == ["0002_second"]
    assert migrator.up() == []
    assert [(d.name, d.direction) for d in migrator.down()] == [("0002_second", "down")]
    assert names(migrator.down(5)) == ["0001_first"]
    assert query(two.url, TABLES) == []
    assert states(migrator) == [("0001_first", "pending"), ("0002_second", "pending")]


def test_down_to_a_migration_keeps_it(two):
    two.write("0003_third", "select 1;", "select 1;")
    migrator = two.migrator()
    migrator.up()
    assert names(migrator.down(to="0001_first")) == ["0003_third", "0002_second"]


def test_status_changes_nothing(two, query):
    two.migrator().status()
    assert query(two.url, f"select to_regnamespace('{BOOKKEEPING_SCHEMA}')") == [(None,)]


def test_each_migration_is_reported_when_it_is_done(two):
    two.write("0003_third", "create table a (x int);")
    seen = []
    refused(two.migrator().up, report=seen.append)
    assert names(seen) == ["0001_first", "0002_second"]


def test_all_of_a_migration_or_nothing(folder, query):
    folder.write("0001_x", "create table a (x int);\n\ncreate table\n  b (x nonsense);")
    message = refused(folder.migrator().up)
    assert re.search(r'0001_x\.sql:4:\d+: type "nonsense" does not exist', message)
    assert query(folder.url, TABLES) == []
    assert states(folder.migrator()) == [("0001_x", "pending")]


def test_an_error_without_a_position_names_the_line_of_its_statement(folder):
    folder.write("0001_x", "create table a (x int);\n\ncreate table a\n (x int);")
    assert '0001_x.sql:3: relation "a" already exists' in refused(folder.migrator().up)


def test_a_constraint_that_fails_at_the_commit_takes_everything_back(folder, query):
    folder.write(
        "0001_x",
        "create table a (x int primary key, y int references a deferrable initially deferred);"
        "insert into a values (1, 2);",
    )
    assert "violates foreign key" in refused(folder.migrator().up)
    assert query(folder.url, TABLES) == []
    assert states(folder.migrator()) == [("0001_x", "pending")]


def test_a_select_prints_nothing(folder, capfd):
    folder.write("0001_x", "select 'hello'; select '100%';", "select 'bye';")
    (folder.path / "0002_y.py").write_text(
        "from yoyo import step\nstep(\"select 'hello'\", \"select 'bye'\")\n"
    )
    folder.migrator().up()
    folder.migrator().down(2)
    assert capfd.readouterr() == ("", "")


def test_a_session_setting_or_role_does_not_reach_the_next_migration(folder, query):
    folder.write(
        "0001_x",
        "create role timid_one; set role timid_one; "
        "select set_config('search_path', '', false); set statement_timeout = '5min';",
    )
    folder.write(
        "0002_y",
        "create table seen as select current_user::text as who, "
        "current_setting('search_path') as path, current_setting('statement_timeout') as timeout",
    )
    folder.migrator().up()
    assert query(folder.url, "select * from seen") == [("postgres", '"$user", public', "0")]
    query(folder.url, "drop role timid_one")


def test_dollar_quotes_comments_and_atomic_bodies_are_no_obstacle(folder, query):
    folder.write(
        "0001_x",
        "create function one() returns int language plpgsql as $$ begin return 1; end $$;\n"
        "create function two() returns int begin atomic select 1; select 2; end;\n"
        "comment on function one() is 'a; b';",
    )
    folder.migrator().up()
    assert query(folder.url, "select one(), two()") == [(1, 2)]


def test_dependencies_come_first(folder):
    folder.write("0001_x", "-- depends: 0002_y\ncreate table x as select * from y;")
    folder.write("0002_y", "create table y (a int);")
    assert names(folder.migrator().up()) == ["0002_y", "0001_x"]
    folder.write("0003_z", "-- depends: 0009_nowhere\nselect 1;")
    assert "0003_z.sql" in refused(folder.migrator().status)


def test_folders_with_the_same_names_keep_their_own_dependencies(folder, tmp_path, databases):
    other = tmp_path / "other"
    for path in (folder.path, other):
        path.mkdir(exist_ok=True)
        (path / "0001_x.sql").write_text("-- depends: 0002_y\nselect 1;")
        (path / "0002_y.sql").write_text("select 1;")
    with databases.database() as url:
        assert names(Migrator(url, other).up()) == names(folder.migrator().up())


def test_python_migrations_run_in_the_same_transaction(folder, query):
    (folder.path / "0001_x.py").write_text(
        "from yoyo import step\n"
        "def fill(connection):\n"
        "    connection.cursor().execute('insert into a values (1)')\n"
        "step('create table a (x int)', 'drop table a')\n"
        "step(fill)\n"
        "step('insert into nowhere values (1)', ignore_errors='apply')\n"
    )
    (folder.path / "0002_y.py").write_text(
        "from yoyo import step\n"
        "def fail(connection):\n"
        "    raise ValueError('no such luck')\n"
        "step('create table b (x int)')\n"
        "step(fail)\n"
    )
    message = refused(folder.migrator().up)
    assert "0002_y.py: ValueError: no such luck" in message
    assert query(folder.url, "select x from a") == [(1,)]
    assert query(folder.url, TABLES) == [("a",)]
    (folder.path / "0002_y.py").unlink()
    assert names(folder.migrator().down()) == ["0001_x"]
    assert query(folder.url, TABLES) == []


def test_a_post_apply_file_runs_after_each_up_that_did_something(two, query):
    two.write("post-apply", "create table if not exists hook (x int); insert into hook values (1);")
    two.migrator().up(to="0001")
    two.migrator().up()
    two.migrator().up()
    assert query(two.url, "select count(*) from hook") == [(2,)]


def test_a_statement_outside_a_transaction(folder, query):
    folder.write("0001_x", "create table a (x int);")
    folder.write(
        "0002_y",
        "-- transactional: false\ncreate index concurrently i on a (x);\n"
        "create index concurrently j on a (x);",
        "drop index concurrently i; drop index concurrently j;",
    )
    folder.migrator().up()
    assert query(folder.url, TABLES) == [("a",), ("i",), ("j",)]
    folder.migrator().down()
    assert query(folder.url, TABLES) == [("a",)]


def test_a_statement_that_needs_to_be_outside_a_transaction_is_told_how(folder):
    folder.write("0001_x", "create table a (x int); create index concurrently i on a (x);")
    assert "-- transactional: false" in refused(folder.migrator().up)


# --- what is refused ------------------------------------------------------------------------------


def test_an_edited_migration_is_refused(two, query):
    migrator = two.migrator()
    migrator.up(to="0001")
    two.write("0001_first", "create table a (x bigint);")
    message = refused(migrator.up)
    assert "0001_first.sql: was edited after it was applied" in message
    assert query(two.url, TABLES) == [("a",)]
    assert states(migrator)[0] == ("0001_first", "edited")
    assert "was edited" in refused(migrator.down)
    migrator.resolve("0001", applied=True)
    assert names(migrator.up()) == ["0002_second"]


def test_line_endings_are_not_an_edit(two):
    migrator = two.migrator()
    migrator.up(to="0001")
    path = two.path / "0001_first.sql"
    before = fingerprint(two.path)
    path.write_bytes(path.read_bytes().replace(b";", b";\r\n"))
    assert states(migrator)[0] == ("0001_first", "edited")
    path.write_bytes(b"create table a (x int);")
    assert states(migrator)[0] == ("0001_first", "applied")
    for ending in ("\n", "\r\n"):
        path.write_bytes(f"-- a{ending}create table a (x int);{ending}".encode())
        after = fingerprint(two.path)
    path.write_bytes(b"-- a\ncreate table a (x int);\n")
    assert fingerprint(two.path) == after != before


def test_a_deleted_migration_is_refused(two):
    migrator = two.migrator()
    migrator.up()
    (two.path / "0001_first.sql").unlink()
    assert "its file is gone" in refused(migrator.up)
    assert states(migrator) == [("0001_first", "deleted"), ("0002_second", "applied")]
    assert "its file is gone" in refused(migrator.down, 2)
    migrator.resolve("0001_first", applied=False)
    assert migrator.up() == []


def test_a_late_migration_is_refused_unless_allowed(two):
    migrator = two.migrator()
    migrator.up()
    two.write("0001_forgotten", "create table c (x int);")
    message = refused(migrator.up)
    assert "0001_forgotten.sql: not applied, but one that comes after it is" in message
    assert "0003_" in message
    assert ("0001_forgotten", "late") in states(migrator)
    assert names(migrator.up(allow_late=True)) == ["0001_forgotten"]


def test_all_troubles_are_told_at_once(two):
    migrator = two.migrator()
    migrator.up()
    two.write("0001_first", "select 2;")
    (two.path / "0002_second.sql").unlink()
    message = refused(migrator.up)
    assert "was edited" in message
    assert "is gone" in message


def test_without_a_rollback_nothing_is_undone(two, query):
    (two.path / "0001_first.rollback.sql").unlink()
    migrator = two.migrator()
    migrator.up()
    assert "there is no 0001_first.rollback.sql" in refused(migrator.down, 2)
    (two.path / "0001_first.rollback.sql").write_text("-- to be written\n")
    assert "holds no statement" in refused(migrator.down, 2)
    assert query(two.url, TABLES) == [("a",), ("b",)]


@pytest.mark.parametrize("sql", ["commit;", "BEGIN; select 1;", "select 1;\nrollback;"])
def test_a_migration_may_not_end_its_transaction(folder, sql):
    folder.write("0001_x", sql)
    assert "in a migration" in refused(folder.migrator().up)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("-- only a comment\n", "0001_x.sql: holds no statement"),
        ("-- transactional: no\nselect 1;", "0001_x.sql: `-- transactional:`"),
        ("select 'open;", "0001_x.sql:1:8: unterminated quoted string"),
        ("copy pg_class from stdin;", "0001_x.sql:1: a migration has no stdin"),
    ],
)
def test_a_bad_file_is_named(folder, sql, message):
    folder.write("0001_x", sql)
    assert message in refused(folder.migrator().up)


def test_a_file_that_is_not_utf8_is_named(folder):
    (folder.path / "0001_x.sql").write_bytes(b"select '\xff';")
    assert "0001_x.sql: is not UTF-8" in refused(folder.migrator().up)


def test_a_folder_that_is_not_there_is_named(folder):
    missing = folder.path / "nowhere"
    assert str(missing) in refused(Migrator(folder.url, missing).up)
    assert str(missing) in refused(fingerprint, missing)


def test_a_name_that_is_nearly_right_gets_a_suggestion(two):
    assert "did you mean 0002_second?" in refused(two.migrator().up, to="0002_secnd")
    assert "did you mean 0001_first or 0002_second?" in refused(two.migrator().up, to="000")
    assert two.migrator().up(to="0002")


def test_an_unreachable_database_is_said_without_the_password(two):
    migrator = Migrator("postgresql://bob:s3cr3tpw@127.0.0.1:1/shop", two.path)
    with pytest.raises(PostgresError, match=r"can't connect to 127\.0\.0\.1:1") as caught:
        migrator.up()
    assert "s3cr3tpw" not in str(caught.value)


# --- baseline, new, fingerprint, apply_all --------------------------------------------------------


def test_baseline_takes_a_database_over_once(two, query):
    apply_all(two.url, two.path)
    query(two.url, f"drop schema {BOOKKEEPING_SCHEMA} cascade")
    assert two.migrator().baseline(to="0001") == ["0001_first"]
    assert states(two.migrator()) == [("0001_first", "applied"), ("0002_second", "pending")]
    assert "has a history" in refused(two.migrator().baseline)


def test_baseline_takes_over_what_yoyo_noted(two, query):
    yoyo = pytest.importorskip("yoyo")
    backend = yoyo.get_backend(two.url.replace("postgresql:", "postgresql+psycopg:"))
    found = yoyo.read_migrations(str(two.path))
    backend.apply_migrations(found[:1])
    backend.connection.close()
    assert "salacia migrate baseline" in refused(two.migrator().up)
    assert two.migrator().baseline() == ["0001_first"]
    assert names(two.migrator().up()) == ["0002_second"]


def test_resolve_is_refused_where_nothing_is_in_doubt(two):
    two.migrator().up(to="0001")
    for applied in (True, False):
        assert "nothing to resolve" in refused(two.migrator().resolve, "0001", applied=applied)
        assert "nothing to resolve" in refused(two.migrator().resolve, "0002", applied=applied)


def test_new_makes_the_next_number_and_a_rollback(two):
    path, rollback = two.migrator().new("  Add Größe & due-date! ")
    assert path.name == "0003_add_gr_e_due_date.sql"
    assert rollback.name == "0003_add_gr_e_due_date.rollback.sql"
    assert states(two.migrator())[2] == ("0003_add_gr_e_due_date", "pending")
    assert "holds no statement" in refused(two.migrator().up)
    assert "gives no file name" in refused(two.migrator().new, "!?")


def test_new_begins_in_an_empty_folder(tmp_path):
    path, _ = Migrator("postgresql:///unused", tmp_path / "m").new("init")
    assert path.name == "0001_init.sql"


def test_the_fingerprint_is_of_the_migrations_alone(two):
    before = fingerprint(two.path)
    two.write("0001_first", (two.path / "0001_first.sql").read_text(), "drop table a cascade;")
    (two.path / "README.md").write_text("hello")
    assert fingerprint(two.path) == before
    two.write("0002_second", "create table b (x bigint);")
    edited = fingerprint(two.path)
    assert edited != before
    (two.path / "0002_second.sql").rename(two.path / "0002_other.sql")
    assert fingerprint(two.path) != edited


def test_the_projects_own_migrations_go_up_down_and_up(
    databases: ScratchDatabases, tmp_path, query
):
    ours = Path(__file__).parents[2] / "migrations"
    shutil.copytree(ours, tmp_path / "migrations")
    everything = (
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = relnamespace "
        "where n.nspname !~ '^pg_|information_schema|salacia_migrations' order by 1, 2"
    )
    with databases.database() as url:
        migrator = Migrator(url, tmp_path / "migrations")
        migrator.up()
        full = query(url, everything)
        migrator.down(1000)
        assert query(url, everything) == []
        migrator.up()
        assert query(url, everything) == full
