"""Statements to facts: PostgreSQL is asked what each one means, and nothing is guessed."""
