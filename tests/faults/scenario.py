"""A scenario: what goes wrong, how often, and for whom."""

import shutil
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from msgspec import Struct, field

from faults.bench import Bench, Found, Step
from faults.clients import Asyncpg, Client, Salacia

__all__ = ["SCENARIOS", "Bench", "NotRun", "Scenario", "Step", "find_program", "run", "scenario"]

Body = Callable[[Bench], Coroutine[Any, Any, None]]


class Scenario(Struct, frozen=True):
    """A fault, and who has to bear it.

    `quick` and `full` are numbers of attempts; what they mean is the body's to say. `own` servers
    can be restarted; else the scenario has a database of its own on a server that others use, too.
    `settings` are those of an own server. `ci`: part of the quick selection that the tests run.
    `programs` must be there, else it is not run. `pooled` libraries are told that a pooler stands
    before the server. `against` are the libraries.
    """

    name: str
    title: str
    body: Body
    quick: int
    full: int
    size: int = 4
    timeout: float = 1.0
    acquire: float = 5.0
    own: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    ci: bool = True
    programs: tuple[str, ...] = ()
    pooled: bool = False
    against: tuple[type[Client], ...] = (Salacia, Asyncpg)

    def lacking(self) -> str | None:
        """Why it can't be run here; None where it can."""
        missing = [each for each in self.programs if find_program(each) is None]
        return f"{', '.join(missing)} not found" if missing else None


class NotRun(Exception):
    """Raised by a scenario's body where something that it needs isn't there: says what."""


SCENARIOS: dict[str, Scenario] = {}


def scenario(title: str, *, quick: int, full: int, **options: Any) -> Callable[[Body], Body]:
    """Registers a function as a scenario; its name, with dashes, is the scenario's."""

    def register(body: Body) -> Body:
        name = body.__name__.replace("_", "-")
        assert name not in SCENARIOS, name
        SCENARIOS[name] = Scenario(name, title, body, quick, full, **options)
        return body

    return register


def find_program(name: str) -> str | None:
    """A program on PATH, or where Debian keeps those of administrators."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


async def run(scenario: Scenario, library: type[Client], *, quick: bool) -> Found:
    """Runs a scenario for one library. Raises `NotRun`."""
    lacking = scenario.lacking()
    if lacking is not None:
        raise NotRun(lacking)
    return await Bench(scenario, scenario.quick if quick else scenario.full).run(library)
