"""The dashboard in a real browser, by mouse and by keyboard.

`SALACIA_SCREENSHOTS=folder` keeps what it looks like, light and dark, wide and narrow.
"""

import os
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import chromium
import httpx
import pytest
import pytest_asyncio
from chromium import Browser, Page
from day import a_day
from serving import served

import salacia
from salacia.ai_interactions import AiInteractionsCreateManyInput as Exchange
from salacia_db.runtime import Secret

pytestmark = pytest.mark.skipif(
    chromium.find() is None, reason="no Chromium is in PATH: install Debian's `chromium`"
)
TOKEN = "a token that nobody guesses"
START = datetime.now(UTC) - timedelta(hours=3)
ROWS = "#rows tr"
WIDTH = "document.documentElement.scrollWidth"
SHOWN = "document.querySelector('#list').getAttribute('aria-busy') === 'false'"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium.chromium(chromium.find() or "") as started:
        yield started


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    async with browser.page() as opened:
        yield opened


@pytest.fixture
def address(url: str) -> Iterator[str]:
    with served(url) as found:
        yield found


async def visit(page: Page, address: str) -> None:
    """Opens the list, and waits for the figures above it, so that nothing moves any more."""
    await page.open(address)
    await page.wait("!document.querySelector('#figures').hidden")


async def load(db: salacia.Database, count: int) -> list[UUID]:
    """Messages of two models, a minute apart; each third failed. The oldest first."""
    made = await db.ai_providers.create(name="Provider", type="openai", api_key=Secret("k"))
    rows = [
        Exchange(
            provider_id=made.id,
            model=f"model-{n % 2}",
            request={"messages": [{"role": "user", "content": f"question {n}"}]},
            response={"choices": [{"message": {"content": f"answer {n}"}}]} if n % 3 else None,
            error=None if n % 3 else "rate limit",
            status_code=200 if n % 3 else 429,
            total_tokens=n * 10,
            response_time_ms=n * 100,
            created_at=START + timedelta(minutes=n),
        )
        for n in range(count)
    ]
    return [row.id for row in await db.ai_interactions.create_many(rows)]


async def record(address: str, prompt: str, model: str = "model-0") -> None:
    """Records a message, as another program would."""
    body = {"model": model, "request": {"prompt": prompt}, "response": {}, "statusCode": 200}
    async with httpx.AsyncClient(base_url=address, timeout=chromium.LIMIT) as client:
        assert (await client.post("/api/messages", json=body)).status_code == 201


async def prompts(page: Page) -> list[str]:
    """The prompts that are listed."""
    await page.wait(SHOWN)
    return await page.texts("#rows .said a")


def questions(*numbers: int) -> list[str]:
    return [f"question {n}" for n in numbers]


async def test_messages_are_filtered_and_paged_and_the_address_keeps_it(
    page: Page, address: str, db: salacia.Database
) -> None:
    await load(db, 50)
    await visit(page, f"{address}/?limit=10")
    await page.shows("#rows", "question 49")
    assert await prompts(page) == questions(*range(49, 39, -1))

    await page.click("#next")
    await page.shows("#rows", "question 39")
    assert await prompts(page) == questions(*range(39, 29, -1))
    await page.click("#next")
    await page.shows("#rows", "question 29")
    await page.click("#previous")
    await page.shows("#rows", "question 39")
    await page.reload()
    await page.shows("#rows", "question 39")
    await page.click("#previous")
    await page.shows("#rows", "question 49")
    assert await page.run("location.search") == "?limit=10"
    await page.run("history.back()")
    await page.shows("#rows", "question 39")

    await page.fill("[name=model]", "model-1")
    await page.shows("#rows", "question 49")
    assert await prompts(page) == questions(*range(49, 29, -2))
    await page.fill("[name=failed]", "true")
    await page.wait(f"document.querySelectorAll('{ROWS}').length === 8")
    assert await prompts(page) == questions(*range(45, 0, -6))
    await page.run("history.back()")
    await page.wait(f"document.querySelectorAll('{ROWS}').length === 10")
    assert await page.run("document.querySelector('[name=failed]').value") == ""

    await page.fill("[name=search]", "nothing has this word")
    await page.shows("#none-matches", "No message matches")
    await page.click("#clear-filters")
    await page.shows("#rows", "question 49")


async def test_every_filter_and_order_asks_what_the_gateway_understands(
    page: Page, address: str, db: salacia.Database
) -> None:
    await load(db, 9)
    provider = (await db.ai_providers.search())[0].p.id
    later = START + timedelta(minutes=5)
    await visit(page, address)
    await page.shows("#rows", "question 8")
    local = await page.run(
        f"(t => new Date(t - new Date(t).getTimezoneOffset() * 6e4).toISOString().slice(0, 19))"
        f"({int(later.timestamp()) * 1000})"
    )
    cases: dict[str, tuple[str, set[int]]] = {
        "search": ("question 7", {7}),
        "model": ("model-1", {1, 3, 5, 7}),
        "providerId": (str(provider), set(range(9))),
        "failed": ("false", {1, 2, 4, 5, 7, 8}),
        "since": (local, {5, 6, 7, 8}),
        "until": (local, {0, 1, 2, 3, 4}),
        "minTokens": ("70", {7, 8}),
        "maxTokens": ("20", {0, 1, 2}),
        "minResponseTimeMs": ("800", {8}),
        "maxResponseTimeMs": ("100", {0, 1}),
        "sort": ("most_tokens", set(range(9))),
        "limit": ("10", set(range(9))),
    }
    named = await page.run(
        "[...document.querySelector('#filters').elements].map(e => e.name).filter(Boolean)"
    )
    assert set(named) == set(cases)
    for name, (value, expected) in cases.items():
        await page.fill(f"[name={name}]", value)
        await page.wait(f"new URLSearchParams(location.search).has('{name}')")
        assert set(await prompts(page)) == set(questions(*expected)), name
        await page.run("history.back()")
        await page.wait("location.search === ''")
        await page.shows("#rows", "question 8")
    for sort in await page.run(
        "[...document.querySelector('[name=sort]').options].map(o=>o.value)"
    ):
        await page.open(f"{address}/?sort={sort}")
        await page.wait(f"document.querySelectorAll('{ROWS}').length === 9")
    await page.open(f"{address}/?since=nonsense")
    await page.shows("#list-error", "since")


async def test_a_message_that_is_written_appears(
    page: Page, address: str, db: salacia.Database
) -> None:
    ids = await load(db, 15)
    await visit(page, f"{address}/?limit=10")
    await page.shows("#connection", "Live")
    await page.shows("#rows", "question 14")
    await page.shows("#periods .card:nth-child(3)", "15 messages")
    assert await page.run("document.querySelectorAll('#chart .hour').length") == 24

    await record(address, "asked just now")
    await page.shows(f"{ROWS}:first-child", "asked just now")
    await page.shows("#announcer", "1 new message")
    await page.shows("#periods .card:nth-child(3)", "16 messages")
    hours = await page.texts("#hours tr")
    assert len(hours) == 24
    await page.wait("document.querySelector('#chart svg').ariaLabel.includes('16 messages')")

    # One that is shown changes in its place.
    await db.ai_interactions.complete(id=ids[11], response={"completion": "told later"})
    await page.shows(f"{ROWS}:nth-child(5)", "told later")

    # Behind the first page nothing moves.
    await page.click("#next")
    await page.shows("#rows", "question 4")
    await record(address, "asked meanwhile")
    await page.shows("#newer", "1 new message")
    assert "asked meanwhile" not in await page.text("#rows")
    await page.click("#newer")
    await page.shows(f"{ROWS}:first-child", "asked meanwhile")

    # What a filter leaves out doesn't come, what it lets through does.
    await page.fill("[name=model]", "model-1")
    assert "question 12" not in await prompts(page)
    await record(address, "of another model")
    await record(address, "of this model", model="model-1")
    await page.shows(f"{ROWS}:first-child", "of this model")
    assert "of another model" not in await page.text("#rows")

    # Paused, the list stands still.
    await page.click("#pause")
    await record(address, "asked in a pause", model="model-1")
    await page.shows("#newer", "1 new message")
    await page.click("#pause")
    await page.shows(f"{ROWS}:first-child", "asked in a pause")


async def test_a_page_that_nobody_sees_follows_nothing_and_then_goes_on(
    page: Page, address: str, db: salacia.Database
) -> None:
    await load(db, 3)
    await visit(page, address)
    await page.shows("#connection", "Live")
    await page.shows("#rows", "question 2")
    await page.run(
        "window.asked = []; window.plain = fetch;"
        "window.fetch = (...given) => { asked.push(given); return plain(...given) };"
        "window.see = (seen) => {"
        " Object.defineProperty(document, 'hidden', { value: !seen, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')) }"
    )
    await page.run("see(false)")
    await record(address, "asked in the dark")
    await page.run("see(true)")
    await page.shows(f"{ROWS}:first-child", "asked in the dark")
    streams = await page.run(
        "asked.filter(([path]) => path.startsWith('api/events/')).map(([path, { headers }]) =>"
        " [path, 'last-event-id' in headers])"
    )
    assert sorted(streams) == [["api/events/messages", True], ["api/events/statistics", False]]


async def test_the_chart_shows_what_is_chosen_and_tells_of_the_hour_under_the_pointer(
    page: Page, address: str, db: salacia.Database
) -> None:
    await load(db, 9)
    await visit(page, address)
    await page.wait("document.querySelectorAll('#chart .hour').length === 24")
    await page.shows("#legend", "failed")
    heights = await page.run(
        "[...document.querySelectorAll('#chart .bar')].map(bar => +bar.getAttribute('height'))"
    )
    assert sum(height > 1 for height in heights) >= 2
    for measure, unit in {"tokens": "00", "time": "ms"}.items():
        await page.click(f"[name=measure][value={measure}]")
        labels = "[...document.querySelectorAll('#chart .y')].map(label => label.textContent)"
        await page.wait(f"{labels}.some(label => label.endsWith('{unit}'))")
        await page.wait("!document.querySelector('#legend').checkVisibility()")
    hours: list[list[str]] = await page.run(
        "[...document.querySelectorAll('#hours tr')].map(row =>"
        " [...row.cells].map(cell => cell.textContent))"
    )
    number, row = next((n, row) for n, row in enumerate(hours) if row[1] != "0")
    x, y = await page.run(
        f"(b => [b.x + b.width / 2, b.y + 50])"
        f"(document.querySelectorAll('#chart .band')[{number}].getBoundingClientRect())"
    )
    await page.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    await page.shows("#chart .tip", f"{row[0]}\n{row[1]} messages, {row[2]} failed")


async def test_what_is_written_while_the_gateway_is_away_appears_when_it_is_back(
    page: Page, url: str, db: salacia.Database
) -> None:
    await load(db, 3)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with served(url, port=port) as address:
        await visit(page, address)
        await page.shows("#connection", "Live")
        await page.shows("#rows", "question 2")
    await page.shows("#connection", "Reconnecting")
    await db.ai_interactions.create(model="model-1", request={"prompt": "asked in between"})
    assert await prompts(page) == questions(2, 1, 0)
    await page.fill("[name=model]", "model-1")
    await page.shows("#list-error", "The gateway can’t be reached")
    with served(url, port=port):
        await page.shows("#connection", "Live")
        await page.shows("#rows", "asked in between")
        assert await prompts(page) == ["asked in between", "question 1"]


async def test_providers_are_made_changed_made_default_and_deleted(
    page: Page, address: str, db: salacia.Database
) -> None:
    await page.open(f"{address}/?view=providers")
    await page.shows("#no-providers", "No providers yet")
    await page.click("#new-provider")
    await page.fill("#provider-form [name=name]", "First")
    await page.click("#provider-save")
    await page.shows("#provider-error", "apiKey")
    assert await page.run("document.activeElement.name") == "apiKey"
    await page.fill("#provider-form [name=apiKey]", "sk-sesame")
    await page.fill("#provider-form [name=settings]", "[1")
    await page.click("#provider-save")
    await page.shows("#provider-error", "settings")
    await page.fill("#provider-form [name=settings]", '{"timeout": 30}')
    await page.click("[name=isDefault]")
    await page.click("#provider-save")
    await page.shows("#provider-rows", "Default")

    await page.click("#new-provider")
    await page.fill("#provider-form [name=name]", "First")
    await page.fill("#provider-form [name=type]", "ollama")
    await page.click("#provider-save")
    await page.shows("#provider-error", "a provider of this name is there".capitalize())
    await page.fill("#provider-form [name=name]", "Second")
    await page.fill("#provider-form [name=models]", "llama3:8b\nmistral:7b")
    await page.click("#provider-save")
    await page.shows("#provider-rows", "llama3:8b, mistral:7b")

    # What is not touched stays, the key above all.
    await page.click("[aria-label='Edit First']")
    await page.fill("#provider-form [name=baseUrl]", "https://here.example")
    await page.click("#provider-save")
    await page.shows("#provider-rows", "https://here.example")
    found = {row.p.name: row.p for row in await db.ai_providers.search()}
    assert found["First"].api_key == Secret("sk-sesame")
    assert found["First"].settings == {"timeout": 30}
    assert "sesame" not in await page.run("document.documentElement.outerHTML")

    await page.click("[aria-label='Delete First']")
    await page.click("#delete-form [type=submit]")
    await page.shows("#delete-error", "default provider is not deleted")
    await page.click("#delete-cancel")
    await page.click("[aria-label='Make default Second']")
    await page.shows("#provider-rows tr:nth-child(2)", "Default")
    await page.click("[aria-label='Delete First']")
    await page.click("#delete-form [type=submit]")
    await page.wait("document.querySelectorAll('#provider-rows tr').length === 1")
    assert [row.p.name for row in await db.ai_providers.search()] == ["Second"]

    # The key that is there can be taken away.
    await page.click("[aria-label='Edit Second']")
    await page.fill("#provider-form [name=apiKey]", "sk-sesame")
    await page.click("#provider-save")
    await page.shows("#provider-rows", "API key")
    await page.click("[aria-label='Edit Second']")
    await page.click("[data-removes=apiKey]")
    await page.click("#provider-save")
    await page.shows("#provider-rows", "no key")


async def test_the_keyboard_alone_is_enough(page: Page, address: str, db: salacia.Database) -> None:
    await load(db, 30)
    await visit(page, address)
    await page.shows("#rows", "question 29")
    await page.press("Tab")
    assert await page.run("document.activeElement.className") == "skip"
    await page.press("Enter")
    await page.wait("document.activeElement.id === 'main'")

    await page.tab_to("[name=search]")
    await page.type("question 28")
    await page.press("Enter")
    await page.wait(f"document.querySelectorAll('{ROWS}').length === 1")
    await page.tab_to("#clear-filters")
    await page.press("Enter")
    await page.shows("#rows", "question 29")

    await page.tab_to(f"{ROWS}:nth-child(2) a")
    await page.press("Enter")
    await page.shows("#detail", "answer 28")
    await page.tab_to("#detail summary")
    await page.press("Enter")
    await page.shows("#detail pre", '"content": "question 28"')
    await page.press("Escape")
    await page.wait("!document.querySelector('#detail').open")
    assert await page.run("document.activeElement.innerText") == "question 28"
    await page.wait("location.search === ''")
    await page.run("history.forward()")
    await page.shows("#detail", "answer 28")
    await page.run("history.back()")
    await page.wait("!document.querySelector('#detail').open")

    await page.tab_to("#next")
    await page.press("Enter")
    await page.shows("#rows", "question 9")
    await page.tab_to("#to-providers")
    await page.press("Enter")
    await page.tab_to("#new-provider")
    await page.press("Enter")
    await page.shows("#provider-dialog", "New provider")
    await page.type("Made without a mouse")
    await page.tab_to("[name=apiKey]")
    await page.type("sk-sesame")
    await page.tab_to("#provider-save")
    await page.press("Enter")
    await page.shows("#provider-rows", "Made without a mouse")
    await page.wait("document.activeElement.id === 'new-provider'")
    await page.tab_to("[aria-label='Delete Made without a mouse']")
    await page.press("Enter")
    await page.shows("#delete-dialog", "Delete Made without a mouse?")
    await page.press("Escape")
    await page.wait("document.activeElement.ariaLabel === 'Delete Made without a mouse'")


FORMATS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "chat": (
        {"messages": [{"role": "user", "content": "asked"}]},
        {"choices": [{"message": {"role": "assistant", "content": "told"}}]},
    ),
    "parts": (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "asked"}]}]},
        {"content": [{"type": "text", "text": "told"}]},
    ),
    "responses": (
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "asked"}]}]},
        {"output": [{"type": "message", "content": [{"type": "output_text", "text": "told"}]}]},
    ),
    "contents": (
        {"contents": [{"role": "user", "parts": [{"text": "asked"}]}]},
        {"candidates": [{"content": {"parts": [{"text": "told"}]}}]},
    ),
    "generate": ({"prompt": "asked"}, {"response": "told"}),
    "completions": ({"prompt": ["asked"]}, {"choices": [{"text": "told"}]}),
    "local": ({"messages": [{"content": "asked"}]}, {"message": {"content": "told"}}),
}


async def test_prompt_and_answer_are_found_in_every_format_that_previews_know(
    page: Page, address: str, db: salacia.Database
) -> None:
    for name, (request, response) in FORMATS.items():
        await db.ai_interactions.create(model=name, request=request, response=response)
    for message in (await db.messages.search()).items:
        assert (message.request_preview, message.response_preview) == ("asked", "told")
        await page.open(f"{address}/?message={message.id}")
        await page.shows("#detail-title", message.model)
        said = await page.texts("#detail p.said")
        assert said == ["asked", "told"], message.model
    strange = await db.ai_interactions.create(model="strange", request={"what": 1})
    await page.open(f"{address}/?message={strange.id}")
    await page.shows("#detail", "No text in a format that is known here")
    await page.open(f"{address}/?message={UUID(int=0)}")
    await page.shows("#detail [role=alert]", "No such message.")


async def test_what_comes_from_outside_is_shown_as_text(
    page: Page, address: str, db: salacia.Database
) -> None:
    attack = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    made = await db.ai_providers.create(
        name=attack[:100], type="ollama", models=[attack], base_url=attack
    )
    message = await db.ai_interactions.create(
        model=attack[:100],
        provider_id=made.id,
        request={"messages": [{"role": attack, "content": attack}], "long": 12345678901234567890},
        response={"completion": attack},
        error=attack,
        status_code=500,
    )
    await db.ai_interactions.create(model="pending", request={"prompt": "word" * 100})
    await visit(page, address)
    await page.shows("#rows", attack)
    await page.shows("#top-models", attack[:100])
    await page.resize(360, 780)
    await page.wait(f"{WIDTH} === 360")
    await page.open(f"{address}/?message={message.id}")
    await page.shows("#detail", attack)
    await page.run("document.querySelectorAll('#detail details').forEach(d => d.open = true)")
    assert "12345678901234567890" in await page.text("#detail")
    await page.wait(f"{WIDTH} === 360")
    await page.open(f"{address}/?view=providers")
    await page.shows("#provider-rows", attack)
    await page.wait(f"{WIDTH} === 360")
    images = await page.run("[...document.images].map(image => image.src)")
    assert images == [f"{address}/page/icon.svg"]
    assert await page.run("document.title") != "taken"


async def test_on_every_screen_there_is_room_for_what_is_read(
    page: Page, address: str, db: salacia.Database
) -> None:
    models = [f"model-{n}-of-a-long-list" for n in range(40)]
    await db.ai_providers.create(name="Provider", type="ollama", models=models)
    await db.ai_interactions.create(
        model="gpt-4o", request={"prompt": "a prompt"}, total_tokens=1_048_576, response={}
    )
    await page.open(f"{address}/?view=providers")
    await page.shows("#provider-rows", models[0])
    for width in (360, 720, 900, 1000, 1280):
        await page.resize(width, 900)
        for kind in ("name", "address", "models"):
            assert await page.run(f"document.querySelector('td.{kind}').offsetWidth") > 85, width
        assert await page.run("document.querySelector('#provider-rows tr').offsetHeight") < 300
    await page.open(address)
    await page.shows("#rows", "a prompt")
    assert await page.texts("#rows .outcome") == ["No status"]
    for width in (360, 720, 900, 1000, 1280):
        await page.resize(width, 900)
        assert await page.run("document.querySelector('td.said').offsetWidth") > 200, width
        cut = "(cell => cell.scrollWidth > cell.clientWidth)(document.querySelector('td.tokens'))"
        assert not await page.run(cut), width


async def test_where_a_token_is_wanted_the_page_asks_for_it_once(
    page: Page, url: str, db: salacia.Database
) -> None:
    await load(db, 3)
    with served(url, SALACIA_TOKEN=TOKEN) as address:
        await page.open(address)
        await page.shows("#locked", "token")
        await page.type("another token altogether")
        await page.press("Enter")
        await page.shows("#token-error", "isn’t the token")
        await page.type(TOKEN)
        await page.press("Enter")
        await page.shows("#rows", "question 2")
        await page.shows("#connection", "Live")
        await page.reload()
        await page.shows("#rows", "question 2")
        assert not await page.run("document.querySelector('#locked').checkVisibility()")
        assert TOKEN not in await page.run("document.documentElement.outerHTML + location.href")
        await page.click("#forget")
        await page.shows("#locked", "token")


def keep(picture: bytes, name: str) -> None:
    """Keeps a screenshot, where somebody wants to look at them."""
    if folder := os.environ.get("SALACIA_SCREENSHOTS"):
        Path(folder, name).write_bytes(picture)


# The least contrast of all texts that are seen, with where it is.
CONTRAST = """
(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => v / 255).map((v) =>
      v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgba(getComputedStyle(e).backgroundColor);
      if (color[3] === 255) return color;
    }
    return rgba("Canvas");
  };
  let least = [99, ""];
  for (const element of document.querySelectorAll("body *")) {
    const style = getComputedStyle(element);
    const texts = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
    const text = texts.map((node) => node.data).join("");
    if (!(text.trim() || element.value) || !element.checkVisibility()) continue;
    const ink = element.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(rgba(ink)), light(ground(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < least[0]) least = [ratio, element.outerHTML.slice(0, 200)];
  }
  return least;
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everything_can_be_read_in_light_and_dark_wide_and_narrow(
    page: Page, address: str, db: salacia.Database, scheme: str
) -> None:
    await a_day(db)
    failed = await db.messages.search(failed=True, limit=1)
    await page.prefer(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
    dark = await page.run("matchMedia('(prefers-color-scheme: dark)').matches")
    assert dark == (scheme == "dark")
    views = {
        "messages": ("", "#rows", "OK"),
        "detail": (f"?message={failed.items[0].id}", "#detail", "rate limit"),
        "providers": ("?view=providers", "#provider-rows", "Anthropic"),
    }
    for name, (query, place, text) in views.items():
        for width, height in ((1280, 900), (360, 780)):
            await page.resize(width, height)
            await page.open(f"{address}/{query}")
            await page.shows(place, text)
            await page.wait("document.querySelectorAll('#periods .card').length === 3")
            await page.wait(
                "document.querySelector('#providers').checkVisibility()"
                " || !document.querySelector('#statistics').open"
                " || document.querySelector('#chart svg')"
            )
            keep(await page.screenshot(), f"{name}-{scheme}-{width}.png")
            ratio, where = await page.run(CONTRAST)
            assert ratio >= 4.5, where
            await page.wait(f"{WIDTH} === {width}")
    luminance = await page.run("getComputedStyle(document.body).backgroundColor")
    assert (int(luminance.strip("rgb()").split(",")[0]) < 128) == (scheme == "dark")
