"""The pages that are made from the code: python tools/pages.py writes docs/keys.md and docs/glossary.md."""

from __future__ import annotations

from pathlib import Path

from icldiag.glossary import as_markdown as glossary
from icldiag.tui.key_table import as_markdown as keys

PAGES = {"keys.md": keys, "glossary.md": glossary}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (Path(__file__).parent.parent / "docs" / name).write_text(page(), encoding="utf-8")
