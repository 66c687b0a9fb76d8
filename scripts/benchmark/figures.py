"""From slices to figures: medians and quartiles over the rounds, ratios within a round."""

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec import Struct

from benchmark.contenders import TUNED, WRITTEN
from benchmark.rounds import Slice

Key = tuple[str, int, str]


class Spread(Struct, frozen=True):
    """A median over the rounds, with its quartiles."""

    median: float
    q1: float
    q3: float


class Figure(Struct, frozen=True):
    """All that is known of one contender at one workload.

    `vs_tuned` and `vs_written` are ratios of calls a second to asyncpg tuned by hand and to asyncpg
    as people write it; None where that wasn't measured.
    """

    workload: str
    tasks: int
    contender: str
    ops_per_s: Spread
    client_cpu_us: Spread
    round_trips: float
    vs_tuned: Spread | None
    vs_written: Spread | None


def figures(slices: Sequence[Slice], trips: Mapping[Key, float]) -> list[Figure]:
    """One per workload, number of tasks and contender."""
    rates: dict[Key, dict[int, float]] = defaultdict(dict)
    cpus: dict[Key, list[float]] = defaultdict(list)
    for each in slices:
        key = each.workload, each.tasks, each.contender
        rates[key][each.round] = each.calls / each.wall
        cpus[key].append(each.cpu / each.calls * 1e6)
    return [
        Figure(
            *key,
            ops_per_s=spread(list(rate.values())),
            client_cpu_us=spread(cpus[key]),
            round_trips=trips[key],
            vs_tuned=_ratio(rate, rates.get((*key[:2], TUNED))),
            vs_written=_ratio(rate, rates.get((*key[:2], WRITTEN))),
        )
        for key, rate in rates.items()
    ]


def spread(values: Sequence[float]) -> Spread:
    """The median and the quartiles of at least one value."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(middle, low, high)


def _ratio(mine: Mapping[int, float], base: Mapping[int, float] | None) -> Spread | None:
    if base is None:
        return None
    return spread([rate / base[number] for number, rate in mine.items()])


def mean(
    figures: Sequence[Figure], contender: str, tasks: int, among: Sequence[str]
) -> float | None:
    """The geometric mean of `vs_written` over these workloads; None if one is missing."""
    found = {
        each.workload: each.vs_written.median
        for each in figures
        if each.contender == contender and each.tasks == tasks and each.vs_written is not None
    }
    if not all(name in found for name in among):
        return None
    return statistics.geometric_mean(found[name] for name in among)
