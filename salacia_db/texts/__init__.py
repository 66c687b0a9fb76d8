"""Texts that generator and runtime make alike: what the one checks is what the other runs."""

from salacia_db.texts.escaping import printable
from salacia_db.texts.keyset import Key, Keyset, Position
from salacia_db.texts.numbering import Item, numbered

__all__ = ["Item", "Key", "Keyset", "Position", "numbered", "printable"]
