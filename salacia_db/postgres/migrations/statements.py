"""Split a file of SQL into its statements, by PostgreSQL's own lexical rules."""

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<comment> --[^\n]* )
    | (?P<block> /\* )
    | (?P<text> [eE]'(?:[^'\\]|\\.|'')*'? | '(?:[^']|'')*'? | "(?:[^"]|"")*"? )
    | (?P<dollar> \$(?:[^\W\d]\w*)?\$ )
    | (?P<word> [^\W\d][\w$]* )
    | (?P<number> \d[\w.$]* )
    | (?P<mark> [();] )
    | (?P<space> \s+ )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_CLIENT_COPY = re.compile(r"\b(from\s+stdin|to\s+stdout)\b", re.IGNORECASE)
_ENDS_A_TRANSACTION = {
    "abort",
    "begin",
    "commit",
    "end",
    "prepare transaction",
    "rollback",
    "start transaction",
}


class Statement(NamedTuple):
    """One statement without its semicolon, and the comments before it left out.

    `line` and `column` are where it begins, from 1; `words` are its first few, in lower case.
    """

    sql: str
    line: int
    column: int
    words: tuple[str, ...]

    def controls_transaction(self) -> bool:
        """Whether it begins or ends a transaction (a savepoint doesn't)."""
        if self.words[:1] == ("rollback",) and "to" in self.words[1:3]:
            return False
        return self.words[:1] != () and (
            self.words[0] in _ENDS_A_TRANSACTION or " ".join(self.words[:2]) in _ENDS_A_TRANSACTION
        )

    def copies_from_client(self) -> bool:
        """Whether it is a COPY that expects rows from, or sends them to, the client."""
        return self.words[:1] == ("copy",) and _CLIENT_COPY.search(self.sql) is not None


def split(text: str) -> list[Statement]:
    """The statements of a file. An unclosed quote, bracket or comment reaches to the end."""
    found: list[Statement] = []
    position = 0
    while position < len(text):
        statement, position = _next(text, position)
        if statement is not None:
            found.append(statement)
    return found


def _next(text: str, position: int) -> tuple[Statement | None, int]:
    """The statement that begins at or after `position`, and where to go on."""
    start: int | None = None
    end = position
    words: list[str] = []
    brackets = blocks = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        assert match is not None
        kind, token = match.lastgroup, match[0]
        if token == ";" and brackets <= 0 and blocks == 0:
            return _statement(text, start, end, words), match.end()
        position, closed = _token_end(text, match)
        # A comment without an end belongs to the statement, so that the server complains of it.
        if closed and kind in ("comment", "block", "space"):
            continue
        start = match.start() if start is None else start
        end = position
        if kind == "word":
            blocks += _block_change(token.lower(), words, blocks)
            if len(words) < 4:
                words.append(token.lower())
        elif kind == "mark":
            brackets += {"(": 1, ")": -1}.get(token, 0)
    return _statement(text, start, end, words), position


def _block_change(word: str, words: list[str], blocks: int) -> int:
    # `begin atomic … end` is the one place where semicolons stand inside a statement.
    if word == "begin" and words[:1] == ["create"] and {"function", "procedure"} & set(words):
        return 1
    if blocks > 0 and word == "case":
        return 1
    return -1 if blocks > 0 and word == "end" else 0


def _token_end(text: str, match: re.Match[str]) -> tuple[int, bool]:
    """Where the token ends, and whether it is complete."""
    if match.lastgroup == "dollar":
        end = text.find(match[0], match.end())
        return (len(text), False) if end < 0 else (end + len(match[0]), True)
    if match.lastgroup != "block":
        return match.end(), True
    depth, position = 1, match.end()
    while depth:
        edge = _BLOCK_EDGE.search(text, position)
        if edge is None:
            return len(text), False
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return position, True


def _statement(text: str, start: int | None, end: int, words: list[str]) -> Statement | None:
    if start is None:
        return None
    column = start - text.rfind("\n", 0, start)
    return Statement(text[start:end], text.count("\n", 0, start) + 1, column, tuple(words))
