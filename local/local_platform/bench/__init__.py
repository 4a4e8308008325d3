"""The bench: what one order costs, measured on the real platform; it reports and never judges."""
