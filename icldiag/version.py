"""The version, on the ground floor: the package's own `__init__` leads up to everything."""

from __future__ import annotations

__version__ = "0.1.0"
