"""Concurrent calls that share a statement."""
