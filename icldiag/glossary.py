"""What the words on the screens mean, a sentence each in glossary.yaml: key `i` and docs/glossary.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path


@dataclass(frozen=True)
class Term:
    """A word of the field. `patterns` are how screens write it, as regular expressions; without any, the name."""

    name: str
    meaning: str
    patterns: tuple[str, ...] = ()

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        spellings = self.patterns or (re.escape(self.name),)
        return re.compile("|".join(rf"(?<!\w)(?:{one})(?!\w)" for one in spellings), re.IGNORECASE)

    def is_in(self, text: str) -> bool:
        return self.pattern.search(text) is not None


@cache
def terms() -> tuple[Term, ...]:
    """All of them, by name."""
    from ruamel.yaml import YAML

    rows = YAML(typ="safe").load(Path(__file__).with_suffix(".yaml"))
    found = (Term(row["term"], row["meaning"], tuple(row.get("patterns", ()))) for row in rows)
    return tuple(sorted(found, key=lambda term: term.name.casefold()))


def terms_in(text: str) -> list[Term]:
    """The terms that a text uses, by name. Line breaks inside a phrase do not hide it."""
    words = " ".join(text.split())
    return [term for term in terms() if term.is_in(words)]


def as_markdown() -> str:
    """The page docs/glossary.md."""
    head = (
        "# Glossary\n\nMade by `python tools/pages.py` from `icldiag/glossary.yaml`. In the app `i` explains the "
        "words that are on the screen.\n\n| term | meaning |\n| --- | --- |\n"
    )
    cell = "| {} | {} |\n"
    return head + "".join(cell.format(term.name, term.meaning.replace("|", "\\|")) for term in terms())
