"""Prompts held to requirements, as code is by its tests: `icldiag test`."""
