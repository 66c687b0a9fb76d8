"""Texts of others, made fit to stand in a line: of a log, a terminal, an error."""

import re

# What ends a line, moves a cursor, colours, or turns the order of what follows.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""The text on one line, without anything that a terminal obeys: as `\n`, `\x1b`, `\u202e`."""
    return _UNFIT.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
