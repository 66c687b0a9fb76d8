"""Checks: what reads the generator's facts to explain them."""
