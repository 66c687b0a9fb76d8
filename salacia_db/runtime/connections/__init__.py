"""Connections to the server: what they hold, and the pool that lends them."""
