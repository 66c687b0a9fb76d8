"""Projects made for sqlc: their sqlc.yaml, their schema and the migrations that it names."""

from salacia_db.codegen.sqlc.projects import Loaded, load_projects

__all__ = ["Loaded", "load_projects"]
