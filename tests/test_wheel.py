"""The built wheel, as somebody who has nothing else would use it."""

import os
import subprocess
import sys
import time
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from salacia_db.postgres.scratch import scratch_databases

ROOT = Path(__file__).parents[1]
SCRIPTS = Path(sys.executable).parent

SCHEMA = """\
create table notes (
    id bigint generated always as identity primary key,
    body text not null
);
"""
QUERY = """\
-- name: note :one
select ib, body from notes where id = :id
"""
APP = """\
import asyncio

import notes


async def first_line(db: notes.Queries, id: int) -> str:
    note = await db.q.note(id=id)
    assert note is not None
    return note.body.splitlines()[0]


async def length(db: notes.Queries, id: int) -> int:
    note = await db.q.note(id=id)
    return 0 if note is None else len(note.body)


async def main() -> None:
    async with notes.connect("embedded:") as db:
        with open("schema.sql") as schema:
            await db.execute(schema.read())
        await db.execute("insert into notes (body) values ('hello')")
        print(await first_line(db, 1), await length(db, 1))


asyncio.run(main())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the wheel installs, and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    site = folder / "site"
    zipfile.ZipFile(built).extractall(site)
    return site


def run(
    *command: str, folder: Path, site: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command with the wheel's modules before those of the checkout."""
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    path = f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=folder,
        env=kept | {"PATH": path, "PYTHONPATH": str(site)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_the_wheel_holds_the_packages_and_no_more(wheel: Path) -> None:
    top = {path.name for path in wheel.iterdir() if not path.name.endswith(".dist-info")}
    assert top == {"salacia_db", "salacia"}
    assert (wheel / "salacia_db" / "py.typed").exists()
    assert (wheel / "salacia" / "py.typed").exists()
    page = Path("salacia_db", "gateway", "http", "page")
    assert {file.name for file in (wheel / page).iterdir()} == {
        file.name for file in (ROOT / page).iterdir()
    }


def test_a_strangers_first_ten_minutes(tmp_path: Path, wheel: Path) -> None:
    generate = ("salacia", "generate", "--schema", "schema.sql", "--queries", "q.sql")
    generate += ("--out", "notes")
    mypy = ("mypy", "--strict", "--cache-dir", str(wheel.parent / "mypy"), "app.py", "notes")
    (tmp_path / "schema.sql").write_text(SCHEMA)
    (tmp_path / "q.sql").write_text(QUERY)

    # A misspelt column: placed, explained, nothing written.
    start = time.monotonic()
    done = run(*generate, folder=tmp_path, site=wheel)
    assert done.returncode == 1, done.stdout
    assert time.monotonic() - start < 60  # a hang, not a slow machine
    assert 'q.sql:2:8: error: column "ib" does not exist' in done.stdout
    assert "did you mean `id`?" in done.stdout
    assert "Traceback" not in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"schema.sql", "q.sql"}

    # Corrected: it generates, type-checks, and a script reads a row.
    (tmp_path / "q.sql").write_text(QUERY.replace("ib", "id"))
    (tmp_path / "app.py").write_text(APP)
    done = run(*generate, folder=tmp_path, site=wheel)
    assert done.returncode == 0, done.stdout
    done = run(*mypy, folder=tmp_path, site=wheel)
    assert done.returncode == 0, done.stdout
    try:
        done = run(sys.executable, "app.py", folder=tmp_path, site=wheel)
        assert done.stdout == "hello 5\n"
    finally:
        stop = "from salacia_db.postgres import *; print(stop_durable(data_folder()))"
        stopped = run(sys.executable, "-c", stop, folder=tmp_path, site=wheel)
        assert stopped.stdout == "True\n"

    # A column altered: mypy names exactly the callers that broke.
    (tmp_path / "schema.sql").write_text(SCHEMA.replace("body text not null", "body text"))
    assert run(*generate, folder=tmp_path, site=wheel).returncode == 0
    done = run(*mypy, folder=tmp_path, site=wheel)
    broken = [line.split(": error:")[0] for line in done.stdout.splitlines() if ": error:" in line]
    assert broken == ["app.py:9", "app.py:14"], done.stdout


def test_production_without_a_url_starts_no_server(tmp_path: Path, wheel: Path) -> None:
    script = "import salacia; salacia.connect()"
    done = run(
        sys.executable, "-c", script, folder=tmp_path, site=wheel, SALACIA_PROFILE="production"
    )
    assert done.returncode == 1
    assert "ConfigurationError" in done.stdout
    assert "DATABASE_URL" in done.stdout
    assert not list(tmp_path.iterdir())


def test_the_runtime_needs_asyncpg_and_msgspec_only(tmp_path: Path, wheel: Path) -> None:
    for name in ("asyncpg", "msgspec"):
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        (tmp_path / name).symlink_to(Path(spec.origin).parent)
    script = (
        "import asyncio, os, salacia, salacia_db.gateway\n"
        "async def main():\n"
        "    async with salacia.connect(profile='production', role_check='off') as db:\n"
        "        print(await db.fetchval('select 6 * 7'))\n"
        "asyncio.run(main())\n"
    )
    with scratch_databases() as databases:
        path = os.pathsep.join((str(wheel), str(tmp_path)))
        done = run(
            *(sys.executable, "-S", "-c", script),
            folder=tmp_path,
            site=wheel,
            PYTHONPATH=path,
            DATABASE_URL=databases.create(),
        )
    assert done.stdout == "42\n"
