"""`salacia scaffold`: a query file with the usual statements of a table, for a person to own."""

from salacia_db.codegen.scaffold.drafts import Draft, drafts

__all__ = ["Draft", "drafts"]
