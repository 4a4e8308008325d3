"""Everything about one order across services: who held it, on which versions, what changed, what it
cost, what went wrong. One module per section; `asked` says what is asked of whom."""
