"""Object stores and task ledgers."""
