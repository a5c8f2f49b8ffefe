"""Sending and reading mail. Knows nothing of sequences."""
