"""Texts put together from parts: what the generator checks is what runs, since both ask here."""

from salacia_db.texts.keyset import Key, Keyset, Position
from salacia_db.texts.numbering import Item, numbered

__all__ = ["Item", "Key", "Keyset", "Position", "numbered"]
