"""Random schemas, data and statements, to find a proof that is wrong."""
