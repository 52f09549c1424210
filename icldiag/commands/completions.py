"""What a shell offers for the values of arguments and options. Imports nothing heavy: a key is waiting.

Where nothing is offered, a shell offers files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from shlex import quote

Completion = Callable[[str], list[str]]


def one_of(*names: str) -> Completion:
    """Offer these."""

    def offered(incomplete: str) -> list[str]:
        return list(names)

    return offered


def models(incomplete: str) -> list[str]:
    """The models that are on this machine, by name; a hub is not asked."""
    from icldiag.model.names import PACKAGES, models_of_hub

    named = ["bundled", *(name for name, package in PACKAGES.items() if package.file() is not None), *models_of_hub()]
    return _beside_files(named, incomplete)


def prompts(incomplete: str) -> list[str]:
    """The samples."""
    from icldiag.samples import sample_names

    return _beside_files(sample_names(), incomplete)


def pages(incomplete: str) -> list[str]:
    """Of the documentation."""
    from icldiag.manual import manual_pages

    return list(manual_pages())


def analyses(incomplete: str) -> list[str]:
    """The names that are not yet in a list with commas, after what is there."""
    from icldiag.analyses import ANALYSES

    before, comma, _ = incomplete.rpartition(",")
    return [before + comma + name for name in ANALYSES if name not in before.split(",")]


def _beside_files(names: Iterable[str], incomplete: str) -> list[str]:
    """Names, and the files that could be meant too: a shell offers its own only where it is offered nothing.

    A shell takes what it is offered unquoted, so a name that needs quotes is left to it.
    """
    found = [name for name in names if name.startswith(incomplete)]
    if not found or "/" in incomplete:
        return found
    with suppress(OSError):  # a folder that cannot be read
        files = [path for path in sorted(Path().iterdir()) if not path.name.startswith(".")]
        plain = [path for path in files if quote(path.name) == path.name]
        found += [f"{path.name}/" if path.is_dir() else path.name for path in plain]
    return found
