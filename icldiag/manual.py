"""The pages of docs/, which ship with icldiag: what `icldiag docs` shows where there is no checkout."""

from __future__ import annotations

from pathlib import Path

from icldiag.errors import UsageError
from icldiag.quoting import did_you_mean, quoted
from icldiag.shipped import shipped


def manual_pages() -> dict[str, Path]:
    """The pages by name, in the order of their names."""
    return {path.stem: path for path in sorted(shipped("docs").glob("*.md"))}


def title(path: Path) -> str:
    """What a page is headed."""
    return path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("#").strip()


def page_text(name: str) -> str:
    """A page, in Markdown. Raises IcldiagError for one that is not there."""
    pages = manual_pages()
    if name not in pages:
        raise UsageError(f"there is no page {quoted(name)}; {did_you_mean(name, pages)}there are {', '.join(pages)}")
    return pages[name].read_text(encoding="utf-8")
