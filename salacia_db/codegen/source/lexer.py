"""PostgreSQL's lexical rules (scan.l): text into tokens that, joined, give the text back."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

TokenKind = Literal[
    "space",
    "comment",  # -- to the end of the line
    "block",  # /* … */, nested
    "string",  # '…' with any prefix and its continuations, $tag$…$tag$
    "name",  # an identifier or a key word
    "quoted",  # "…", U&"…"
    "number",
    "operator",
    "symbol",  # , ( ) [ ] . ; : :: := ..
    "parameter",  # $1
    "other",  # no token of SQL: the server says so
    "unterminated",  # a quote or a comment that never closes; it reaches to the end
]

_OPERATOR_CHARACTERS = r"~!@#^&|`?+\-*/%<>="
_START = r"A-Za-z_\x80-\U0010ffff"
_CONTINUES = r"(?:[ \t\f\v]|--[^\n\r]*+)*+[\n\r](?:[ \t\n\r\f\v]++|--[^\n\r]*+[\n\r])*+"
_INTEGER = r"[0-9](?:_?[0-9])*"


def _quote(prefix: str, body: str) -> str:
    # A string goes on after a newline and another quote, in the manner that its prefix set.
    return f"{prefix}'{body}'(?:{_CONTINUES}'{body}')*"


_STRING = "|".join(
    (
        _quote("[eE]", r"(?:[^\\']++|\\.|'')*+"),
        _quote("[bBxX]", "[^']*+"),
        _quote("(?:[nN]|[uU]&)?", "(?:[^']++|'')*+"),
    )
)
_NUMBER = "|".join(
    (
        r"0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+",
        # 1..2 is a range of two integers, not two numerics.
        rf"(?:{_INTEGER}\.(?!\.)(?:{_INTEGER})?|\.{_INTEGER}|{_INTEGER})(?:[eE][+-]?{_INTEGER})?",
    )
)

_TOKEN = re.compile(
    "|".join(
        (
            r"(?P<space>[ \t\n\r\f\v]+)",
            r"(?P<comment>--[^\n\r]*)",
            r"(?P<block>/\*)",
            rf"(?P<string>{_STRING})",
            r'(?P<quoted>(?:[uU]&)?"(?:[^"]++|"")*+")',
            r"""(?P<unterminated>(?:[eEbBxXnN]|[uU]&)?'|(?:[uU]&)?")""",
            rf"(?P<dollar>\$(?:[{_START}][{_START}0-9]*)?\$)",
            rf"(?P<name>[{_START}][{_START}0-9$]*)",
            rf"(?P<number>{_NUMBER})",
            r"(?P<parameter>\$[0-9]+)",
            r"(?P<symbol>::|:=|\.\.|[,()\[\].;:])",
            rf"(?P<operator>[{_OPERATOR_CHARACTERS}]+)",
            r"(?P<other>.)",
        )
    ),
    re.DOTALL,
)
_NESTING = re.compile(r"/\*|\*/")
_COMMENT_START = re.compile(r"/\*|--")
# Only an operator with one of these may end in + or -, so that `=-1` stays two operators.
_KEEPS_SIGN = frozenset("~!@#^&|`?%")


class Token(Struct, frozen=True, gc=False):
    """A token and the character offset where it starts."""

    kind: TokenKind
    text: str
    start: int

    @property
    def end(self) -> int:
        """The offset just behind it."""
        return self.start + len(self.text)

    @property
    def significant(self) -> bool:
        """Whether the server sees it: neither space nor comment."""
        return self.kind not in ("space", "comment", "block")

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these words (given in lower case), unquoted."""
        return self.kind == "name" and self.text.lower() in words

    def is_symbol(self, *symbols: str) -> bool:
        """Whether it is one of these symbols."""
        return self.kind == "symbol" and self.text in symbols


def lex(text: str) -> list[Token]:
    """All tokens of the text. Never raises: what doesn't close is an `unterminated` token."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        token = token_at(text, at)
        tokens.append(token)
        at = token.end
    return tokens


_PLAIN: dict[str, TokenKind] = {
    "space": "space",
    "comment": "comment",
    "string": "string",
    "quoted": "quoted",
    "name": "name",
    "number": "number",
    "parameter": "parameter",
    "symbol": "symbol",
    "other": "other",
}


def token_at(text: str, at: int) -> Token:
    """The one token that starts at a character of the text."""
    match = _TOKEN.match(text, at)
    assert match is not None  # the last alternative takes any character
    end = match.end()
    kind = _PLAIN.get(match.lastgroup or "")
    if kind is None:
        kind, end = _open_ended(match, at)
    return Token(kind, text[at:end], at)


def _open_ended(match: re.Match[str], at: int) -> tuple[TokenKind, int]:
    """The tokens whose end takes more than a regular expression to find."""
    text, end = match.string, match.end()
    match match.lastgroup:
        case "operator":
            return "operator", at + _operator_length(match.group())
        case "block":
            return _closed("block", text, _block_end(text, end))
        case "dollar":
            close = text.find(match.group(), end)
            return _closed("string", text, None if close < 0 else close + end - at)
        case _:
            return "unterminated", len(text)


def _closed(kind: TokenKind, text: str, end: int | None) -> tuple[TokenKind, int]:
    return ("unterminated", len(text)) if end is None else (kind, end)


def _block_end(text: str, inside: int) -> int | None:
    depth = 1
    for match in _NESTING.finditer(text, inside):
        depth += 1 if match.group() == "/*" else -1
        if depth == 0:
            return match.end()
    return None


def _operator_length(run: str) -> int:
    """How much of a run of operator characters is one operator."""
    comment = _COMMENT_START.search(run)
    operator = run[: comment.start()] if comment else run
    if len(operator) > 1 and operator[-1] in "+-" and _KEEPS_SIGN.isdisjoint(operator[:-1]):
        return max(1, len(operator.rstrip("+-")))
    return len(operator)


def outermost(tokens: Sequence[Token]) -> Iterator[tuple[int, Token]]:
    """The tokens that stand in no bracket, brackets themselves left out, with their indexes."""
    depth = 0
    for index, token in enumerate(tokens):
        if token.is_symbol("(", "["):
            depth += 1
        elif token.is_symbol(")", "]"):
            depth -= 1
        elif depth == 0:
            yield index, token
