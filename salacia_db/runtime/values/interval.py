"""Intervals: months, days and time apart, as PostgreSQL keeps them."""

from datetime import timedelta

from msgspec import Struct


class Interval(Struct, frozen=True, gc=False):
    """A value of PostgreSQL's type interval, none of it lost.

    A month has no length of its own, and a day may have 23 or 25 hours, so that the three parts
    are not folded into one another. `infinity` is all three at their greatest, as on the wire.
    """

    months: int = 0
    days: int = 0
    microseconds: int = 0

    @classmethod
    def of(cls, value: timedelta) -> "Interval":
        """The interval of a timedelta: its whole days, and the rest."""
        sign = -1 if value < timedelta() else 1
        size = abs(value)
        rest = size.seconds * 1_000_000 + size.microseconds
        return cls(0, sign * size.days, sign * rest)

    def timedelta(self) -> timedelta:
        """The same as a timedelta, with days of 24 hours.

        Raises ValueError where it has months, whose length nothing tells, or is beyond a
        timedelta's range.
        """
        if self.months:
            raise ValueError(
                f"an interval of {self.months} months has no length: keep it as an Interval, or"
                " let PostgreSQL add it to a date"
            )
        try:
            return timedelta(days=self.days, microseconds=self.microseconds)
        except OverflowError:
            raise ValueError("the interval is beyond the range of a timedelta") from None


def encode_interval(value: "Interval | timedelta") -> tuple[int, int, int]:
    """What the driver takes: months, days, microseconds."""
    if isinstance(value, timedelta):
        value = Interval.of(value)
    return value.months, value.days, value.microseconds


def decode_interval(parts: tuple[int, int, int]) -> Interval:
    """The interval of what the driver gives."""
    return Interval(*parts)
