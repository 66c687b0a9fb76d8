"""The reference documents, followed line by line, and compared with what they describe."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from msgspec.structs import fields

from salacia_db.cli.options import PROJECT_FLAGS
from salacia_db.codegen.project import Settings
from salacia_db.codegen.source.annotations import KINDS
from salacia_db.config import Overrides, load_settings
from salacia_db.postgres import data_folder, stop_durable
from salacia_db.postgres.migrations.history import State
from salacia_db.postgres.scratch import scratch_database
from salacia_db.runtime import errors
from tests.documents import Reader

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A reader with an empty database and a server that both go afterwards."""
    folder = tmp_path / "project"
    folder.mkdir()
    with scratch_database() as url:
        yield Reader(folder, {"DATABASE_URL": url})
    stop(folder)


def stop(folder: Path) -> None:
    """Stop the development server that a document may have started, and remove its data."""
    data = folder / ".salacia" / "postgres"
    if data.exists():
        stop_durable(data_folder(f"embedded://{data}"))
        # Root's data lies elsewhere, behind a link.
        shutil.rmtree(data.resolve())


def follow(reader: Reader, name: str, *, example: bool) -> None:
    """Follow a document, every block of it, in a copy of the example or in an empty folder."""
    if example:
        shutil.copytree(DOCS / "example", reader.folder, dirs_exist_ok=True)
    text = (DOCS / name).read_text("utf-8")
    assert reader.follow(text) == len(re.findall("^```", text, re.MULTILINE)) / 2


def table(name: str, head: str) -> dict[str, list[str]]:
    """The rows of the table in a document whose first heading is this, by their code words."""
    text = (DOCS / name).read_text("utf-8")
    lines = text[text.index(f"\n| {head} |") + 1 :].split("\n\n")[0].splitlines()[2:]
    rows = [re.split(r" \| ?", line.removeprefix("| ").removesuffix(" |")) for line in lines]
    return {word: row[1:] for row in rows for word in re.findall("`([^`]+)`", row[0])}


def test_migrations_work_as_they_are_described(reader: Reader) -> None:
    follow(reader, "migrations.md", example=False)


def test_query_files_work_as_they_are_described(reader: Reader) -> None:
    follow(reader, "sql.md", example=True)


def test_tests_work_as_they_are_described(reader: Reader) -> None:
    follow(reader, "testing.md", example=True)


def test_rows_are_found_as_it_is_described(reader: Reader) -> None:
    follow(reader, "find.md", example=False)


def test_the_generator_works_as_it_is_described(reader: Reader) -> None:
    follow(reader, "generator.md", example=True)


def test_pages_work_as_they_are_described(reader: Reader) -> None:
    follow(reader, "pages.md", example=True)


def test_the_runtime_works_as_it_is_described(reader: Reader) -> None:
    follow(reader, "runtime.md", example=True)


def test_batching_works_as_it_is_described(reader: Reader) -> None:
    follow(reader, "batching.md", example=True)


def test_tenants_are_kept_apart_as_it_is_described(reader: Reader) -> None:
    follow(reader, "tenants.md", example=False)


def test_poolers_are_spoken_of_as_they_are(reader: Reader) -> None:
    (reader.folder / "library.py").write_text(
        "from salacia_db.runtime import Database as connect\n"
    )
    follow(reader, "poolers.md", example=False)


def test_queues_work_as_they_are_described(reader: Reader) -> None:
    follow(reader, "queues.md", example=False)


def test_requests_have_units_of_work_as_it_is_described(reader: Reader) -> None:
    follow(reader, "web.md", example=True)


def test_the_gateway_works_as_it_is_described(reader: Reader) -> None:
    for part in ("pyproject.toml", "migrations", "sql"):
        source = DOCS.parent / part
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, reader.folder / part)
    follow(reader, "gateway.md", example=False)


def test_every_setting_of_the_runtime_is_described_with_its_defaults() -> None:
    described = table("runtime.md", "setting")
    assert described.keys() == Overrides.__annotations__.keys() - {"pool"}
    for name, row in described.items():
        for column, profile in enumerate(("development", "test", "production")):
            settings = load_settings("postgresql://", profile=profile)
            owner = settings.pool if name.startswith("pool_") else settings
            value = str(getattr(owner, name.removeprefix("pool_"))).removesuffix(".0")
            assert row[column] == value, (name, profile)


def test_every_error_is_described_with_whether_a_retry_is_safe() -> None:
    described = table("runtime.md", "error")
    classes = [name for name in errors.__all__ if name not in ("SalaciaError", "retry_safe")]
    assert described.keys() == set(classes)
    for name, row in described.items():
        assert row[-1].startswith("yes" if getattr(errors, name).retry_safe else "no")


def test_every_setting_of_the_generator_is_described() -> None:
    described = table("generator.md", "setting").keys()
    assert {field.encode_name for field in fields(Settings)} <= described


def test_every_flag_of_generate_and_describe_is_described() -> None:
    described = {flag.split()[0] for flag in table("generator.md", "flag")}
    assert described == {f"--{name.replace('_', '-')}" for name in PROJECT_FLAGS}


def test_every_kind_and_every_state_of_a_migration_is_described() -> None:
    assert {f":{kind}" for kind in KINDS["salacia"]} <= table("sql.md", "kind").keys()
    assert set(get_args(State)) == table("migrations.md", "state").keys()


@pytest.mark.parametrize("other", ["aiosql", "sqlalchemy", "sqlc"])
def test_who_comes_from_elsewhere_gets_what_is_promised(reader: Reader, other: str) -> None:
    follow(reader, f"from-{other}.md", example=False)


def test_the_table_of_faults_is_of_scenarios_that_there_are() -> None:
    import faults.scenarios  # noqa: F401 - registers them
    from faults.scenario import SCENARIOS

    rows = (DOCS / "faults.md").read_text("utf-8").partition("<!-- faults: begin -->")[2]
    told = re.findall(r"^\| (?!scenario|---)([^|]+?) \|", rows.partition("<!--")[0], re.MULTILINE)
    assert set(told) <= {each.title for each in SCENARIOS.values()}
