"""The workers' memory and output are measured as Linux offers it."""

from __future__ import annotations

import sys

collect_ignore = [] if sys.platform == "linux" else ["test_fuzz.py"]
