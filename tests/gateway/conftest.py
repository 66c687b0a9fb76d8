"""A migrated database for each test of the gateway, as the tests of its statements have it."""

from tests.salacia.conftest import databases, db, template, url

__all__ = ["databases", "db", "template", "url"]
