"""Drills: a journey on records of its own in which something goes wrong, and the report of who was
told of it, when, and which gate held."""
