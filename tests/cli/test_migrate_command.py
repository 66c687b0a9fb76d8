"""`salacia migrate` as a user runs it: what it prints, what it does, with what status it ends."""

import psycopg
import pytest
from commands import Folder


@pytest.fixture
def migrations(empty: Folder, database: str, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A folder with three migrations, and DATABASE_URL for them."""
    monkeypatch.setenv("DATABASE_URL", database)
    for number, table in enumerate("abc", 1):
        name = f"migrations/000{number}_{table}"
        empty.write(f"{name}.sql", f"create table {table} (id int primary key);")
        empty.write(f"{name}.rollback.sql", f"drop table {table};")
    return empty


@pytest.fixture
def tables(database: str):
    """The tables that there are."""

    def ask() -> str:
        with psycopg.connect(database) as connection:
            sql = "select relname from pg_class where relnamespace = 'public'::regnamespace"
            rows = connection.execute(f"{sql} and relkind = 'r' order by 1")
            return "".join(row[0] for row in rows)

    return ask


def states(folder: Folder) -> list[list[str]]:
    """What `status` prints, cut at its columns."""
    result = folder.salacia("migrate", "status")
    assert (result.status, result.err) == (0, "")
    return [line.rsplit("  ", 1) for line in result.out.splitlines()]


def test_up_down_and_status(migrations: Folder, tables):
    assert [state.strip() for state, _ in states(migrations)] == ["pending"] * 3

    result = migrations.salacia("migrate", "up", "--to", "0002_b")
    assert (result.status, result.err) == (0, "")
    assert [line.split()[:2] for line in result.out.splitlines()] == [
        ["applied", "0001_a"],
        ["applied", "0002_b"],
    ]
    assert [state.strip() for state, _ in states(migrations)] == ["applied", "applied", "pending"]
    assert tables() == "ab"

    assert migrations.salacia("migrate", "up").status == 0
    again = migrations.salacia("migrate", "up")
    assert again == (0, "nothing to do: every migration is applied\n", "")
    assert tables() == "abc"

    result = migrations.salacia("migrate", "down")
    assert (result.status, result.out.split()[:2]) == (0, ["undone", "0003_c"])
    assert migrations.salacia("migrate", "down", "--steps", "2").status == 0
    assert tables() == ""
    assert migrations.salacia("migrate", "down") == (0, "nothing to undo\n", "")


def test_down_to_a_name(migrations: Folder, tables):
    migrations.salacia("migrate", "up")
    assert migrations.salacia("migrate", "down", "--to", "0001_a").status == 0
    assert tables() == "a"


def test_a_flag_names_the_database_too(migrations: Folder, database: str, monkeypatch, tables):
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/none")
    assert migrations.salacia("migrate", "up", "--database-url", database).status == 0
    assert tables() == "abc"


def test_a_failure_undoes_its_migration_and_keeps_those_before(migrations: Folder, tables):
    migrations.write("migrations/0002_b.sql", "create table b (id int);\ncreate table b (id itn);")

    result = migrations.salacia("migrate", "up")

    assert result.status == 1
    assert result.out.split()[:2] == ["applied", "0001_a"]
    assert result.err == ('error: migrations/0002_b.sql:2:20: type "itn" does not exist\n')
    assert tables() == "a"
    assert [state.strip() for state, _ in states(migrations)] == ["applied", "pending", "pending"]


def test_an_edited_migration_is_refused_until_it_is_resolved(migrations: Folder, tables):
    migrations.salacia("migrate", "up", "--to", "0002_b")
    migrations.write("migrations/0001_a.sql", "create table a (id bigint primary key);")

    result = migrations.salacia("migrate", "up")
    assert result.status == 1
    assert "0001_a" in result.err
    assert "hint: " in result.err
    assert tables() == "ab"
    assert states(migrations)[0][0].strip() == "edited"

    assert migrations.salacia("migrate", "resolve", "0001_a", "--not-applied").status == 1
    resolved = migrations.salacia("migrate", "resolve", "0001_a", "--applied")
    assert resolved == (0, "0001_a counts as applied now\n", "")
    assert migrations.salacia("migrate", "up").status == 0
    assert tables() == "abc"


def test_a_late_migration_is_refused_unless_it_is_allowed(migrations: Folder, tables):
    migrations.salacia("migrate", "up")
    migrations.write("migrations/0002_aa.sql", "create table aa (id int);")
    assert migrations.salacia("migrate", "up").status == 1
    assert migrations.salacia("migrate", "up", "--allow-late").status == 0
    assert tables() == "aaabc"


def test_new_makes_files_that_come_next(migrations: Folder):
    result = migrations.salacia("migrate", "new", "add_due_date")

    assert result.status == 0
    made = [line.removeprefix("made ") for line in result.out.splitlines()]
    assert [name.rsplit("/", 1)[1] for name in made] == [
        "0004_add_due_date.sql",
        "0004_add_due_date.rollback.sql",
    ]
    migrations.salacia("migrate", "new", "../Some escape!")
    assert (migrations.path / "migrations" / "0005_some_escape.sql").exists()
    before = migrations.tree()
    assert migrations.salacia("migrate", "new", "").status == 1
    assert migrations.tree() == before


def test_new_needs_no_database(migrations: Folder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DATABASE_URL")
    assert migrations.salacia("migrate", "new", "more").status == 0


def test_baseline_enters_without_running(migrations: Folder, tables, database: str):
    with psycopg.connect(database) as connection:
        connection.execute("create table a (id int); create table b (id int)")

    result = migrations.salacia("migrate", "baseline", "--to", "0002_b")

    assert result == (0, "entered 0001_a\nentered 0002_b\n", "")
    assert migrations.salacia("migrate", "up").status == 0
    assert tables() == "abc"
    again = migrations.salacia("migrate", "baseline")
    assert again.status == 1
    assert "has a history of migrations already" in again.err


def test_what_is_missing_is_named(empty: Folder, database: str):
    assert empty.salacia("migrate", "up", "--database-url", database) == (
        1,
        "",
        "error: there is no folder of migrations at migrations; name it with --migrations\n",
    )
    (empty.path / "migrations").mkdir()
    result = empty.salacia("migrate", "up")
    assert result == (
        1,
        "",
        "error: no database is named; set DATABASE_URL or give --database-url\n",
    )
    empty.write("pyproject.toml", f'[tool.salacia]\ndatabase-url = "{database}"\n')
    assert empty.salacia("migrate", "up").err == (
        "error: no database is named; set DATABASE_URL or give --database-url\n"
        "  hint: `database-url` in [tool.salacia] is where the generator works, "
        "not your application's database\n"
    )
    result = empty.salacia("migrate", "status", "--database-url", "postgresql://127.0.0.1:1/x")
    assert result.status == 1
    assert result.err.startswith("error: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("up", "--to", "nothing_like_it"),
        ("down", "--to", "nothing_like_it"),
        ("resolve", "nothing_like_it", "--applied"),
        ("resolve", "0001_a", "--applied"),
    ],
)
def test_a_name_that_is_no_migration(migrations: Folder, arguments: tuple[str, ...]):
    result = migrations.salacia("migrate", *arguments)
    assert (result.status, result.out) == (1, "")
    assert result.err.startswith("error: ")


@pytest.mark.parametrize(
    "arguments", [(), ("up", "--steps", "1"), ("down", "--steps", "0"), ("resolve", "0001_a")]
)
def test_wrong_usage(migrations: Folder, arguments: tuple[str, ...]):
    assert migrations.salacia("migrate", *arguments).status == 2


def test_migrations_of_settings_are_found_from_below(migrations: Folder):
    migrations.write("pyproject.toml", '[tool.salacia]\nmigrations = "migrations"\n')
    (migrations.path / "deep").mkdir()
    deep = Folder(migrations.path / "deep")
    assert deep.salacia("migrate", "up").status == 0
    # Paths are shown from where one stands.
    assert deep.salacia("migrate", "new", "third").out.startswith("made ../migrations/")
