"""The same work through salacia_db and through its peers.

    ./scripts/bench [--rounds N] [--workloads W1,W4] [--contenders salacia,asyncpg] [--json FILE]

A server of its own is started, with durable settings; all contenders are first seen to give and to
write the same, and their round trips counted by a proxy; then they are measured in rounds. In a
round each contender runs each workload for a short slice, in an order drawn anew, so that what else
the machine does falls on all alike. Ratios are taken within a round. salacia_db runs twice, so
that the distance between the two shows what is noise.

A run of everything writes its tables and its picture into docs/.
"""

import argparse
import asyncio
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import asyncpg
import msgspec

from benchmark import chart, checking, data, processes, proxy, rounds, server, tables
from benchmark.contenders import CONTENDERS, Entry, installed
from benchmark.figures import Figure, figures, spread
from benchmark.processes import BenchmarkError
from benchmark.rounds import Slice
from benchmark.workloads import WORKLOADS, Workload
from salacia_db.codegen.pipeline import generate
from salacia_db.codegen.project import load_project

T = TypeVar("T", Entry, Workload)

_HERE = Path(__file__).parent
_DOCS = _HERE.parents[1] / "docs"


def main() -> None:
    options = _options()
    # Whoever ends it, the server is stopped and its data go.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            workloads = _chosen(options.workloads, WORKLOADS, "workload")
            entries = _entries(options)
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="salacia-bench-")))
            url = stack.enter_context(server.database(options.url))
            _generate_package(url, folder)
            found, slices, version = asyncio.run(_measure(url, folder, entries, workloads, options))
        _report(found, slices, version, options)
    except BenchmarkError as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit("bench: interrupted; nothing was written")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./scripts/bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=_positive, default=11)
    parser.add_argument("--seconds", type=float, default=0.3, help="the length of a slice")
    parser.add_argument("--workloads", metavar="NAMES", help=", ".join(w.name for w in WORKLOADS))
    parser.add_argument("--contenders", metavar="NAMES", help=", ".join(c.name for c in CONTENDERS))
    parser.add_argument("--node", action="store_true", help="Sequelize and postgres.js, too")
    parser.add_argument("--json", metavar="FILE", type=Path, help="where every figure goes")
    parser.add_argument("--docs", metavar="FOLDER", type=Path, help="where tables and picture go")
    parser.add_argument("--rows", type=_positive, default=20_000, help="so many there are")
    parser.add_argument("--seed", type=int, default=1, help="of the order")
    parser.add_argument("--url", help="a server to measure on; else one of its own")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def _chosen(names: str | None, all_: Sequence[T], what: str) -> list[T]:
    if names is None:
        return list(all_)
    asked = names.split(",")
    known = {each.name: each for each in all_}
    for name in asked:
        if name not in known:
            raise BenchmarkError(f"there is no {what} {name!r}; there are {', '.join(known)}")
    return [each for each in all_ if each.name in asked]


def _entries(options: argparse.Namespace) -> list[Entry]:
    asked = _chosen(options.contenders, CONTENDERS, "contender")
    able = [entry for entry in asked if installed(entry) or (entry.node and options.node)]
    for entry in asked:
        if entry not in able and options.contenders is not None:
            how = "give --node" if entry.node else "start the benchmark by ./scripts/bench"
            raise BenchmarkError(f"{entry.title} is not installed here: {how}")
    if any(entry.node for entry in able):
        _install_node()
    return able


def _install_node() -> None:
    """Packages of the versions in package-lock.json, beside the workers that import them."""
    try:
        subprocess.run(["npm", "ci", "--silent"], cwd=_HERE / "node", check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BenchmarkError(f"npm can't install what --node needs: {error}") from None


def _generate_package(url: str, folder: Path) -> None:
    """salacia_db's own code, as its generator writes it today."""
    flags = {
        "out": str(folder / "bench_queries"),
        "schema": [str(_HERE / "schema.sql")],
        "database_url": url,
    }
    made = generate(load_project(_HERE, flags))
    if made.failed:
        raise BenchmarkError("\n".join(problem.message for problem in made.problems))
    made.write()


async def _measure(
    url: str,
    folder: Path,
    entries: Sequence[Entry],
    workloads: Sequence[Workload],
    options: argparse.Namespace,
) -> tuple[list[Figure], list[Slice], str]:
    connection = await asyncpg.connect(url)
    try:
        inputs = await data.seed(connection, options.rows)
        (folder / "inputs.json").write_bytes(msgspec.json.encode(inputs))
        async with (
            proxy.counting(url, folder) as (counter, counted_url),
            processes.workers(entries, counted_url, folder) as workers,
        ):
            await checking.check(workers, workloads, connection)
            trips = await checking.count_round_trips(workers, workloads, counter, connection)
        slices = await rounds.measure(
            lambda: processes.workers(entries, url, folder),
            workloads,
            connection,
            rounds=options.rounds,
            seconds=options.seconds,
            seed=options.seed,
        )
        version = await connection.fetchval("show server_version")
    finally:
        await connection.close()
    return figures(slices, trips), slices, version


def _report(
    found: Sequence[Figure], slices: Sequence[Slice], version: str, options: argparse.Namespace
) -> None:
    text = tables.markdown(found, _conditions(slices, version, options))
    print(text)
    if options.json is not None:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    everything = options.workloads is None and options.contenders is None
    docs = options.docs or (_DOCS if everything else None)
    if docs is not None:
        page = docs / "benchmark.md"
        old = page.read_text("utf-8") if page.exists() else ""
        page.write_text(tables.between(old, text), "utf-8")
        picture = chart.svg(found)
        if picture is not None:
            (docs / "benchmark.svg").write_text(picture, "utf-8")


def _conditions(slices: Sequence[Slice], version: str, options: argparse.Namespace) -> str:
    load = spread([each.load for each in slices])
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} with Python {platform.python_version()} and "
        f"PostgreSQL {version.split()[0]} on {os.cpu_count()} processors, client and server on one "
        f"machine, {options.rows:,} rows; {options.rounds} rounds with slices of "
        f"{options.seconds:g} s. The machine's load average was {load.median:.1f} (quartiles "
        f"{load.q1:.1f} to {load.q3:.1f}); the benchmark itself makes 1 to 2 of it."
    )


if __name__ == "__main__":
    main()
