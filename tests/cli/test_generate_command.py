"""`salacia generate` as a user runs it: statuses, what it writes, and what it leaves alone."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import FLAGS, Folder, as_ordinary_user

ROOT = Path(__file__).parents[2]


def test_two_files_in_a_bare_folder_become_a_package(bare: Folder):
    result = bare.salacia("generate", *FLAGS)

    assert result == (0, "app: 3 queries, 6 files changed\n", "")
    assert set(bare.tree().contents) == {
        *("schema.sql", "customers.sql"),
        *(f"app/{name}" for name in ("__init__.py", "database.py", "models.py", "py.typed")),
        *("app/customers.py", "app/tables.py"),
    }


def test_pyproject_says_what_flags_say(bare: Folder, project: Folder):
    assert project.salacia("generate").status == 0
    by_settings = project.tree().contents
    (project.path / "pyproject.toml").unlink()
    assert project.salacia("generate", "--check", *FLAGS).status == 0
    assert "app/customers.py" in by_settings


def test_flags_win_over_pyproject(project: Folder):
    project.write("other.sql", "create table customers (id int primary key, name text);")
    project.write("others/of.sql", "-- name: all :many\nselect * from customers;\n")
    flags = ("--schema", "other.sql", "--queries", "others", "--out", "elsewhere/other")

    assert project.salacia("generate", *flags).status == 0
    assert "id: int" in project.read("elsewhere/other/models.py")
    assert not (project.path / "app").exists()


def test_paths_in_pyproject_start_at_the_file_and_flags_at_the_folder(project: Folder):
    below = Folder(project.path / "deep" / "below")
    below.write("own.sql", "-- name: all :many\nselect * from customers;\n")

    assert below.salacia("generate", "--queries", "own.sql").status == 0
    assert (project.path / "app" / "own.py").exists()
    assert set(below.tree().contents) == {"own.sql"}


def test_generating_again_touches_nothing(project: Folder):
    project.salacia("generate")
    before = project.tree()
    time.sleep(0.01)

    assert project.salacia("generate") == (0, "app: current, 3 queries\n", "")
    assert project.tree() == before


def test_the_same_input_gives_the_same_bytes(project: Folder, tmp_path: Path):
    project.salacia("generate")
    first = project.tree().contents
    again = Folder(tmp_path / "again")
    for name in ("schema.sql", "customers.sql", "pyproject.toml"):
        again.write(name, first[name])
    # In another process strings hash differently and sets have another order.
    script = "import sys; from salacia_db.cli import main; sys.exit(main(sys.argv[1:]))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7"}
    environment["XDG_CACHE_HOME"] = str(tmp_path / "other_cache")
    done = subprocess.run(
        [sys.executable, "-c", script, "generate"],
        cwd=again.path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert again.tree().contents == first


def test_only_what_changed_is_written_and_orphans_go(project: Folder):
    project.write("more/orders.sql", "-- name: one :one\nselect 1 as one;\n")
    project.replace("pyproject.toml", '["customers.sql"]', '["customers.sql", "more"]')
    project.salacia("generate")
    before = project.tree()
    project.replace("pyproject.toml", '["customers.sql", "more"]', '["customers.sql"]')
    project.replace("customers.sql", "One customer.", "A customer.")

    assert project.salacia("generate").out == "app: 3 queries, 3 files changed\n"
    after = project.tree()
    assert "app/orders.py" not in after.contents
    changed = {n for n in after.written if after.written[n] != before.written.get(n)}
    assert changed == {"pyproject.toml", "customers.sql", "app/customers.py", "app/database.py"}


def test_check_says_what_is_stale_and_writes_nothing(project: Folder):
    assert project.salacia("generate", "--check").status == 1
    assert not (project.path / "app").exists()
    project.salacia("generate")
    assert project.salacia("generate", "--check") == (0, "app: current\n", "")

    project.replace("schema.sql", "nickname text", "nickname text, born date")
    before = project.tree()
    result = project.salacia("generate", "--check")

    assert result.status == 1
    assert "--- app/models.py\n+++ app/models.py (generated)\n" in result.out
    assert "\n+    born: date | None\n" in result.out
    assert result.err == "app is not what `salacia generate` writes today; run it\n"
    assert project.tree() == before


def test_check_sees_a_file_that_somebody_edited_and_one_that_is_gone(project: Folder):
    project.salacia("generate")
    project.replace("app/customers.py", "One customer.", "Edited.")
    (project.path / "app" / "models.py").unlink()

    result = project.salacia("generate", "--check")

    assert result.status == 1
    assert '-        """Edited.\n' in result.out
    assert "+class Customer(" in result.out


@pytest.mark.parametrize("generated", [False, True])
def test_a_failure_writes_nothing(project: Folder, generated: bool):
    if generated:
        project.salacia("generate")
    project.replace("customers.sql", "select id,", "select idd,")
    project.replace("schema.sql", "nickname text", "nickname text, born date")
    before = project.tree()

    result = project.salacia("generate")

    assert result.status == 1
    assert result.out == ""
    assert result.err.startswith('customers.sql:7:8: error: column "idd" does not exist\n')
    assert result.err.endswith("1 error; nothing was written\n")
    assert project.tree() == before


def test_a_check_with_a_failure_shows_the_failure(project: Folder):
    project.replace("customers.sql", "select id,", "select idd,")
    result = project.salacia("generate", "--check")
    assert (result.status, result.out) == (1, "")
    assert "did you mean `id`?" in result.err


def test_a_mended_query_is_fine_though_its_failure_was_cached(project: Folder):
    project.replace("customers.sql", "select id,", "select idd,")
    assert project.salacia("generate").status == 1
    assert project.salacia("generate").status == 1
    project.replace("customers.sql", "select idd,", "select id,")
    assert project.salacia("generate").status == 0


def test_a_place_moves_with_its_line_though_the_statement_was_cached(project: Folder):
    project.replace("customers.sql", "select id,", "select idd,")
    assert project.salacia("generate").err.startswith("customers.sql:7:8:")
    project.write("customers.sql", "-- A line more.\n" + project.read("customers.sql"))
    assert project.salacia("generate").err.startswith("customers.sql:8:8:")


def test_a_warning_is_no_failure(project: Folder):
    project.write("sqlc.yaml", "version: 2\n")
    project.write("customers.sql", "-- name: Any :one\nselect * from customers;\n")
    result = project.salacia("generate")
    assert result.status == 0
    assert ": warning: :one may return several rows" in result.err


def test_wrong_usage_is_status_2(bare: Folder):
    assert bare.salacia("generate", "--no-such-flag").status == 2
    assert bare.salacia().status == 2
    assert bare.salacia("genrate").status == 2
    assert bare.salacia("--help").status == 0
    for command in ("generate", "describe", "migrate"):
        assert bare.salacia(command, "--help").status == 0


def test_line_ends_and_a_byte_order_mark_change_nothing(project: Folder):
    project.salacia("generate")
    for name in ("schema.sql", "customers.sql"):
        project.write(name, "\ufeff" + project.read(name).replace("\n", "\r\n"))
    assert project.salacia("generate", "--check") == (0, "app: current\n", "")


def test_the_working_folder_may_be_anywhere(project: Folder):
    (project.path / "deep").mkdir()
    assert Folder(project.path / "deep").salacia("generate").status == 0
    assert (project.path / "app").is_dir()


def test_nothing_is_kept_where_no_cache_can_be(project: Folder, monkeypatch: pytest.MonkeyPatch):
    from salacia_db.codegen import pipeline

    monkeypatch.setattr(pipeline, "cache_folder", lambda: None)
    assert project.salacia("generate").status == 0
    assert project.salacia("generate", "--check").status == 0


def test_a_damaged_cache_is_no_cache(project: Folder, cache: Path):
    project.salacia("generate")
    kept = list((cache / "salacia").glob("analysis-*"))
    assert kept
    for file in kept:
        file.write_bytes(b"\xc1 garbage" + file.read_bytes()[:50])
    assert project.salacia("generate", "--check").status == 0


@pytest.fixture
def reachable(project: Folder) -> Iterator[Folder]:
    """The project where everybody may go: pytest's own folders are private."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(project.path, folder, dirs_exist_ok=True)
        Path(folder).chmod(0o755)
        yield Folder(Path(folder))


@pytest.mark.parametrize(
    ("name", "mode", "complaint"),
    [
        ("customers.sql", 0o000, "error: customers.sql can't be read: Permission denied"),
        ("schema.sql", 0o000, "error: schema.sql can't be read: Permission denied"),
        ("pyproject.toml", 0o000, "error: Permission denied: "),
        ("sql", 0o000, "error: Permission denied: "),
        ("app", 0o555, "error: Permission denied: "),
    ],
)
def test_permission_denied_is_told_without_a_traceback(
    reachable: Folder, name: str, mode: int, complaint: str
):
    project = reachable
    if name == "sql":
        project.write("sql/more.sql", "-- name: one :one\nselect 1 as one;\n")
        project.replace("pyproject.toml", '["customers.sql"]', '["customers.sql", "sql"]')
    if name.startswith("app"):
        project.salacia("generate")
        project.replace("customers.sql", "One customer.", "A customer.")
    path = project.path / name
    path.chmod(mode)
    try:
        result = as_ordinary_user(lambda: project.salacia("generate"))
    finally:
        path.chmod(0o755)
    assert result.status == 1
    assert complaint in result.err


def test_nothing_is_asked_of_a_server_where_nothing_changed(
    project: Folder, monkeypatch: pytest.MonkeyPatch
):
    from salacia_db.postgres import scratch

    def refuse(url: str | None = None) -> None:
        raise AssertionError("a server was wanted")

    project.salacia("generate")
    # What is known of a statement doesn't depend on where it stands, nor on its neighbours.
    project.write(
        "customers.sql", "\n\n" + project.read("customers.sql").partition("-- name: re")[0]
    )
    monkeypatch.setattr(scratch, "scratch_database", refuse)
    assert project.salacia("generate").out == "app: 2 queries, 1 file changed\n"
    assert project.salacia("describe").status == 0
