"""Values: those that PostgreSQL and Python write differently."""
