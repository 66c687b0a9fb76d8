"""Runs a Markdown document as its reader would: files are written, commands run, output compared.

A fenced block belongs to the line above it: a file's name in bold code (**`name`**) means that the
block is written there (a later block of that name replaces it); a `sh` block is run in a shell;
a `text` block after it must appear in what that printed, where `…` stands for anything.
`<!-- fails -->` before a `sh` block says that its last command fails. Other blocks are refused, so
that nothing in a document goes untried.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(r"(?P<before>[^\n]*)\n+```(?P<language>\w+)\n(?P<body>.*?)\n```", re.DOTALL)
FILE = re.compile(r"\*\*`([^`]+)`\*\*")


@dataclass
class Reader:
    """Someone who follows a document in an empty folder."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    printed: str = ""

    def follow(self, document: str) -> int:
        """Do what the document says, from top to bottom; returns how many blocks there were."""
        blocks = list(FENCE.finditer(document))
        assert len(blocks) * 2 == len(re.findall(r"^```", document, re.MULTILINE))
        for block in blocks:
            self._do(block["before"], block["language"], block["body"])
        return len(blocks)

    def _do(self, before: str, language: str, body: str) -> None:
        name = FILE.search(before)
        if name is not None:
            path = self.folder / name[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body + "\n")
        elif language == "sh":
            self._run(body, fails="<!-- fails -->" in before)
        elif language == "text":
            assert appears(body, self.printed), f"{body}\n--- not in ---\n{self.printed}"
        else:
            raise AssertionError(f"a block that nobody runs: {language}: {body[:80]}")

    def _run(self, command: str, *, fails: bool) -> None:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-e"],
            input=command,
            cwd=self.folder,
            env=os.environ | {"PATH": path, "SALACIA_LINGER": "0"} | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.printed = done.stdout
        assert (done.returncode != 0) == fails, f"{command}\n{done.stdout}"


def appears(shown: str, printed: str) -> bool:
    """Whether the text was printed; each `…` in it stands for anything."""
    at, text = 0, squeezed(printed)
    for piece in map(squeezed, shown.split("…")):
        found = text.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def squeezed(text: str) -> str:
    """The text with every run of white space as one space: wrapping is not compared."""
    return " ".join(text.split())
