"""What each token of a statement with optional lines needs to be there.

Tidying decides for one choice at a time which tokens go with the dropped lines. Here that is told
for all choices at once, as a monotone boolean function in conjunctive form: the clauses of a token
are the minimal sets of bits without which it goes (the minimal cut sets; found one by one, as in
Fredman and Khachiyan, "On the Complexity of Dualization of Monotone Disjunctive Normal Forms",
1996: each next one avoids those found before).
"""

from collections.abc import Iterator, Sequence
from itertools import product

from salacia_db.codegen.facts import Bit, Statement
from salacia_db.codegen.source.lexer import Token
from salacia_db.codegen.source.optional import bits
from salacia_db.codegen.source.tidying import Tidied, tidy

Clauses = tuple[tuple[Bit, ...], ...]


class Guards:
    """The clauses of a statement's tokens."""

    def __init__(self, statement: Statement, tokens: Sequence[Token]) -> None:
        self._lines = statement.optional
        self._tokens = [token for token in tokens if token.significant]
        self._bits = bits(statement)
        self._tidied: dict[frozenset[Bit], tuple[Tidied, frozenset[int]]] = {}

    def of(self, token: Token) -> Clauses:
        """Of each clause one bit has to be given for the token to be there."""
        covering = [o.bit for o in self._lines if o.start <= token.start < o.end]
        own = tuple(dict.fromkeys(covering))
        others = [bit for bit in self._bits if bit not in own]
        cuts = self._cuts(token, others)
        return (*((bit,) for bit in own), *(tuple(b for b in self._bits if b in c) for c in cuts))

    def written(self) -> tuple[Bit, ...]:
        """What an UPDATE needs one of for its SET not to be empty; nothing where it never is."""
        dropped = frozenset(self._bits)
        if not self._tidy(dropped)[0].writes_nothing:
            return ()
        for bit in self._bits:
            if self._tidy(dropped - {bit})[0].writes_nothing:
                dropped -= {bit}
        return tuple(bit for bit in self._bits if bit in dropped)

    def _cuts(self, token: Token, others: Sequence[Bit]) -> list[frozenset[Bit]]:
        found: list[frozenset[Bit]] = []
        while (cut := self._cut(token, others, found)) is not None:
            found.append(cut)
        return found

    def _cut(
        self, token: Token, others: Sequence[Bit], found: Sequence[frozenset[Bit]]
    ) -> frozenset[Bit] | None:
        """A minimal set without which the token goes, and that holds none of those found."""
        for dropped in _avoiding(others, found):
            if not self._goes(token, dropped):
                continue
            for bit in others:
                if bit in dropped and self._goes(token, dropped - {bit}):
                    dropped -= {bit}
            return dropped
        return None

    def _goes(self, token: Token, dropped: frozenset[Bit]) -> bool:
        return token.start in self._tidy(dropped)[1]

    def _tidy(self, dropped: frozenset[Bit]) -> tuple[Tidied, frozenset[int]]:
        known = self._tidied.get(dropped)
        if known is None:
            absent = [(o.start, o.end) for o in self._lines if o.bit in dropped]
            result = tidy(self._tokens, absent)
            known = result, frozenset(removed.start for removed in result.removed)
            self._tidied[dropped] = known
        return known


def _avoiding(others: Sequence[Bit], found: Sequence[frozenset[Bit]]) -> Iterator[frozenset[Bit]]:
    """The largest sets that hold none of those found."""
    for kept in product(*found):
        yield frozenset(others) - frozenset(kept)
