"""The figures as a picture: a bar for each contender, at one task and at 32."""

from collections.abc import Sequence
from html import escape

from benchmark.contenders import CONTENDERS
from benchmark.figures import Figure, mean
from benchmark.workloads import CORE

_WIDTH, _LEFT, _RIGHT = 760, 230, 60
_BAR, _ROW, _TOP = 12, 36, 56
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f } .small { font-size: 11px }
.one { fill: #4c78a8 } .many { fill: #f2a541 } line { stroke: #8c959f; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) { text { fill: #d0d7de } }
"""


def svg(figures: Sequence[Figure]) -> str | None:
    """Geometric means over W1 to W9, the fastest first; None where they weren't all measured."""
    rows = []
    for entry in CONTENDERS:
        one, many = (mean(figures, entry.name, tasks, CORE) for tasks in (1, 32))
        if one is not None and many is not None:
            rows.append((many, one, entry.title))
    if not rows:
        return None
    rows.sort(reverse=True)
    scale = (_WIDTH - _LEFT - _RIGHT) / max(max(row[:2]) for row in rows)
    height = _TOP + _ROW * len(rows) + 8
    base = _LEFT + scale
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        "<title>Calls a second as a ratio to asyncpg as people write it</title>",
        f"<style>{_STYLE}</style>",
        '<text x="8" y="18">Calls a second, as a ratio to asyncpg as people write it</text>',
        '<rect class="one" x="8" y="30" width="10" height="10"/>'
        '<text class="small" x="22" y="39">1 task</text>',
        '<rect class="many" x="80" y="30" width="10" height="10"/>'
        '<text class="small" x="94" y="39">32 tasks</text>',
    ]
    for number, (many, one, title) in enumerate(rows):
        y = _TOP + _ROW * number
        parts.append(f'<text x="8" y="{y + 17}">{escape(title)}</text>')
        for ratio, kind, top in ((one, "one", y), (many, "many", y + _BAR + 1)):
            end = _LEFT + ratio * scale
            parts.append(
                f'<rect class="{kind}" x="{_LEFT}" y="{top}" width="{ratio * scale:.1f}" '
                f'height="{_BAR}"/><text class="small" x="{end + 5:.1f}" y="{top + 10}">'
                f"{ratio:.2f}</text>"
            )
    parts.append(f'<line x1="{base:.1f}" x2="{base:.1f}" y1="{_TOP - 6}" y2="{height - 8}"/></svg>')
    return "\n".join(parts) + "\n"
