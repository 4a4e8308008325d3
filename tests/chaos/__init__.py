"""Randomised runs over the real API while processes die and messages come late, twice and out of
order, and what must hold all the same (docs/adr/0021-chaos.md)."""
