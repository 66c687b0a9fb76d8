"""A headless Chromium, driven by its own protocol over a pipe: no driver, no port, no package."""

import asyncio
import base64
import fcntl
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from tempfile import TemporaryDirectory
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
LIMIT = 120.0
"""How many seconds anything may take on a machine that is busy with other things."""

_OPTIONS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # it isn't to be had in containers, and only pages of our own are opened
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-proxy-server",
    "--hide-scrollbars",
    "--lang=en-US",
)
# Chromium reads commands from descriptor 3 and answers on 4.
_START = "import os, sys; r, w = map(int, sys.argv[1:3]); os.dup2(r, 3); os.dup2(w, 4);"
_START += "os.execv(sys.argv[3], sys.argv[3:])"
# The key's number, and the text that it stands for.
_KEYS = {
    "Tab": (9, ""),
    "Enter": (13, "\r"),
    "Escape": (27, ""),
}


def find() -> str | None:
    """Where a Chromium is, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """A running Chromium."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.WriteTransport) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._pages: dict[str, Page] = {}

    async def read(self) -> None:
        """Takes what Chromium says, until it ends."""
        with suppress(asyncio.IncompleteReadError):
            while True:
                told = json.loads((await self._reader.readuntil(b"\0"))[:-1])
                if "id" in told:
                    self._answers.pop(told["id"]).set_result(told)
                elif (page := self._pages.get(told.get("sessionId", ""))) is not None:
                    page.take(told["method"], told["params"])
        for answer in self._answers.values():
            answer.set_exception(CommandFailed("Chromium has ended"))

    async def send(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        """Sends a command and gives its answer."""
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": parameters}
        if session is not None:
            command["sessionId"] = session
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._writer.write(json.dumps(command).encode() + b"\0")
        # Shielded, since its answer may yet come.
        told = await asyncio.wait_for(asyncio.shield(answer), LIMIT)
        if "error" in told:
            raise CommandFailed(f"{method}: {told['error']['message']}")
        return told["result"]

    @asynccontextmanager
    async def page(self, width: int = 1280, height: int = 900) -> "AsyncIterator[Page]":
        """A page with a storage of its own, which at the end must not have complained."""
        context = (await self.send("Target.createBrowserContext"))["browserContextId"]
        target = await self.send("Target.createTarget", url="about:blank", browserContextId=context)
        attached = await self.send(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        page = self._pages[attached["sessionId"]] = Page(self, attached["sessionId"])
        try:
            for domain in ("Page", "Runtime", "Log"):
                await page.send(f"{domain}.enable")
            await page.resize(width, height)
            yield page
            assert page.complaints == []
        finally:
            del self._pages[attached["sessionId"]]
            await self.send("Target.disposeBrowserContext", browserContextId=context)


class CommandFailed(Exception):
    """Chromium refused a command, or a script raised."""


class Page:
    """A tab, as somebody at a keyboard and a screen has it."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self.complaints: list[str] = []

    def take(self, method: str, parameters: dict[str, Any]) -> None:
        """Keeps what the page complains of: exceptions, and what its policy forbids."""
        if method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.complaints.append(details.get("exception", details).get("description", "?"))
        elif method == "Log.entryAdded" and parameters["entry"]["source"] == "security":
            self.complaints.append(parameters["entry"]["text"])

    async def send(self, method: str, **parameters: Any) -> Any:
        """Sends a command for this tab."""
        return await self._browser.send(method, self._session, **parameters)

    async def open(self, address: str) -> None:
        """Goes to an address, and waits until the page has been read."""
        await self.run("window.isLeft = true")
        await self.send("Page.navigate", url=address)
        await self.wait("!window.isLeft && document.readyState === 'complete'")

    async def reload(self) -> None:
        """Reads the page anew."""
        await self.run("window.isLeft = true; location.reload()")
        await self.wait("!window.isLeft && document.readyState === 'complete'")

    async def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        given = await self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in given:
            raise CommandFailed(f"{script}: {given['exceptionDetails']}")
        return given["result"].get("value")

    async def wait(self, condition: str) -> None:
        """Waits until an expression is true, across navigations."""
        try:
            async with asyncio.timeout(LIMIT):
                while not await self._holds(condition):  # noqa: ASYNC110 - it is another process
                    await asyncio.sleep(0.03)
        except TimeoutError:
            raise AssertionError(f"never: {condition}\n{await self.text()}") from None

    async def _holds(self, condition: str) -> bool:
        try:
            return bool(await self.run(f"Boolean({condition})"))
        except CommandFailed:
            return False  # the page is between two documents

    async def text(self, selector: str = "body") -> str:
        """What can be read of an element."""
        return str(await self.run(f"document.querySelector({json.dumps(selector)}).innerText"))

    async def texts(self, selector: str) -> list[str]:
        """What can be read of each such element."""
        script = f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.innerText)"
        found: list[str] = await self.run(script)
        return found

    async def shows(self, selector: str, text: str) -> None:
        """Waits until an element that is seen has a text."""
        element = f"document.querySelector({json.dumps(selector)})"
        await self.wait(
            f"{element}?.checkVisibility() && {element}.innerText.includes({json.dumps(text)})"
        )

    async def click(self, selector: str) -> None:
        """Presses the middle of an element with the mouse, once nothing lies above it."""
        element = f"document.querySelector({json.dumps(selector)})"
        middle = "(b => [b.x + b.width / 2, b.y + b.height / 2])(e.getBoundingClientRect())"
        await self.wait(
            "(e => { e?.scrollIntoView({ block: 'center', behavior: 'instant' });"
            f" return e && e.contains(document.elementFromPoint(...{middle})) }})({element})"
        )
        box = await self.run(f"(e => {middle})({element})")
        for kind in ("mousePressed", "mouseReleased"):
            await self.send(
                "Input.dispatchMouseEvent",
                type=kind,
                x=box[0],
                y=box[1],
                button="left",
                clickCount=1,
            )

    async def press(self, key: str) -> None:
        """Presses Tab, Enter or Escape."""
        number, text = _KEYS[key]
        event = {"key": key, "code": key, "windowsVirtualKeyCode": number}
        await self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **event)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **event)

    async def type(self, text: str) -> None:
        """Types into what has the focus, instead of what is selected."""
        await self.run("document.activeElement.select?.()")
        await self.send("Input.insertText", text=text)

    async def fill(self, selector: str, value: str) -> None:
        """Sets a field as somebody would: what is typed or chosen, and that it has changed."""
        await self.run(
            f"(e => {{ e.value = {json.dumps(value)};"
            " for (const kind of ['input', 'change'])"
            " e.dispatchEvent(new Event(kind, {bubbles: true}));"
            f"}})(document.querySelector({json.dumps(selector)}))"
        )

    async def tab_to(self, selector: str) -> None:
        """Goes forward by Tab until an element has the focus."""
        for _ in range(200):
            await self.press("Tab")
            if await self.run(f"document.activeElement.matches({json.dumps(selector)})"):
                return
        raise AssertionError(f"Tab never reaches {selector}")

    async def resize(self, width: int, height: int) -> None:
        """Gives the tab a size in CSS pixels."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    async def prefer(self, **features: str) -> None:
        """Sets what somebody prefers: `prefers_color_scheme="dark"`."""
        given = [{"name": k.replace("_", "-"), "value": v} for k, v in features.items()]
        await self.send("Emulation.setEmulatedMedia", features=given)

    async def screenshot(self) -> bytes:
        """What is seen, as a PNG."""
        given = await self.send("Page.captureScreenshot", format="png")
        return base64.b64decode(given["data"])


@asynccontextmanager
async def chromium(path: str) -> AsyncIterator[Browser]:
    """A Chromium that ends with the block and leaves nothing behind."""
    with TemporaryDirectory(prefix="chromium", ignore_cleanup_errors=True) as folder:
        ours, theirs = _pipe(), _pipe()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _START, str(ours[0]), str(theirs[1])),
            *(path, *_OPTIONS, f"--user-data-dir={folder}"),
            pass_fds=(ours[0], theirs[1]),
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "HOME": folder, "LANGUAGE": "en_US"},
        )
        os.close(ours[0])
        os.close(theirs[1])
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=1 << 26)
        incoming, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(theirs[0], "rb", 0)
        )
        outgoing, _ = await loop.connect_write_pipe(
            asyncio.BaseProtocol, os.fdopen(ours[1], "wb", 0)
        )
        browser = Browser(reader, outgoing)
        reading = asyncio.create_task(browser.read())
        try:
            await browser.send("Browser.getVersion")
            yield browser
        finally:
            with suppress(CommandFailed, TimeoutError):
                await browser.send("Browser.close")
                await asyncio.wait_for(process.wait(), LIMIT)
            if process.returncode is None:
                process.kill()
                await process.wait()
            reading.cancel()
            outgoing.close()
            incoming.close()


def _pipe() -> tuple[int, int]:
    """A pipe whose descriptors are none that Chromium expects something else on."""
    low = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in low)
    for end in low:
        os.close(end)
    return high[0], high[1]
