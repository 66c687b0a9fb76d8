"""Many rows at once: lists, chunks, and COPY."""
