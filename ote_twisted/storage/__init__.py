"""Object stores and ledgers: SQLite for the product, memory for tests, one contract for both."""
