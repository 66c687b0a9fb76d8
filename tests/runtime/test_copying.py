"""COPY out: CSV to a path, a file or a function, all of it or nothing."""

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from items import Database

from salacia_db.runtime import InvalidValue, Statement

ALL = Statement("items.all", "select id, name, note from item order by id -- all", read_only=True)
SOME = Statement("items.some", "select id from item where name = $1 or 1 / id > 5")


async def test_rows_go_out_as_csv(db: Database, tmp_path: Path) -> None:
    await db.items.copy([(1, 'a "b", c', 0, None), (2, "é\n", 0, {"n": 1})])
    path = tmp_path / "items.csv"
    assert await db.session.copy_out(ALL, (), path) == 2
    expected = [["id", "name", "note"], ["1", 'a "b", c', ""], ["2", "é\n", '{"n": 1}']]
    assert list(csv.reader(io.StringIO(path.read_text("utf-8")))) == expected
    file = io.BytesIO()
    async with db.unit_of_work() as uow:
        await uow.items.delete(1)
        assert await uow.session.copy_out(ALL, (), file) == 1
    parts: list[bytes] = []

    async def keep(data: bytes) -> None:
        parts.append(data)

    assert await db.session.copy_out(ALL, (), keep) == 1
    assert b"".join(parts) == file.getvalue()
    assert await db.session.copy_out(SOME, ("it's",), keep) == 0


async def test_a_path_holds_all_or_what_it_held(db: Database, tmp_path: Path) -> None:
    await db.items.copy((n, f"item {n}", 0, None) for n in range(5000, 0, -1))
    await db.execute("insert into item (id, name) values (0, 'zero')")
    path = tmp_path / "items.csv"
    path.write_text("before")
    with pytest.raises(InvalidValue):
        await db.session.copy_out(SOME, ("x",), path)
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == [path.name]
    assert await db.fetchval("select 1") == 1


async def test_an_error_of_the_function_passes_untouched(db: Database) -> None:
    await db.items.copy([(1, "a", 0, None)])

    async def refuse(_: bytes) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        await db.session.copy_out(ALL, (), refuse)
    assert len(await db.items.list()) == 1


@pytest.mark.parametrize("error", [OSError("no such file"), asyncpg.ConnectionFailureError("gone")])
async def test_an_error_of_the_rows_passes_untouched(db: Database, error: Exception) -> None:
    def rows() -> Iterator[tuple[int, str, int, None]]:
        yield (1, "a", 0, None)
        raise error

    with pytest.raises(type(error)) as raised:
        await db.items.copy(rows())
    assert raised.value is error
    assert await db.items.list() == []
