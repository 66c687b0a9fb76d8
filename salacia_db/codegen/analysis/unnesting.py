"""The text of a statement for one row, rewritten for lists of rows; the server says if it means it.

The lists become the rows of `"$"`, whose columns are named like the parameters that they replace.
`"$"."$n"` is a row's number.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from salacia_db.codegen.source.lexer import Token, lex

XID = "pg_current_xact_id()"


class Entries(NamedTuple):
    """What the rows are made of: the parameters' types, and which of them stand in JSON's records.

    The records' text is `$1`, and their keys are `p1`, `p2`; lists of the others follow.
    """

    types: Sequence[str]
    records: Collection[int] = ()

    @property
    def order(self) -> list[int]:
        """The parameters in the order of the columns, from 0."""
        listed = [n for n in range(len(self.types)) if n not in self.records]
        return [*sorted(self.records), *listed]


def unnest_insert(sql: str, entries: Entries) -> str | None:
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
        f'from {_rows(entries)}\norder by "$"."$n"'
        f"{sql[tokens[close].end :]}"
    )


def unnest_change(sql: str, entries: Entries) -> str | None:
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
        f'with "$" ({_columns(sorted(entries.order))}) as materialized (\n'  # noqa: S608
        f"  {_select(entries)}\n)\n"
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


def _rows(entries: Entries) -> str:
    """What the rows come from."""
    return f'{_source(entries)} as "$" ({_columns(entries.order)})'


def _select(entries: Entries) -> str:
    """The rows, with the parameters in their own order."""
    if entries.order == sorted(entries.order):
        return f"select * from {_source(entries)}"  # noqa: S608
    return f"select {_columns(sorted(entries.order))} from {_rows(entries)}"  # noqa: S608


def _source(entries: Entries) -> str:
    listed = [n for n in entries.order if n not in entries.records]
    first = 2 if entries.records else 1
    lists = ", ".join(f"${at}::{entries.types[n]}[]" for at, n in enumerate(listed, first))
    if not entries.records:
        return f"unnest({lists}) with ordinality"
    fields = ", ".join(
        f"p{at} {entries.types[n]}" for at, n in enumerate(sorted(entries.records), 1)
    )
    functions = f"json_to_recordset($1::json) as ({fields})" + (
        f", unnest({lists})" if lists else ""
    )
    return f"rows from ({functions}) with ordinality"


def _columns(order: Iterable[int]) -> str:
    return ", ".join((*(f'"${n + 1}"' for n in order), '"$n"'))
