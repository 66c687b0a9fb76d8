"""Files: only ours are touched, only changes are written, nothing leaves the folder."""

import os
from pathlib import Path

import pytest

from salacia_db.codegen.emit import File, diff, write
from salacia_db.codegen.emit.files import HEADER

ONE = File("one.py", f"{HEADER}\nx = 1\n")
TWO = File("inner/two.py", f"{HEADER}\ny = 2\n")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "generated" / "shop"


def content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_files_are_written_with_their_folders(out: Path):
    assert write([ONE, TWO], out) == (["inner/two.py", "one.py"], [])
    assert content(out) == {ONE.path: ONE.text, TWO.path: TWO.text}
    assert (out / "one.py").stat().st_mode & 0o777 == 0o666 & ~_umask()


def test_nothing_is_written_when_nothing_changed(out: Path):
    write([ONE, TWO], out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.py")}
    assert write([ONE, TWO], out) == ([], [])
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.py")} == before


def test_only_what_changed_is_written(out: Path):
    write([ONE, TWO], out)
    changed = File("one.py", f"{HEADER}\nx = 2\n")
    assert write([changed, TWO], out) == (["one.py"], [])
    assert content(out)["one.py"] == changed.text


def test_orphans_of_ours_are_removed_with_their_folders(out: Path):
    write([ONE, TWO], out)
    (out / "inner" / "__pycache__").mkdir()
    (out / "inner" / "__pycache__" / "two.pyc").write_bytes(b"x")
    assert write([ONE], out) == (["inner/two.py"], [])
    assert content(out) == {ONE.path: ONE.text}
    assert not (out / "inner").exists()


def test_a_strangers_file_stays(out: Path):
    write([ONE], out)
    (out / "notes.py").write_text("mine = True\n")
    (out / "data.bin").write_bytes(b"\xff\xfe")
    assert write([TWO], out) == (["inner/two.py", "one.py"], [])
    assert sorted(p.name for p in out.iterdir()) == ["data.bin", "inner", "notes.py"]


def test_a_strangers_file_in_the_way_is_a_problem_and_nothing_is_written(out: Path):
    write([ONE], out)
    (out / "inner").mkdir()
    (out / "inner" / "two.py").write_text("mine = True\n")
    changed = File("one.py", f"{HEADER}\nx = 2\n")
    written, (problem,) = write([changed, TWO], out)
    assert not written
    assert "inner/two.py was not written by salacia" in problem.message
    assert content(out) == {ONE.path: ONE.text, TWO.path: "mine = True\n"}


def test_a_folder_of_somebody_else_is_refused(out: Path):
    out.mkdir(parents=True)
    (out / "manage.py").write_text("mine = True\n")
    written, (problem,) = write([ONE], out)
    assert not written
    assert "none that salacia has written" in problem.message
    assert content(out) == {"manage.py": "mine = True\n"}


def test_no_files_at_all_remove_nothing(out: Path):
    write([ONE], out)
    written, (problem,) = write([], out)
    assert not written
    assert problem.message == "nothing was generated"
    assert content(out) == {ONE.path: ONE.text}


def test_an_empty_folder_is_taken(out: Path):
    out.mkdir(parents=True)
    assert write([ONE], out) == (["one.py"], [])


def test_a_file_instead_of_the_folder_is_a_problem(out: Path):
    out.parent.mkdir()
    out.write_text("")
    assert "is a file" in write([ONE], out)[1][0].message


@pytest.mark.parametrize("path", ["../one.py", "inner/../../one.py", "/tmp/one.py", "."])
def test_a_path_that_leaves_the_folder_is_a_problem(out: Path, path: str):
    written, (problem,) = write([ONE, File(path, ONE.text)], out)
    assert not written
    assert "outside of shop" in problem.message
    assert not out.exists()


def test_a_link_that_leaves_the_folder_is_a_problem(out: Path, tmp_path: Path):
    write([ONE], out)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (out / "inner").symlink_to(elsewhere)
    written, (problem,) = write([ONE, TWO], out)
    assert not written
    assert "outside of shop" in problem.message
    assert not list(elsewhere.iterdir())


def test_a_link_to_a_file_elsewhere_is_not_followed(out: Path, tmp_path: Path):
    write([TWO], out)
    target = tmp_path / "target.py"
    target.write_text("mine = True\n")
    (out / "one.py").symlink_to(target)
    assert write([ONE, TWO], out)[1]
    assert target.read_text() == "mine = True\n"
    assert write([TWO], out) == ([], [])
    assert (out / "one.py").is_symlink()


def test_the_folder_itself_may_be_a_link(out: Path, tmp_path: Path):
    real = tmp_path / "real"
    real.mkdir()
    out.parent.mkdir()
    out.symlink_to(real)
    assert write([ONE], out) == (["one.py"], [])
    assert content(real) == {ONE.path: ONE.text}


def test_a_failure_leaves_the_old_file_and_no_other(out: Path, monkeypatch: pytest.MonkeyPatch):
    write([ONE], out)

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        write([File("one.py", f"{HEADER}\nx = 2\n")], out)
    assert content(out) == {ONE.path: ONE.text}


def test_a_diff_shows_changes_new_files_and_orphans(out: Path):
    write([ONE, TWO], out)
    assert diff([ONE, TWO], out) == ("", [])
    text, problems = diff([File("one.py", f"{HEADER}\nx = 2\n"), File("new.py", "z\n")], out)
    assert not problems
    for line in ("-x = 1", "+x = 2", "-y = 2", "+z", "--- shop/one.py"):
        assert f"{line}\n" in text
    assert content(out) == {ONE.path: ONE.text, TWO.path: TWO.text}


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_name_that_no_file_can_have_is_a_problem_and_nothing_is_written(out: Path):
    written, (problem,) = write([ONE, File(f"{'x' * 300}.py", ONE.text)], out)
    assert not written
    assert "too long for the name of a file" in problem.message
    assert not out.exists()
    long = File(f"{'x' * 252}.py", ONE.text)
    assert write([long], out) == ([long.path], [])


def test_links_that_lead_to_each_other_are_a_problem(out: Path):
    write([TWO], out)
    (out / "one.py").symlink_to(out / "other.py")
    (out / "other.py").symlink_to(out / "one.py")
    written, (problem,) = write([ONE, TWO], out)
    assert not written
    assert "outside of shop" in problem.message


def test_what_a_link_for_compiled_files_leads_to_stays(out: Path, tmp_path: Path):
    write([ONE, TWO], out)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "thesis.txt").write_text("mine")
    ((out / TWO.path).parent / "__pycache__").symlink_to(elsewhere)
    assert write([ONE], out) == ([TWO.path], [])
    assert not (out / TWO.path).parent.exists()
    assert (elsewhere / "thesis.txt").read_text() == "mine"
