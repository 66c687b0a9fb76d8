"""What dropped lines leave behind is tidied: commas, AND and OR; empty WITH, WHERE and ORDER BY.

Only next to a gap, never elsewhere; and only by words that PostgreSQL reserves, since any other
could be the name of a column.
"""

from collections.abc import Sequence

from msgspec import Struct

from salacia_db.codegen.source.lexer import Token

# What can follow a list or a condition, but begin neither an element nor an operand.
_ENDS = (
    *("from", "where", "group", "having", "window", "order", "limit", "offset", "fetch", "for"),
    *("union", "intersect", "except", "returning", "on", "into", "select", "using"),
    *("when", "then", "else", "end", "do"),
)
# What a list comes right after.
_BEFORE_LIST = ("select", "distinct", "all", "returning", "from", "using", "with", "recursive")
# What the list of a WITH is followed by.
_MAIN = ("select", "values", "table", "insert", "update", "delete", "merge")


class Tidied(Struct, frozen=True):
    """The tokens to remove besides the dropped lines, and whether a SET is left empty."""

    removed: tuple[Token, ...]
    writes_nothing: bool


def tidy(tokens: Sequence[Token], dropped: Sequence[tuple[int, int]]) -> Tidied:
    """Tidy a statement, given as its significant tokens, whose `dropped` ranges are left out."""
    left: list[Token] = []
    removed: list[Token] = []
    writes_nothing = False
    gap = False
    places = sorted(dropped, reverse=True)
    end = 0
    for token in tokens:
        while places and places[-1][0] <= token.start:
            end = max(end, places.pop()[1])
        if token.start < end:
            gap = True
            continue
        if gap:
            removed += _close(left, token)
            writes_nothing |= _is_empty_set(left, token)
            # While what follows the gap goes too, the gap goes on.
            if _goes(left, token):
                removed.append(token)
                continue
        gap = False
        left.append(token)
    if gap:
        removed += _close(left, None)
        writes_nothing |= _is_empty_set(left, None)
    return Tidied(tuple(removed), writes_nothing)


def _close(left: list[Token], after: Token | None) -> list[Token]:
    """Remove from the end of `left` what can't stand before `after`."""
    removed: list[Token] = []
    while left:
        last = left[-1]
        if last.is_symbol(","):
            needless = _ends(after) or (after is not None and after.is_symbol(","))
            needless = needless or (_is_main(after) and _in_with(left))
        elif last.is_word("with", "recursive"):
            needless = _is_main(after) and _in_with(left)
        elif last.is_word("by"):
            needless = _ends(after) and len(left) > 1 and left[-2].is_word("order")
            if needless:
                removed.append(left.pop())
        else:
            needless = _ends(after) and last.is_word("where", "having", "and", "or")
        if not needless:
            break
        removed.append(left.pop())
    return removed


def _is_main(after: Token | None) -> bool:
    return after is not None and after.is_word(*_MAIN)


def _in_with(left: Sequence[Token]) -> bool:
    """Whether `left` ends within the list of a WITH, and not within one of its statements."""
    depth = 0
    for token in reversed(left):
        if token.is_symbol(")", "]"):
            depth += 1
        elif token.is_symbol("(", "["):
            depth -= 1
            if depth < 0:
                return False
        elif depth == 0 and token.is_word("with"):
            return True
        elif depth == 0 and token.is_word(*_MAIN):
            return False
    return False


def _goes(left: Sequence[Token], token: Token) -> bool:
    """Whether a token behind a gap can't stand after what is left before it."""
    last = left[-1] if left else None
    if token.is_symbol(","):
        return last is None or last.is_symbol("(", "[") or _begins_list(left)
    if token.is_word("and", "or"):
        return last is not None and (last.is_word("where", "having", "on") or last.is_symbol("("))
    return False


def _begins_list(left: Sequence[Token]) -> bool:
    last = left[-1]
    if last.is_word("by"):
        return len(left) > 1 and left[-2].is_word("order", "group", "partition")
    return last.is_word(*_BEFORE_LIST) or _is_set(left)


def _ends(after: Token | None) -> bool:
    return after is None or after.is_symbol(")", "]", ";") or after.is_word(*_ENDS)


def _is_set(left: Sequence[Token]) -> bool:
    """Whether `left` ends with the SET of an UPDATE, and not with a column of that name."""
    if not left or not left[-1].is_word("set") or not any(t.is_word("update") for t in left):
        return False
    return not (left[-2].is_symbol(",", ".", "(") or left[-2].is_word("select", "returning"))


def _is_empty_set(left: Sequence[Token], after: Token | None) -> bool:
    if not _ends(after) or not _is_set(left) or left[-2].is_word("update"):
        return False  # `do update set` and `then update set` belong to more than an UPDATE
    opened = sum(token.is_symbol("(") for token in left)
    return opened == sum(token.is_symbol(")") for token in left)
