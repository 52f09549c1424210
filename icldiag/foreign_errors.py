"""What other libraries raise: whether it is a failure, and what it says on one line."""

from __future__ import annotations

import re
from importlib import metadata

from icldiag.quoting import brief

_REQUIREMENT = re.compile(r"[\w.-]+")
_DISTRIBUTIONS = {"yaml": "pyyaml", "ruamel": "ruamel-yaml"}  # of packages that are imported by another name


def is_failure(error: BaseException) -> bool:
    """Whether something went wrong; a panic of a library in Rust is no `Exception` to Python."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def reason_of(error: BaseException) -> str:
    """What a library says, on one line, as part of a sentence."""
    if isinstance(error, KeyError):
        return f"it lacks {brief(error)}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # Validation errors say in their first line which field is wrong, and in the second why.
    return brief(" ".join(lines[:2]) if lines and lines[0].endswith(":") else error)


def cure_of_import(error: BaseException) -> str | None:
    """What to install, where `error` is that a package which icldiag stands on is not there, or is no longer as it was.

    None of any other error.
    """
    if not isinstance(error, ImportError) or not error.name:
        return None
    package = error.name.partition(".")[0]
    wanted = _requirements().get(_DISTRIBUTIONS.get(package, package.replace("_", "-").lower()))
    if wanted is None:
        return None
    name = _REQUIREMENT.findall(wanted)[0]
    try:
        there = f"version {metadata.version(name)} of it does not import ({brief(error)})"
    except metadata.PackageNotFoundError:
        there = "it is not installed"
    return f"icldiag needs {wanted}, and {there}; install it with: pip install '{wanted}'"


def _requirements() -> dict[str, str]:
    """What icldiag's own metadata names, but for extras, by normalised name."""
    try:
        told = metadata.requires("icldiag") or []
    except metadata.PackageNotFoundError:  # it runs from a folder
        return {}
    needed = (one.partition(";")[0].strip() for one in told if "extra ==" not in one)
    return {re.sub(r"[-_.]+", "-", name).lower(): one for one in needed for name in _REQUIREMENT.findall(one)[:1]}
