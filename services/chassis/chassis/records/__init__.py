"""The live record: envelope, history, pins, gates and handovers, once for every service."""
