"""The benchmark: the same work through salacia_db and through its peers. See `./scripts/bench`."""
