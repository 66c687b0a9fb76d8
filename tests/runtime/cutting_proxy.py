"""The proxy of the fault bench, under the name that these tests know."""

from faults.proxy import CuttingProxy, Rule, once

__all__ = ["CuttingProxy", "Rule", "once"]
