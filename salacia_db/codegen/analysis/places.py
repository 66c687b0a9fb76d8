"""Where output columns stand in a statement's text, for trees that don't tell."""

from collections.abc import Callable

from msgspec import Struct

from salacia_db.codegen.analysis.names import outputs, ungrouped
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.source.lexer import Token, lex

_ENDS = (
    "from where group having window union intersect except order limit offset fetch for into"
).split()
# Behind these a word isn't the key word that it looks like: a label, `is distinct from`, `within
# group`.
_NOT_BEHIND = ("as", "distinct", "within")
_BRACKETS = {"(": 1, "[": 1, ")": -1, "]": -1}


class _Item(Struct, frozen=True):
    """An item of an output list: characters of the text."""

    start: int
    end: int
    star: bool


def starts(sql: str, columns: int, count: Callable[[str], int | None]) -> list[list[int]]:
    """The byte at which each output column starts, for each output list of the outermost query.

    Columns of a star all start at the star. A set operation has a list for each branch. `count`
    tells how many columns another statement returns, None where it is refused. A list whose stars
    can't be told apart is empty.
    """
    found: list[list[int]] = []
    for items in _lists(sql):
        widths = _widths(sql, items, columns, count)
        places = [len(sql[: item.start].encode("utf-8", "surrogatepass")) for item in items]
        found.append([p for p, width in zip(places, widths, strict=False) for _ in range(width)])
    return found


def place_outputs(query: Node, places: list[list[int]]) -> bool:
    """Give the query's output columns their places; False where some are left without."""
    branches = _branches(query)
    if not outputs(query):
        return True
    if [len(outputs(branch)) for branch in branches] != [len(starting) for starting in places]:
        return False
    for branch, starting in zip(branches, places, strict=True):
        for entry, start in zip(outputs(branch), starting, strict=True):
            expression = entry.node("expr")
            for node in (expression, ungrouped(expression, branch)):
                if node is not None and node.get("location") in (None, -1):
                    node.fields["location"] = start
    return True


def _lists(sql: str) -> list[list[_Item]]:
    """The items of RETURNING, or of each SELECT that stands in no brackets."""
    tokens = [token for token in lex(sql) if token.significant and token.text != ";"]
    depths: list[int] = []
    depth = 0
    for token in tokens:
        step = _BRACKETS.get(token.text, 0) if token.kind == "symbol" else 0
        depths.append(depth + min(step, 0))
        depth += step
    heads = [i for i in range(len(tokens)) if _is_key(tokens, depths, i, "returning")]
    heads = heads or [i for i in range(len(tokens)) if _is_key(tokens, depths, i, "select")]
    return [_items(tokens, depths, head + 1) for head in heads]


def _is_key(tokens: list[Token], depths: list[int], at: int, *words: str) -> bool:
    """Whether one of these key words stands there, outside of brackets."""
    if depths[at] or not tokens[at].is_word(*words):
        return False
    before = tokens[at - 1] if at else None
    return before is None or not (before.is_word(*_NOT_BEHIND) or before.is_symbol("."))


def _items(tokens: list[Token], depths: list[int], first: int) -> list[_Item]:
    first = _behind_options(tokens, depths, first)
    items: list[_Item] = []
    for i in range(first, len(tokens) + 1):
        ended = i == len(tokens) or _is_key(tokens, depths, i, *_ENDS)
        if ended or (depths[i] == 0 and tokens[i].is_symbol(",")):
            if i > first:
                star = tokens[i - 1].text == "*"
                items.append(_Item(tokens[first].start, tokens[i - 1].end, star))
            first = i + 1
        if ended:
            break
    return items


def _behind_options(tokens: list[Token], depths: list[int], at: int) -> int:
    """Behind DISTINCT ON (…), ALL, and RETURNING's WITH (…)."""
    if at < len(tokens) and tokens[at].is_word("distinct", "all", "with"):
        at += 1
        if at < len(tokens) and tokens[at].is_word("on"):
            at += 1
        elif not tokens[at - 1].is_word("with"):
            return at
        while at < len(tokens) and not (depths[at] == 0 and tokens[at].is_symbol(")")):
            at += 1
        at += 1
    return at


def _widths(
    sql: str, items: list[_Item], columns: int, count: Callable[[str], int | None]
) -> list[int]:
    """How many columns each item gives."""
    stars = [item for item in items if item.star]
    widths = {item.start: 1 for item in items}
    for star in stars[:-1]:
        without = count(f"{sql[: star.start]}null{sql[star.end :]}")
        if without is None:
            return []
        widths[star.start] = columns - without + 1
    if stars:
        last = stars[-1].start
        widths[last] = columns - sum(width for start, width in widths.items() if start != last)
    return [widths[item.start] for item in items]


def _branches(query: Node) -> list[Node]:
    """The queries whose columns are listed in the text: the leaves of a set operation, in order."""
    operation = query.node("setOperations")
    if operation is None:
        return [query]
    entries = query.nodes("rtable")
    found: list[Node] = []
    pending: list[Node | None] = [operation]
    while pending:
        node = pending.pop()
        if node is None:
            continue
        if node.tag != "RANGETBLREF":
            pending += [node.node("rarg"), node.node("larg")]
            continue
        branch = entries[node.number("rtindex") - 1].node("subquery")
        found += [] if branch is None else _branches(branch)
    return found
