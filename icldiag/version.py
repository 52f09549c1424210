"""The version, on the ground floor: the package's own `__init__` leads up to everything."""

from __future__ import annotations

__version__ = "0.2.0"


def commit() -> str | None:
    """The commit that runs: of the checkout that the package lies in, or that pip installed from; None of a release."""
    import json
    import subprocess
    from contextlib import suppress
    from importlib.metadata import PackageNotFoundError, distribution
    from pathlib import Path

    checkout = Path(__file__).parent.parent
    if (checkout / ".git").exists():
        with suppress(OSError, subprocess.SubprocessError):
            asked = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
            found = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=True)
            return found.stdout.strip()
    with suppress(PackageNotFoundError, ValueError, AttributeError):
        origin = json.loads(distribution("icldiag").read_text("direct_url.json") or "{}")
        identifier = origin.get("vcs_info", {}).get("commit_id")
        return None if identifier is None else str(identifier)[:7]
    return None
