"""Which URLs lead to another machine, and how strictly its server is looked at."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salacia_db.tls import FULL, is_loopback, libpq_url, mode, root


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "127.0.0.1",
        "127.8.9.10",
        "::1",
        "/run/postgresql",
        "",
        "@abstract",
    ],
)
def test_this_machine_is_known_by_name(host: str):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["db", "localhost.example", "127.0.0.1.example", "128.0.0.1", "0.0.0.0", "::2", "10.0.0.1"],
)
def test_other_machines_are_known_by_name(host: str):
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("postgresql://u:p@db.example:5432/x", FULL),
        ("postgresql://db.example/x?sslmode=disable", "disable"),
        ("postgresql://db.example/x?sslmode=require", "require"),
        ("postgresql://127.0.0.1/x", None),
        ("postgresql://127.0.0.1/x?sslmode=verify-full", FULL),
        ("postgresql://[::1]:5433/x", None),
        ("postgresql://[2001:db8::1]:5433/x", FULL),
        ("postgresql://localhost,db.example/x", FULL),
        ("postgresql:///x", None),
        ("postgresql:///x?host=/tmp", None),
        ("postgresql:///x?host=db.example", FULL),
        ("postgresql:///x?host=2001:db8::1", FULL),
        ("postgresql://localhost/x?hostaddr=10.0.0.1", FULL),
        ("postgresql://u:p%40localhost@db.example/x", FULL),
        ("postgresql://%2Ftmp/x", None),
        ("postgresql:///x?service=there", FULL),
        ("postgresql://localhost/x?service=there", FULL),
    ],
)
def test_what_a_url_says(url: str, found: str | None):
    assert mode(url, {}) == found


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"PGHOST": "db.example"}, FULL),
        ({"PGHOST": "/tmp"}, None),
        ({"PGHOSTADDR": "10.0.0.1"}, FULL),
        ({"PGSERVICE": "there"}, FULL),
        ({"PGHOST": "db.example", "PGSSLMODE": "require"}, "require"),
    ],
)
def test_what_the_environment_says(environment: dict[str, str], found: str | None):
    assert mode("postgresql:///x", environment) == found


@given(st.text(st.characters(codec="ascii", exclude_characters="/?#@[],:% ", min_codepoint=33)))
def test_no_name_but_those_of_this_machine_is_let_off(host: str):
    known = is_loopback(host)
    assert mode(f"postgresql://{host}:5432/x", {}) == (None if known else FULL)


def test_the_authorities_are_those_of_the_url_the_environment_the_user_the_system(tmp_path: Path):
    url, named = "postgresql://db.example/x", "postgresql://db.example/x?sslrootcert=/a.crt"
    assert root(named, {"PGSSLROOTCERT": "/b.crt"}) == "/a.crt"
    assert root(url, {"PGSSLROOTCERT": "/b.crt"}) == "/b.crt"
    assert root(url, {"PGSSLROOTCERT": "system"}) is None
    assert root(url, {}) is None


def test_libpq_is_told_what_asyncpg_is():
    local = "postgresql:///x?host=/tmp"
    assert libpq_url(local) == local
    given = libpq_url("postgresql://u@db.example/x?sslrootcert=/a.crt")
    assert given.endswith("?sslrootcert=/a.crt&sslmode=verify-full&sslrootcert=%2Fa.crt")
    assert libpq_url("postgresql://u@db.example/x").startswith(
        "postgresql://u@db.example/x?sslmode=verify-full&sslrootcert="
    )
