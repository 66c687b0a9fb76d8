"""Pages: keysets, numbers, and the cursors between."""
