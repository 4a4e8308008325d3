"""A service for tests: it hears of branches, relies on organisation's records, and behaves as it is
told to."""
