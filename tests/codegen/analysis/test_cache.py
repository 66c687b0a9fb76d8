"""What was found out is kept, for as long as it is true, and a bad file is no file."""

from pathlib import Path

import msgspec
import pytest
from asking import Asker, statement

from salacia_db.codegen.analysis.analyse import analyse
from salacia_db.codegen.analysis.cache import Cache
from salacia_db.codegen.facts import Schema, SourceFile
from salacia_db.codegen.source import parse_file

NOTHING = Schema((), (), ())
SQL = "select i, p, 'ä' as x from interactions i left join providers p on p.id = :id"


def filled(folder: Path, ask: Asker, sql: str = SQL) -> None:
    cache = Cache(folder, "schema")
    cache.put(statement(sql), analyse(statement(sql), ask.server, ask.catalog))
    cache.save(NOTHING, ())


def test_the_outcome_comes_back_as_it_was(tmp_path: Path, ask: Asker) -> None:
    filled(tmp_path, ask)
    again = Cache(tmp_path, "schema")
    assert again.schema == NOTHING
    assert again.get(statement(SQL)) == analyse(statement(SQL), ask.server, ask.catalog)


def test_a_statement_that_moved_is_still_known(tmp_path: Path, ask: Asker) -> None:
    bad = "select 1 as one,\n nme from providers"
    filled(tmp_path, ask, bad)
    text = f"\n\n-- a comment\n\n-- name: q :many\n{bad};\n"
    (moved,), _ = parse_file(SourceFile("q.sql", text), "q", None, "salacia")
    found = Cache(tmp_path, "schema").get(moved)
    assert found is not None
    assert found.problems[0].position() == ("q.sql", 7, 2)
    assert found == analyse(moved, ask.server, ask.catalog)


@pytest.mark.parametrize(
    "other",
    [
        statement(SQL + " "),
        statement(SQL.replace("ä", "ö")),
        statement(SQL, "exec"),
        statement(SQL.replace(":id", ":id?")),
        statement(SQL.replace(":id", ":other")),
    ],
)
def test_another_statement_is_not(tmp_path: Path, ask: Asker, other) -> None:
    filled(tmp_path, ask)
    assert Cache(tmp_path, "schema").get(other) is None or other.sql == statement(SQL).sql


def test_another_schema_knows_nothing(tmp_path: Path, ask: Asker) -> None:
    filled(tmp_path, ask)
    other = Cache(tmp_path, "another")
    assert other.schema is None
    assert other.get(statement(SQL)) is None


@pytest.mark.parametrize("damage", [b"", b"\xff", b"\x93\x01\x02", b"not msgpack at all"])
def test_a_damaged_file_is_no_file(tmp_path: Path, ask: Asker, damage: bytes) -> None:
    filled(tmp_path, ask)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage)
    cache = Cache(tmp_path, "schema")
    assert cache.schema is None
    assert cache.get(statement(SQL)) is None
    filled(tmp_path, ask)
    assert Cache(tmp_path, "schema").get(statement(SQL)) is not None


def test_a_torn_file_is_no_file(tmp_path: Path, ask: Asker) -> None:
    filled(tmp_path, ask)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for length in range(0, len(whole), 97):
        file.write_bytes(whole[:length])
        assert Cache(tmp_path, "schema").get(statement(SQL)) is None


def test_a_damaged_outcome_is_asked_again(tmp_path: Path, ask: Asker) -> None:
    filled(tmp_path, ask)
    (file,) = tmp_path.iterdir()
    stored = msgspec.msgpack.decode(file.read_bytes())
    stored[3] = {key: ["no", "outcome"] for key in stored[3]}
    file.write_bytes(msgspec.msgpack.encode(stored))
    cache = Cache(tmp_path, "schema")
    assert cache.schema == NOTHING
    assert cache.get(statement(SQL)) is None


def test_a_folder_that_cant_be_written_is_no_error(tmp_path: Path, ask: Asker) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    filled(blocked / "cache", ask)


def test_nothing_else_is_left_in_the_folder(tmp_path: Path, ask: Asker) -> None:
    for _ in range(3):
        filled(tmp_path, ask)
    assert [path.suffix for path in tmp_path.iterdir()] == [".msgpack"]


def test_the_oldest_schemas_go(tmp_path: Path, ask: Asker) -> None:
    for number in range(40):
        cache = Cache(tmp_path, str(number))
        cache.put(statement(SQL), analyse(statement(SQL), ask.server, ask.catalog))
        cache.save(NOTHING, ())
    assert len(list(tmp_path.iterdir())) == 32
    assert Cache(tmp_path, "39").schema == NOTHING


def test_what_was_known_before_stays_known(tmp_path: Path, ask: Asker) -> None:
    filled(tmp_path, ask)
    filled(tmp_path, ask, "select 1 as one")
    cache = Cache(tmp_path, "schema")
    assert cache.get(statement(SQL)) is not None
    assert cache.get(statement("select 1 as one")) is not None


def test_how_calls_share_a_statement_is_kept_too(tmp_path: Path, ask: Asker) -> None:
    file = SourceFile("q.sql", "-- name: q :one\n-- batch: 9\nselect * from tags where id = :id;")
    ((batched,), _) = parse_file(file, "q", None, "salacia")
    found = analyse(batched, ask.server, ask.catalog)
    cache = Cache(tmp_path, "schema")
    cache.put(batched, found)
    cache.save(NOTHING, ())
    assert found.query is not None
    assert found.query.batch is not None
    assert Cache(tmp_path, "schema").get(batched) == found
