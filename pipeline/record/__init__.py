"""What a run leaves of itself while it works: receipts of finished units, the environments that worked them, tables."""
