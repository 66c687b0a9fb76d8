"""A password in a URL shows in nothing that a command prints or keeps."""

from pathlib import Path

import pytest
from commands import QUERIES, SCHEMA, Folder

PASSWORD = "hunter2-s3cret"


def with_password(url: str) -> str:
    """The URL with a password, which the scratch server doesn't ask for."""
    assert "://postgres@" in url
    return url.replace("://postgres@", f"://postgres:{PASSWORD}@", 1)


@pytest.mark.parametrize(
    "kind", ["right", "port", "host", "database", "scheme", "broken", "percent", "query"]
)
def test_no_password_is_printed(bare: Folder, database: str, cache: Path, kind: str):
    url = {
        "right": with_password(database),
        "port": f"postgresql://u:{PASSWORD}@127.0.0.1:1/x",
        "host": f"postgresql://u:{PASSWORD}@nowhere.invalid/x",
        "database": with_password(database).replace("salacia_scratch_", "no_such_"),
        "scheme": f"mysql://u:{PASSWORD}@localhost/x",
        "broken": f"postgresql://u:{PASSWORD}@[::1/x",
        "percent": f"postgresql://u:{PASSWORD}%zz@127.0.0.1:1/x",
        "query": f"postgresql://127.0.0.1:1/x?password={PASSWORD}&nonsense=1",
    }[kind]
    bare.write("migrations/0001_x.sql", SCHEMA)
    bare.write("broken.sql", "creat;")
    ends = ("--queries", "customers.sql", "--out", "app", "--database-url", url)
    commands = [
        ("generate", *ends),
        ("generate", "--schema", "schema.sql", *ends),
        ("generate", "--schema", "broken.sql", *ends),
        ("generate", "--check", "--migrations", "migrations", *ends),
        ("describe", "--format", "json", *ends),
        ("describe", "--schema", "schema.sql", *ends),
        *(("migrate", name, "--database-url", url) for name in ("status", "up", "down")),
        ("migrate", "baseline", "--database-url", url),
        ("migrate", "resolve", "0001_x", "--applied", "--database-url", url),
    ]
    for arguments in commands:
        result = bare.salacia(*arguments)
        assert PASSWORD not in result.out + result.err, arguments
        if kind != "right":
            assert result.status == 1, arguments
    for file in [*bare.path.rglob("*"), *cache.rglob("*")]:
        if file.is_file() and file.suffix in (".py", ".msgpack"):
            assert PASSWORD.encode() not in file.read_bytes()


def test_no_password_of_settings_is_printed(bare: Folder, monkeypatch: pytest.MonkeyPatch):
    url = f"postgresql://u:{PASSWORD}@127.0.0.1:1/x"
    bare.write("customers.sql", QUERIES)
    monkeypatch.setenv("DATABASE_URL", url)
    for text in (
        f'[tool.salacia]\ndatabase-url = "{url}"\n',
        f'[tool.salacia]\ndatabase_url = "{url}"\n',
        f'[tool.salacia]\ndatabase-url = ["{url}"]\n',
        f'[tool.salacia]\ndatabase-url = "{url}\n',
    ):
        bare.write("pyproject.toml", text)
        for command in (("generate",), ("describe", "--format", "json"), ("migrate", "status")):
            result = bare.salacia(*command)
            assert result.status == 1
            assert PASSWORD not in result.out + result.err, text
