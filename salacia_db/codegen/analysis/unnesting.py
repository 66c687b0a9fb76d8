"""The text of a statement for one row, rewritten for lists of rows; the server says if it means it.

The lists become the rows of `"$"`, whose columns are named like the parameters that they replace.
`"$"."$n"` is a row's number.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from salacia_db.codegen.source.lexer import Token, lex

XID = "pg_current_xact_id()"


class List(NamedTuple):
    """The type of a parameter's list, and the one that its elements are cast to, if any."""

    type: str
    cast: str | None = None


def unnest_insert(sql: str, lists: Sequence[List]) -> str | None:
    """`insert … values (one row) …`; None where it is anything else."""
    tokens = [token for token in lex(sql) if token.significant]
    at = next((i for i in _outside(tokens) if tokens[i].is_word("values")), len(tokens))
    if not tokens or not tokens[0].is_word("insert") or at + 1 >= len(tokens):
        return None
    close = _closing(tokens, at + 1)
    after = tokens[close + 1] if close is not None and close + 1 < len(tokens) else None
    if close is None or (after is not None and not after.is_word("on", "returning")):
        return None
    if any(token.kind == "parameter" for token in tokens[:at] + tokens[close:]):
        return None
    start, end = tokens[at + 1].end, tokens[close].start
    return (
        f"{sql[tokens[0].start : tokens[at].start]}select {_renamed(sql[start:end])}\n"
        f'from {_rows(lists)} as "$" ({_columns(lists)})\norder by "$"."$n"'
        f"{sql[tokens[close].end :]}"
    )


def unnest_change(sql: str, lists: Sequence[List]) -> str | None:
    """`update … set … where …` or `delete from … where …`, of one table; `sql` ends with the xid.

    Its rows also tell their entry's position, and how many pairs of an entry and a row there were.
    """
    tokens = [token for token in lex(sql) if token.significant]
    deletes = bool(tokens) and tokens[0].is_word("delete")
    first = 2 if deletes else 1
    clauses = _clauses(tokens, first)
    wanted = ["where", "returning"] if deletes else ["set", "where", "returning"]
    if [clause.text.lower() for clause in clauses] != wanted or not sql.endswith(XID):
        return None
    target = sql[tokens[first].start : clauses[0].start]
    where, returning = clauses[-2:]
    condition = _renamed(sql[where.end : returning.start])
    shown = _renamed(sql[returning.end : -len(XID)])
    change = f'delete from {target}using "$"'  # noqa: S608
    if not deletes:
        assigned = _renamed(sql[clauses[0].end : where.start])
        change = f'update {target}set{assigned}from "$"'
    return (
        f'with "$" ({_columns(lists)}) as materialized (\n'  # noqa: S608
        f"  {_select(lists)}\n)\n"
        f'{change}\nwhere{condition}\nreturning{shown}"$"."$n", (\n'
        f'  select count(*) from {target.rstrip()}, "$" where{condition}\n)'
    )


def _clauses(tokens: list[Token], first: int) -> list[Token]:
    """The words that begin the clauses of an UPDATE or a DELETE, outside of brackets."""
    return [
        tokens[i]
        for i in _outside(tokens)
        if i > first
        and tokens[i].is_word("set", "from", "using", "where", "returning")
        and not (tokens[i].is_word("from") and tokens[i - 1].is_word("distinct"))
    ]


def _outside(tokens: list[Token]) -> Iterable[int]:
    """The places of the tokens that no bracket holds."""
    depth = 0
    for index, token in enumerate(tokens):
        depth -= token.is_symbol(")", "]")
        if depth == 0:
            yield index
        depth += token.is_symbol("(", "[")


def _closing(tokens: list[Token], at: int) -> int | None:
    """Where the bracket that opens at a place closes."""
    if not tokens[at].is_symbol("("):
        return None
    return next((i for i in _outside(tokens) if i > at and tokens[i].is_symbol(")")), None)


def _renamed(sql: str) -> str:
    return "".join(f'"$"."{t.text}"' if t.kind == "parameter" else t.text for t in lex(sql))


def _rows(lists: Sequence[List]) -> str:
    """What the rows come from; without a cast nothing need be selected."""
    return f"({_select(lists)})" if any(each.cast for each in lists) else _unnest(lists)


def _select(lists: Sequence[List]) -> str:
    if not any(each.cast for each in lists):
        return f"select * from {_unnest(lists)}"  # noqa: S608
    shown = ", ".join(
        f'"${number}"' + (f"::{each.cast}" if each.cast else "")
        for number, each in enumerate(lists, 1)
    )
    return f'select {shown}, "$n" from {_unnest(lists)} as "$" ({_columns(lists)})'  # noqa: S608


def _unnest(lists: Sequence[List]) -> str:
    typed = ", ".join(f"${number}::{each.type}" for number, each in enumerate(lists, 1))
    return f"unnest({typed}) with ordinality"


def _columns(lists: Sequence[List]) -> str:
    return ", ".join((*(f'"${number}"' for number in range(1, len(lists) + 1)), '"$n"'))
