"""Claims about the command: a folder each under tests/golden, from what was written to what came.

A folder holds schema.sql and queries/, or whatever its own pyproject.toml names, and then

- `expected/`, those of the generated files that the claim is about, byte for byte; or
- `expected.txt`, exactly what `salacia generate` prints on standard error; or both.

`python tests/codegen/claims.py [CLAIM…]` rewrites what is expected: read the diff before you
commit it. In `expected/` only the files that are there already are rewritten; a claim that has
neither gets all that came, for you to delete what it isn't about.
"""

import contextlib
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from salacia_db.cli import main
from salacia_db.codegen import pipeline

CLAIMS = Path(__file__).parents[1] / "golden"
FLAGS = ("--schema", "schema.sql", "--queries", "queries", "--out", "app")
_EXPECTED = shutil.ignore_patterns("expected", "expected.txt", "__pycache__")


class Outcome(NamedTuple):
    """What the command did: its exit status, what it said, and the folder's files afterwards."""

    status: int
    said: str
    files: dict[str, str]


def names() -> list[str]:
    """The claims."""
    return sorted(folder.name for folder in CLAIMS.iterdir() if folder.is_dir())


def run(name: str, folder: Path) -> Outcome:
    """Generate a claim's package in the folder, which is empty or doesn't exist."""
    shutil.copytree(CLAIMS / name, folder, ignore=_EXPECTED, dirs_exist_ok=True)
    flags = () if (folder / "pyproject.toml").exists() else FLAGS
    said = io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stderr(said),
        contextlib.redirect_stdout(io.StringIO()),
        # Else what was known of a claim yesterday would be today's answer.
        patch.object(pipeline, "cache_folder", lambda: None),
    ):
        status = main(["generate", *flags])
    return Outcome(status, said.getvalue(), contents(folder))


def contents(folder: Path) -> dict[str, str]:
    """All files of a folder with their texts."""
    return {
        file.relative_to(folder).as_posix(): file.read_text("utf-8", "surrogateescape")
        for file in sorted(folder.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    }


def given(name: str) -> dict[str, str]:
    """What a person wrote: the claim's files without what is expected."""
    return {
        path: text
        for path, text in contents(CLAIMS / name).items()
        if path != "expected.txt" and not path.startswith("expected/")
    }


def package(name: str, outcome: Outcome) -> dict[str, str]:
    """The generated package's files; empty where nothing was written."""
    new = [path for path, text in outcome.files.items() if given(name).get(path) != text]
    if not new:
        return {}
    root = os.path.commonpath([os.path.dirname(path) for path in new])
    return {os.path.relpath(path, root): outcome.files[path] for path in new}


def expected(name: str) -> dict[str, str]:
    """The files that the claim is about; empty for an error."""
    folder = CLAIMS / name / "expected"
    return contents(folder) if folder.is_dir() else {}


def expected_text(name: str) -> str:
    """What the command says."""
    file = CLAIMS / name / "expected.txt"
    return file.read_text("utf-8") if file.exists() else ""


def rewrite(name: str) -> None:
    """Make what comes the expectation."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(name, Path(folder))
        came = package(name, outcome)
    wanted = expected(name) or came
    for path in wanted:
        target = CLAIMS / name / "expected" / path
        if path in came:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(came[path], "utf-8")
        else:
            target.unlink()
    text = CLAIMS / name / "expected.txt"
    if outcome.said:
        text.write_text(outcome.said, "utf-8")
    else:
        text.unlink(missing_ok=True)


if __name__ == "__main__":
    for claim in sys.argv[1:] or names():
        rewrite(claim)
