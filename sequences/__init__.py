"""Sequences, the people in them, and every touch that goes out."""
