"""The gateway over HTTP: a Starlette application, and how it is served."""

from salacia_db.gateway.http.application import create_app
from salacia_db.gateway.http.serving import serve

__all__ = ["create_app", "serve"]
