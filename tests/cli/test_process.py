"""The command as a process: its exit status for the shell, a pipe that closes, an interrupt."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from commands import FLAGS, Folder

import salacia_db.cli

ROOT = Path(__file__).parents[2]
_DATABASES = "select datname from pg_database order by 1"
_SLEEPERS = "select from pg_stat_activity where query = 'select pg_sleep(60)'"
SCRIPT = "import sys; from salacia_db.cli import main; sys.exit(main())"


def start(folder: Folder, *arguments: str) -> subprocess.Popen[str]:
    """The command as the console script starts it."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments],
        cwd=folder.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_exit_status_reaches_the_shell(bare: Folder):
    process = start(bare, "generate", *FLAGS)
    assert process.communicate() == ("app: 3 queries, 6 files changed\n", "")
    assert process.returncode == 0
    bare.replace("customers.sql", "select id,", "select idd,")
    process = start(bare, "generate", *FLAGS)
    out, err = process.communicate()
    assert (process.returncode, out) == (1, "")
    assert err.startswith("customers.sql:7:8: error: ")


def test_a_reader_that_leaves_is_no_error(bare: Folder):
    lines = "".join(f"-- name: q{n} :many\nselect * from customers;\n" for n in range(150))
    bare.write("customers.sql", lines)
    process = start(bare, "describe", "--format", "json", *FLAGS[:4])
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert said == ""


@pytest.mark.parametrize("debug", ["", "1"])
def test_an_interrupt_is_told_in_a_word(
    bare: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], debug: str
):
    def interrupted(options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setenv("SALACIA_DEBUG", debug)
    monkeypatch.setattr(salacia_db.cli.generate, "_generate", interrupted)
    assert salacia_db.cli.main(["generate"]) == 130
    assert capsys.readouterr() == ("", "interrupted\n")


def test_an_interrupted_run_leaves_nothing(bare: Folder, database: str):
    """Interrupted while a statement of the schema runs: no scratch database is left, no file."""
    bare.write("schema.sql", "select pg_sleep(60);")
    with psycopg.connect(database, autocommit=True) as connection:
        before = connection.execute(_DATABASES).fetchall()
        process = start(bare, "generate", "--database-url", database, *FLAGS)
        while not connection.execute(_SLEEPERS).fetchall():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (130, "", "interrupted\n")
        assert connection.execute(_DATABASES).fetchall() == before
    assert not (bare.path / "app").exists()
