"""PostgreSQL's own client reads the query files as the generator does: every statement, in psql.

psql knows `:name` too. With each name set to its `$n`, psql makes its own text of a statement: it
has to be the generator's, and where a statement ends has to be where the generator says.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from salacia_db.codegen.facts import Span, Statement
from salacia_db.codegen.source import read_queries
from salacia_db.codegen.source.lexer import lex
from salacia_db.postgres.account import server_account
from salacia_db.postgres.binaries import find_binaries

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "sql").rglob("*.sql"))
WRITTEN = "select json_agg(json_build_array(name, statement)) from pg_prepared_statements;\n"


def statements(file: Path) -> list[Statement]:
    found, problems = read_queries([ROOT / "sql"], "salacia", ROOT)
    assert problems == []
    return [statement for statement in found if statement.body.file.path.endswith(file.name)]


def psql(url: str, script: str) -> str:
    """What psql prints of a script, which must not fail."""
    program = find_binaries(server_account()).program("psql")
    done = subprocess.run(
        [program, "--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", url],
        input=script,
        capture_output=True,
        text=True,
        env=os.environ | {"PGCLIENTENCODING": "UTF8"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def prepared(url: str, script: str) -> dict[str, list[str]]:
    """The statements that a script has prepared, by their names: their tokens."""
    rows = json.loads(psql(url, script + WRITTEN))
    return {name: tokens(text.partition(" as\n")[2].rstrip("; \n")) for name, text in rows}


def tokens(sql: str) -> list[str]:
    return [token.text for token in lex(sql) if token.significant]


def as_sent(found: list[Statement]) -> dict[str, list[str]]:
    return {statement.name: tokens(statement.sql) for statement in found}


def for_psql(statement: Statement) -> str:
    """The statement as it stands in the file, without the `?` of `:name?`."""
    start, text = statement.body.start, statement.body.file.text
    body = text[start : statement.body.end]
    for place, _ in places(statement):
        if text[place.end - 1] == "?":
            body = body[: place.end - 1 - start] + body[place.end - start :]
    return body


def as_written(statement: Statement) -> str:
    """The statement as it stands in the file, but for its parameters.

    What optional lines add to it stands nowhere: the reverse of an order, the filters of another.
    """
    start, text = statement.body.start, statement.body.file.text
    body = text[start : statement.body.end]
    for place, number in places(statement):
        body = body[: place.start - start] + f"${number}" + body[place.end - start :]
    return body


def places(statement: Statement) -> list[tuple[Span, int]]:
    """Where parameters stand in the statement's own text, the last first."""
    text = statement.body.file.text
    found = {(m.source, use.number) for use in statement.parameters for m in use.markers}
    own = [(place, number) for place, number in found if text[place.start] == ":"]
    return sorted(own, key=lambda one: one[0].start, reverse=True)


def test_there_are_files() -> None:
    assert len(FILES) >= 7


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_psql_prepares_every_statement(file: Path, shared_url: str) -> None:
    found = statements(file)
    script = "".join(f'prepare "{s.name}" as\n{s.sql}\n;\n' for s in found)
    assert prepared(shared_url, script) == as_sent(found)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_psql_finds_the_same_parameters_and_the_same_ends(file: Path, shared_url: str) -> None:
    """The whole file, its comments included, with no more added to it than PREPARE and `;`."""
    found = statements(file)
    text, script, at = file.read_text("utf-8"), "", 0
    for statement in found:
        names = [(use.name, use.number) for use in statement.parameters]
        script += text[at : statement.body.start]
        script += "".join(f"\\set {name} '${number}'\n" for name, number in names)
        script += f'prepare "{statement.name}" as\n'
        script += for_psql(statement) + "\n;\n"
        script += "".join(f"\\unset {name}\n" for name, _ in names)
        at = statement.body.end
    script += text[at:].lstrip(" ;") + "\n"
    assert prepared(shared_url, script) == {s.name: tokens(as_written(s)) for s in found}
