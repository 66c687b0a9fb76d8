"""A statement with optional lines as fragments, from which each of its shapes is put together."""

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from salacia_db.codegen.facts import Bit, Fragment, Statement
from salacia_db.codegen.source.guards import Clauses, Guards
from salacia_db.codegen.source.lexer import Token, lex
from salacia_db.texts import numbered


class Fragments:
    """The fragments of a statement's text.

    Parameters are told by their index in `statement.parameters`. What stands before a token, space
    and comments, is there when the token is.
    """

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._tokens = lex(statement.sql)
        self._guards = Guards(statement, self._tokens)
        self._starts = _starts(statement)

    def all(self) -> tuple[Fragment, ...]:
        """Those of the whole text."""
        return self.between(0, len(self._statement.sql))

    def written(self) -> tuple[Bit, ...]:
        """What its SET needs one of (see `facts.Dynamic.written`)."""
        return self._guards.written()

    def between(self, start: int, end: int) -> tuple[Fragment, ...]:
        """Those of the tokens that begin at `start:end`."""
        tokens = [token for token in self._tokens if start <= token.start < end]
        found: list[Fragment] = []
        for clauses, run in groupby(_guarded(tokens, self._guards), key=lambda one: one[0]):
            needs = _simplified(clauses, self._statement)
            if needs is None:
                continue
            items = _items([token for _, token in run], self._starts)
            first = items[0]
            if found and isinstance(first, str) and _joins(found[-1], first):
                items = (f" {first}", *items[1:])
            found.append(Fragment(items, needs))
        return tuple(found)


def compose(parts: Sequence[Fragment], given: Collection[Bit]) -> tuple[str, tuple[int, ...]]:
    """The text for one choice, and the indexes of its parameters in their order."""
    there = (p for p in parts if all(any(bit in given for bit in need) for need in p.needs))
    text, indexes = numbered(item for part in there for item in part.items)
    return text.strip(), indexes


def _simplified(clauses: Clauses, statement: Statement) -> Clauses | None:
    """The clauses without those that always hold; None where they never do all hold at once.

    Of a choice's values exactly one holds if it has a default, else at most one.
    """
    always = [
        {(choice.name, label) for label in choice.labels}
        for choice in statement.choices
        if choice.default in choice.labels
    ]
    kept = tuple(c for c in clauses if not any(labels <= set(c) for labels in always))
    chosen = {clause[0] for clause in kept if len(clause) == 1 and clause[0][1] is not None}
    for name, value in chosen:
        others = [c for c in kept if all(n == name and v is not None for n, v in c)]
        if any((name, value) not in clause for clause in others):
            return None
    return kept


def _starts(statement: Statement) -> dict[int, int]:
    """The index of the parameter that stands at an offset."""
    return {
        marker.start: index
        for index, parameter in enumerate(statement.parameters)
        for marker in parameter.markers
    }


def _guarded(tokens: Sequence[Token], guards: Guards) -> Iterator[tuple[Clauses, Token]]:
    waiting: list[Token] = []
    for token in tokens:
        waiting.append(token)
        if token.significant:
            needs = guards.of(token)
            yield from ((needs, one) for one in waiting)
            waiting = []


def _items(tokens: Sequence[Token], starts: dict[int, int]) -> tuple[str | int, ...]:
    items: list[str | int] = []
    for token in tokens:
        index = starts.get(token.start) if token.kind == "parameter" else None
        if index is not None:
            items.append(index)
        elif items and isinstance(items[-1], str):
            items[-1] += token.text
        else:
            items.append(token.text)
    return tuple(items)


def _joins(before: Fragment, text: str) -> bool:
    """Whether a text could run into a word before it, were what stands between them dropped."""
    last = before.items[-1]
    ends = isinstance(last, int) or last[-1].isalnum() or last[-1] in '_$"'
    return ends and not text[0].isspace() and (text[0].isalnum() or text[0] in '_$"')
