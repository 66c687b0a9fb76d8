"""What the tests of the command share: a project in a folder, and what a command did there."""

import contextlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from salacia_db.cli import main

_NOBODY = 65534

SCHEMA = """
create table customers (
  id uuid primary key,
  name text not null,
  nickname text
);
"""
QUERIES = """\
-- name: get :one
-- One customer.
select * from customers where id = :id;

-- name: named :many
-- default: limit 20
select id, nickname from customers where name = :name limit :limit;

-- name: rename :exec
update customers set name = :name where id = :id;
"""
FLAGS = ("--schema", "schema.sql", "--queries", "customers.sql", "--out", "app")
SETTINGS = """
[tool.salacia]
package = "app"
out = "app"
schema = ["schema.sql"]
queries = ["customers.sql"]
"""


class Result(NamedTuple):
    """A command's exit status and what it printed."""

    status: int
    out: str
    err: str


class Tree(NamedTuple):
    """A folder's files: their bytes, and when each was written."""

    contents: dict[str, bytes]
    written: dict[str, int]


class Folder:
    """A folder in which a person works."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file, with the folders above it."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def replace(self, name: str, old: str, new: str) -> None:
        """Change a file's text."""
        text = (self.path / name).read_text("utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def read(self, name: str) -> str:
        """A file's text."""
        return (self.path / name).read_text("utf-8")

    def tree(self) -> Tree:
        """All that is in the folder."""
        files = [file for file in sorted(self.path.rglob("*")) if file.is_file()]
        names = [file.relative_to(self.path).as_posix() for file in files]
        return Tree(
            {name: file.read_bytes() for name, file in zip(names, files, strict=True)},
            {name: file.stat().st_mtime_ns for name, file in zip(names, files, strict=True)},
        )

    def salacia(self, *arguments: str) -> Result:
        """Run the command here. It never shows a traceback: an exception would come out of here."""
        printed, err = io.BytesIO(), io.StringIO()
        out = io.TextIOWrapper(printed, "utf-8")
        with (
            contextlib.chdir(self.path),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                status = main(arguments)
            except SystemExit as exit_:
                status = int(exit_.code or 0)
        out.flush()
        said = printed.getvalue().decode()
        assert "Traceback" not in said + err.getvalue()
        return Result(status, said, err.getvalue())

    def describe(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """The exit status and the JSON of `salacia describe`."""
        result = self.salacia("describe", "--format", "json", *arguments)
        assert result.err == ""
        return result.status, json.loads(result.out)


def as_ordinary_user(work: Callable[[], Result]) -> Result:
    """What comes of it when somebody does it to whom permissions mean something.

    Root's tests do it in a child that has given up its rights. What it needs is imported before: a
    virtual environment may lie where only root can read.
    """
    if os.geteuid() != 0:
        return work()
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(receiver)
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
            answer = list(work())
        except BaseException as error:
            answer = [-1, "", repr(error)]
        os.write(sender, json.dumps(answer).encode())
        os._exit(0)
    os.close(sender)
    with open(receiver, "rb") as stream:
        answer = json.loads(stream.read())
    os.waitpid(child, 0)
    return Result(*answer)
