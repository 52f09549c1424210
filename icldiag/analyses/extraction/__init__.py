"""Extraction: where the target's attention goes, and whether what label words get of it tells the answer."""
