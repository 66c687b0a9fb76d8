"""The files of the dashboard, as they are sent: what guards them, and that none is missing."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

import salacia
from salacia_db.gateway.http import assets, create_app

FOLDER = Path(assets.__file__).with_name("page")
PATHS = ["/", *(f"/page/{file.name}" for file in FOLDER.iterdir() if file.suffix != ".html")]
KINDS = {"": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Asks an application that wants a token; no file needs the database."""
    app = create_app(salacia.connect("postgresql://nowhere/x"), token="a token of some length")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as made:
        yield made


async def test_each_file_is_sent_without_a_token_and_guarded(client: httpx.AsyncClient) -> None:
    assert len(PATHS) > 10
    for path in PATHS:
        answer = await client.get(path)
        assert answer.status_code == 200, path
        kind = KINDS[Path(path).suffix]
        assert answer.headers["content-type"].partition(";")[0] == kind
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
    assert (await client.get("/page/index.html")).status_code == 401
    assert (await client.get("/api/messages")).status_code == 401


async def test_a_file_that_is_known_is_not_sent_again(client: httpx.AsyncClient) -> None:
    for path in PATHS:
        first = await client.get(path)
        assert first.headers["cache-control"] == "no-cache"
        known = {"if-none-match": f'"x", W/{first.headers["etag"]}'}
        again = await client.get(path, headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        other = await client.get(path, headers={"if-none-match": '"x"'})
        assert other.content == first.content


def test_files_ask_for_nothing_that_is_not_there_or_elsewhere() -> None:
    for file in FOLDER.iterdir():
        text = file.read_text("utf-8")
        asked = re.findall(r'(?:from|src=|href=|url\()\s*"(?!\?|#)([^"]+)"', text)
        for name in asked:
            assert (FOLDER / name.removeprefix("./").removeprefix("page/")).is_file(), name
        assert set(re.findall(r"https?://[^\"\s]+", text)) <= {"http://www.w3.org/2000/svg"}


def test_texts_never_become_markup() -> None:
    for file in FOLDER.glob("*.js"):
        text = file.read_text("utf-8")
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert way not in text, file.name
    html = (FOLDER / "index.html").read_text("utf-8")
    assert not re.search(r"\son\w+=|\sstyle=|<style|<script>|javascript:", html)


def test_every_element_that_scripts_name_is_there() -> None:
    html = (FOLDER / "index.html").read_text("utf-8")
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    for file in FOLDER.glob("*.js"):
        named = re.findall(r'byId\("([^"]+)"\)', file.read_text("utf-8"))
        assert set(named) <= set(ids), file.name
