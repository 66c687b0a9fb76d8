"""An UPDATE whose SET is empty, as the SELECT that finds the rows which it would have changed."""

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from salacia_db.codegen.facts import Marker, OptionalLine, Statement
from salacia_db.codegen.source.lexer import Token, lex
from salacia_db.codegen.source.rewriting import Rewriting, runs
from salacia_db.codegen.source.splicing import in_order


class _Clauses(Struct, frozen=True):
    """Where the clauses of an UPDATE begin: indexes of its tokens, None where absent."""

    update: int
    set: int
    from_: int | None
    where: int | None
    returning: int | None


def emptied(statement: Statement) -> Statement | None:
    """The SELECT; None where the text isn't understood.

    It takes the lines of SET from nobody: they are not in it.
    """
    tokens = [token for token in lex(statement.sql) if token.significant]
    clauses = _clauses(tokens)
    if clauses is None:
        return None
    end = tokens[-1].end
    later = [clauses.from_, clauses.where, clauses.returning]
    starts = sorted(tokens[index].start for index in later if index is not None)

    def clause(index: int | None) -> tuple[int, int] | None:
        if index is None:
            return None
        start = tokens[index].start
        return start, min((other for other in starts if other > start), default=end)

    returning, from_, where = map(clause, (clauses.returning, clauses.from_, clauses.where))
    builder = _Builder(statement)
    builder.copy(0, tokens[clauses.update].start)
    builder.put("\nselect" if clauses.update else "select")
    if returning is not None and clauses.returning is not None:
        builder.put(" ")
        at = tokens[clauses.returning].end
        for version in _versions(tokens[clauses.returning :]):
            builder.copy(at, version.start)
            builder.put(f" {tokens[clauses.set - 1].text}")
            at = version.end
        builder.copy(at, returning[1])
    builder.put("\nfrom ")
    builder.copy(tokens[clauses.update].end, tokens[clauses.set].start)
    if from_ is not None:
        builder.put(", ")
        builder.copy(from_[0] + len("from"), from_[1])
    if where is not None:
        builder.put("\n")
        builder.copy(*where)
    return builder.result()


def _clauses(tokens: Sequence[Token]) -> _Clauses | None:
    found: dict[str, int] = {}
    depth = 0
    for index, token in enumerate(tokens):
        if token.is_symbol("(", "["):
            depth += 1
        elif token.is_symbol(")", "]"):
            depth -= 1
        elif depth == 0 and token.is_word("update", "set", "from", "where", "returning"):
            word = token.text.lower()
            # The words of SET and of what follows it, not a column or an operator of that name.
            if word == "update" or (word == "set" and "update" in found) or "set" in found:
                found.setdefault(word, index)
    if "update" not in found or "set" not in found:
        return None
    return _Clauses(
        found["update"], found["set"], found.get("from"), found.get("where"), found.get("returning")
    )


def _versions(tokens: Sequence[Token]) -> Iterator[Token]:
    """`old` and `new` before a dot: the row as it is, where nothing changes it."""
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if token.is_word("old", "new") and after.is_symbol(".") and not before.is_symbol("."):
            yield token


class _Builder:
    """Puts a statement together from parts of another."""

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._out = Rewriting()
        self._markers: dict[int, list[Marker]] = {}
        self._lines: list[OptionalLine] = []
        self._at = statement.body.start

    def put(self, text: str) -> None:
        self._out.put(text, self._at)

    def copy(self, start: int, end: int) -> None:
        statement = self._statement
        sql = statement.sql
        while start < end and sql[start].isspace():
            start += 1
        while end > start and sql[end - 1].isspace():
            end -= 1
        shift = self._out.length - start
        for begin, stop, at in runs(statement.pieces, start, end):
            self._out.copy(sql[begin:stop], at)
            self._at = at + stop - begin
        self._lines += [
            replace(line, start=line.start + shift, end=min(line.end, end) + shift)
            for line in statement.optional
            if start <= line.start < end
        ]
        for parameter in statement.parameters:
            self._markers.setdefault(parameter.number, []).extend(
                replace(marker, start=marker.start + shift, end=marker.end + shift)
                for marker in parameter.markers
                if start <= marker.start < end
            )

    def result(self) -> Statement:
        sql, pieces = self._out.finish(self._statement.body.end)
        names = {line.name for line in self._lines}
        return replace(
            self._statement,
            sql=sql,
            pieces=pieces,
            parameters=tuple(
                replace(p, markers=tuple(self._markers[p.number]))
                for p in self._statement.parameters
            ),
            optional=in_order(self._lines),
            choices=tuple(c for c in self._statement.choices if c.name in names),
            empty=None,
        )
