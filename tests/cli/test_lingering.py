"""A server that stays for an editor's next question: the same answers, and an end to it."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import Folder

from salacia_db.codegen.analysis.cache import cache_key
from salacia_db.codegen.analysis.schema import SchemaFiles, fingerprint
from salacia_db.codegen.analysis.warm import Warm
from salacia_db.codegen.facts import SourceFile
from salacia_db.codegen.source import parse_file

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="the tests look processes up in /proc"
)
_LONG = "120"


class Editor:
    """Someone who asks in a folder again and again, each time in a process of its own."""

    def __init__(self, folder: Folder, cache: Path) -> None:
        self.folder = folder
        self.cache = cache

    def describe(self, linger: str, sql: str | None = None) -> dict[str, Any]:
        """What `salacia describe` says once the file ends in this statement."""
        if sql is not None:
            self.folder.write("mine.sql", f"-- name: mine :many\n{sql};\n")
        done = subprocess.run(
            [Path(sys.executable).with_name("salacia"), "describe", "--format", "json"],
            cwd=self.folder.path,
            env={**os.environ, "XDG_CACHE_HOME": str(self.cache), "SALACIA_LINGER": linger},
            capture_output=True,
            check=False,
        )
        assert done.stderr == b""
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    @property
    def sockets(self) -> list[Path]:
        """The sockets on which a process listens, or did."""
        return [p for p in self.cache.glob("salacia/warm-*") if "." not in p.name]

    def processes(self) -> list[int]:
        """The processes that were started with this cache, servers among them."""
        mark = os.fsencode(self.cache)
        found: list[int] = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
        return found

    def lingering(self) -> list[int]:
        """Those that listen, without their servers."""
        return [
            pid
            for pid in self.processes()
            if b"lingering" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    def wait(self, *, running: bool) -> None:
        """Until a process listens, or none is left. Nobody waits for ever."""
        for _ in range(600):
            if running and self.sockets:
                return
            if not running and not self.processes():
                return
            time.sleep(0.05)
        pytest.fail(f"{self.sockets} {self.processes()}")


@pytest.fixture
def editor(project: Folder) -> Iterator[Editor]:
    project.replace("pyproject.toml", '"customers.sql"', '"customers.sql", "mine.sql"')
    # A socket's path has to be short.
    cache = Path(tempfile.mkdtemp(prefix="ed-"))
    editor = Editor(project, cache)
    yield editor
    shutil.rmtree(cache)  # which ends whoever is still there
    editor.wait(running=False)


def test_the_answers_are_those_of_a_server_of_ones_own(editor: Editor) -> None:
    editor.describe(_LONG, "select name from customers")
    editor.wait(running=True)
    for sql in (
        "select nmae from customers",
        "select nickname, count(*) from customers group by 1",
        "select * from customers where nickname = :nickname",
        "select 'ä' as x, from customers",
    ):
        before = editor.lingering()
        warm = editor.describe(_LONG, sql)
        assert editor.lingering() == before
        shutil.rmtree(editor.cache / "other", ignore_errors=True)
        alone = Editor(editor.folder, editor.cache / "other")
        alone.cache.mkdir()
        assert warm == alone.describe("0")


def test_it_answers_itself(editor: Editor, monkeypatch: pytest.MonkeyPatch) -> None:
    editor.describe(_LONG, "select name from customers")
    editor.wait(running=True)
    text = editor.folder.read("schema.sql")
    source = SchemaFiles((SourceFile("schema.sql", text),))
    (statement,), _ = parse_file(
        SourceFile("a.sql", "-- name: a :many\nselect id from customers;\n"), "a", None, "salacia"
    )
    monkeypatch.chdir(editor.folder.path)
    key = cache_key(fingerprint(source, None) or "")
    answered = Warm(editor.cache / "salacia", key, source, 1).ask([statement])
    assert answered is not None
    assert answered[0].query is not None
    assert [column.nullable for column in answered[0].query.columns] == [False]


def test_only_its_owner_can_ask(editor: Editor) -> None:
    editor.describe(_LONG, "select name from customers")
    editor.wait(running=True)
    (socket,) = editor.sockets
    assert stat.S_IMODE(socket.stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE(socket.parent.stat().st_mode) & 0o077 == 0
    assert socket.parent.stat().st_uid == os.geteuid()


def test_it_ends_when_nobody_asks(editor: Editor) -> None:
    editor.describe("1", "select name from customers")
    editor.wait(running=True)
    editor.wait(running=False)
    assert editor.sockets == []


def test_another_schema_has_another_and_the_first_ends(editor: Editor) -> None:
    editor.describe(_LONG, "select name from customers")
    editor.wait(running=True)
    first = set(editor.processes())
    editor.folder.replace("schema.sql", "nickname text", "nickname text, age int")
    found = editor.describe(_LONG, "select age from customers")
    assert [c["py_type"] for c in found["queries"][-1]["columns"]] == ["int | None"]
    for _ in range(600):
        if not first & set(editor.processes()):
            break
        time.sleep(0.05)
    else:
        pytest.fail("the first is still there")
    assert editor.describe(_LONG, "select agee from customers")["problems"]


def test_its_server_ends_with_it_however_it_ends(editor: Editor) -> None:
    editor.describe(_LONG, "select name from customers")
    editor.wait(running=True)
    editor.describe(_LONG, "select id from customers")
    (pid,) = editor.lingering()
    os.kill(pid, signal.SIGKILL)
    editor.wait(running=False)
    # What it left is in nobody's way.
    assert len(editor.describe("0", "select name, id from customers")["queries"]) == 4


def test_nothing_stays_where_nothing_is_to_stay(editor: Editor) -> None:
    editor.describe("0", "select name from customers")
    assert editor.sockets == []
    assert editor.processes() == []


def test_a_time_that_is_none_is_refused(project: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALACIA_LINGER", "soon")
    result = project.salacia("describe")
    assert result.status == 1
    assert "SALACIA_LINGER is 'soon', which is no number of seconds" in result.err
