"""The text of a statement for one row, rewritten for lists of rows; the server says if it means it.

The lists become the rows of `"$"`, whose columns are named like the parameters that they replace.
`"$"."$n"` is a row's number.
"""

from collections.abc import Iterable, Sequence

from salacia_db.codegen.source.lexer import Token, lex

_XID = "pg_current_xact_id()"


def unnest_insert(sql: str, arrays: Sequence[str]) -> str | None:
    """`insert … values (one row) …`; None where it is anything else. `arrays` are types."""
    tokens = [token for token in lex(sql) if token.significant]
    at = next((i for i in _outside(tokens) if tokens[i].is_word("values")), len(tokens))
    if not tokens or not tokens[0].is_word("insert") or at + 1 >= len(tokens):
        return None
    close = _closing(tokens, at + 1)
    after = tokens[close + 1] if close is not None and close + 1 < len(tokens) else None
    if close is None or after is None or not after.is_word("on", "returning"):
        return None
    if any(token.kind == "parameter" for token in tokens[:at] + tokens[close:]):
        return None
    start, end = tokens[at + 1].end, tokens[close].start
    return (
        f"{sql[tokens[0].start : tokens[at].start]}select {_renamed(sql[start:end])}\n"
        f'from {_unnest(arrays)} as "$" ({_columns(arrays)})\norder by "$"."$n"'
        f"{sql[tokens[close].end :]}"
    )


def unnest_change(sql: str, arrays: Sequence[str]) -> str | None:
    """`update … set … where …` or `delete from … where …`, of one table, with the xid at its end.

    Its rows also tell their entry's position, and how many pairs of an entry and a row there were.
    """
    tokens = [token for token in lex(sql) if token.significant]
    deletes = bool(tokens) and tokens[0].is_word("delete")
    first = 2 if deletes else 1
    clauses = _clauses(tokens, first)
    wanted = ["where", "returning"] if deletes else ["set", "where", "returning"]
    if [clause.text.lower() for clause in clauses] != wanted or not sql.endswith(_XID):
        return None
    target = sql[tokens[first].start : clauses[0].start]
    where, returning = clauses[-2:]
    condition = _renamed(sql[where.end : returning.start])
    shown = _renamed(sql[returning.end : -len(_XID)])
    change = f'delete from {target}using "$"'  # noqa: S608
    if not deletes:
        assigned = _renamed(sql[clauses[0].end : where.start])
        change = f'update {target}set{assigned}from "$"'
    return (
        f'with "$" ({_columns(arrays)}) as materialized (\n'  # noqa: S608
        f"  select * from {_unnest(arrays)}\n)\n"
        f'{change}\nwhere{condition}\nreturning{shown}"$"."$n", (\n'
        f'  select count(*) from {target.rstrip()}, "$" where{condition}\n), {_XID}'
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


def _unnest(arrays: Sequence[str]) -> str:
    lists = ", ".join(f"${number}::{type_}" for number, type_ in enumerate(arrays, 1))
    return f"unnest({lists}) with ordinality"


def _columns(arrays: Sequence[str]) -> str:
    return ", ".join((*(f'"${number}"' for number in range(1, len(arrays) + 1)), '"$n"'))
