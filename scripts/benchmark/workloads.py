"""What is measured: each workload's method, its arguments, and what it should give.

The arguments travel to the contenders' processes as JSON, and so do the kinds that say what they
are: `uuid`, `time`, `row` (the columns of a new interaction), `rows`, `updates` (id, response time
and tokens, several times), `name` (made unique by who uses it), `plain`.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from benchmark.models import INTERACTION, NEW, SLIM

# So many rows are written by those who write many.
BULK = 1000
STREAMED = 5000
# Response times from here on are those that updates have written.
WRITTEN = 100_000


class Workload(Struct, frozen=True):
    """One thing to do. `fields` are compared in what it gives; a heavy one is done less often."""

    name: str
    title: str
    method: str
    kinds: tuple[str, ...]
    fields: tuple[str, ...] = ()
    tasks: tuple[int, ...] = (1, 32)
    heavy: bool = False
    adds: int = 0


_BY_MODEL = ("plain",)
_SINCE = ("time",)
_UPDATE = ("uuid", "plain", "plain")

WORKLOADS = (
    Workload("W1", "get one row by key", "get", ("uuid",), INTERACTION),
    Workload("W2", "newest 20 of a model", "page", _BY_MODEL, INTERACTION),
    Workload("W3", "1,000 rows without jsonb", "slim", _SINCE, SLIM, heavy=True),
    Workload("W3b", "1,000 rows with jsonb", "full", _SINCE, INTERACTION, heavy=True),
    Workload("W4", "insert one row, returned", "insert", ("row",), NEW, adds=1),
    Workload("W5", "insert 1,000 rows", "insert_many", ("rows",), heavy=True, adds=BULK),
    Workload("W6", "update by key, returned", "update", _UPDATE, INTERACTION),
    Workload(
        "W7", "20 rows with their parent", "with_provider", _BY_MODEL, (*INTERACTION, "provider")
    ),
    Workload("W8", "two inserts in a transaction", "transaction", ("name", "row"), adds=1),
    Workload("W9", "count and a page of 20", "counted_page", _BY_MODEL, INTERACTION),
    Workload("S", "stream 5,000 rows", "stream", ("time", "plain"), SLIM, (1,), heavy=True),
    Workload(
        "B1", "lookups that may be shared", "get_shared", ("uuid",), INTERACTION, (1, 32, 256)
    ),
    Workload(
        "B4", "inserts that may be shared", "insert_shared", ("row",), NEW, (1, 32, 256), adds=1
    ),
    Workload("H0", "update, no hook", "hooked", ("plain", *_UPDATE), INTERACTION, (1,)),
    Workload("H1", "update, one hook", "hooked", ("plain", *_UPDATE), INTERACTION, (1,)),
    Workload("H10", "update, ten hooks", "hooked", ("plain", *_UPDATE), INTERACTION, (1,)),
    Workload("U1", "unit of work, 1 statement", "unit", ("updates",), tasks=(1, 32)),
    Workload("U10", "unit of work, 10 statements", "unit", ("updates",), tasks=(1, 32)),
)
# What the means are taken of.
CORE = tuple(each.name for each in WORKLOADS if each.name.startswith("W"))


class Seeded(Struct, frozen=True):
    """What the arguments are made from, as JSON has it."""

    ids: list[str]
    models: list[str]
    times: list[str]
    rows: list[dict[str, Any]]
    streamed: int


def arguments(workload: Workload, seeded: Seeded) -> list[list[Any]]:
    """The arguments of one call after the other; what comes after the last is the first again."""
    updates = list(_updates(seeded.ids))
    match workload.name:
        case "W1" | "B1":
            return [[key] for key in seeded.ids]
        case "W2" | "W7" | "W9":
            return [[model] for model in seeded.models]
        case "W3" | "W3b":
            return [[time] for time in seeded.times]
        case "W4" | "B4":
            return [[row] for row in seeded.rows]
        case "W5":
            return [[seeded.rows]]
        case "W6":
            return updates
        case "W8":
            return [["bench", row] for row in seeded.rows]
        case "S":
            return [[seeded.times[0], seeded.streamed]]
        case "H0" | "H1" | "H10":
            return [[int(workload.name[1:]), *update] for update in updates]
        case "U1" | "U10":
            size = int(workload.name[1:])
            # In one order, so that no two transactions wait for each other in a circle.
            return [[sorted(updates[n : n + size])] for n in range(len(updates) - size)]
    raise ValueError(workload.name)


def _updates(ids: list[str]) -> Iterator[list[Any]]:
    return ([key, WRITTEN + n % 900, n % 1000] for n, key in enumerate(ids))
