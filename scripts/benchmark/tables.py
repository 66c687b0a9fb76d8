"""The figures as Markdown."""

from collections.abc import Callable, Iterable, Sequence

from benchmark.contenders import CONTENDERS
from benchmark.figures import Figure, mean
from benchmark.workloads import CORE, WORKLOADS, Workload

BEGIN = "<!-- what follows is written by ./scripts/bench -->"
END = "<!-- until here -->"
_TITLES = {entry.name: entry.title for entry in CONTENDERS}
Cell = Callable[[Figure], str]


def markdown(figures: Sequence[Figure], conditions: str) -> str:
    """All tables. `conditions` is what is to be known of the machine."""
    core = [each for each in WORKLOADS if each.name in CORE]
    rest = [each for each in WORKLOADS if each.name not in CORE]
    parts = [conditions]
    ratios = _table(figures, core, _ratio, means=True)
    if ratios:
        parts += ["### Calls a second, as a ratio to asyncpg as people write it", ratios]
    tuned = _table(figures, core, _tuned)
    if tuned:
        parts += ["### The same, as a ratio to asyncpg tuned by hand, with quartiles", tuned]
    for title, cell in (
        ("### Calls a second", _rate),
        ("### Processor time of the client for each call, in µs", _cpu),
        ("### Round trips for each call", _trips),
    ):
        for workloads in (core, rest):
            table = _table(figures, workloads, cell)
            if table:
                parts += [
                    title if workloads is core else f"{title}: streams, sharing, hooks, units"
                ]
                parts += [table]
    return "\n\n".join(parts)


def between(text: str, tables: str) -> str:
    """A document with the tables in the place of those that it has."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


def _table(
    figures: Sequence[Figure], workloads: Iterable[Workload], cell: Cell, *, means: bool = False
) -> str:
    """A row per contender, a column per workload, whose numbers of tasks share a cell."""
    found = {(each.workload, each.tasks, each.contender): each for each in figures}
    measured = {each.workload for each in figures}
    columns = [each for each in workloads if each.name in measured]
    rows = []
    for name, title in _TITLES.items():
        cells = []
        for column in columns:
            here = [found.get((column.name, tasks, name)) for tasks in column.tasks]
            cells.append(" / ".join(cell(each) for each in here if each is not None))
        if means:
            cells.append(_means(figures, name))
        if any(cells):
            rows.append(f"| {title} | {' | '.join(cells)} |")
    if not columns or not any("0" <= char <= "9" for row in rows for char in row.partition("|")[2]):
        return ""
    heads = [f"{each.name} {each.title}{_tasks(each)}" for each in columns]
    heads += ["geometric mean"] if means else []
    return "\n".join([f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|", *rows])


def _tasks(workload: Workload) -> str:
    return "" if workload.tasks == (1,) else f", {' / '.join(map(str, workload.tasks))} tasks"


def _means(figures: Sequence[Figure], contender: str) -> str:
    measured = {each.workload for each in figures}
    among = [name for name in CORE if name in measured]
    found = [mean(figures, contender, tasks, among) for tasks in (1, 32)] if among else []
    return " / ".join(f"{each:.2f}" for each in found if each is not None)


def _ratio(figure: Figure) -> str:
    return "" if figure.vs_written is None else f"{figure.vs_written.median:.2f}"


def _tuned(figure: Figure) -> str:
    ratio = figure.vs_tuned
    return "" if ratio is None else f"{ratio.median:.2f} ({ratio.q1:.2f}–{ratio.q3:.2f})"


def _rate(figure: Figure) -> str:
    return f"{figure.ops_per_s.median:,.0f}"


def _cpu(figure: Figure) -> str:
    return f"{figure.client_cpu_us.median:,.0f}"


def _trips(figure: Figure) -> str:
    trips = figure.round_trips
    return f"{trips:.2g}" if trips < 10 else f"{trips:.0f}"
