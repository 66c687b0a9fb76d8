"""Durations as commands take them."""

import argparse
import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    """What `10s`, `5m`, `12h` or `30d` says: a `type` of argparse's."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if found is None or int(found[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration such as 10s, 5m, 12h or 30d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
