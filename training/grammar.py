"""A small generator of texts: sentences with {slots}, filled from word lists until no slot is left."""

from __future__ import annotations

import random
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Grammar:
    """``classes`` gives each label its sentences; ``lists`` gives each slot what may fill it, slots included."""

    classes: dict[str, list[str]]
    lists: dict[str, list[str]]

    @classmethod
    def read(cls, path: Path) -> Grammar:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return cls(content["classes"], content["lists"])

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.classes)

    def texts(self, label: str, count: int, seed: int) -> tuple[str, ...]:
        """Up to ``count`` different texts of a class (fewer where the grammar has no more to say)."""
        rng = random.Random(f"{seed}/{label}")
        found: dict[str, None] = {}
        for _ in range(4 * count):
            found[self._fill(rng.choice(self.classes[label]), rng)] = None
            if len(found) == count:
                break
        return tuple(found)

    def _fill(self, text: str, rng: random.Random) -> str:
        while match := SLOT.search(text):
            name = match[1]
            # An upper-case first letter in the slot's name asks for one in the filling, as at a sentence's start.
            filling = rng.choice(self.lists[name.lower()])
            if name[0].isupper():
                filling = filling[:1].upper() + filling[1:]
            text = text[: match.start()] + filling + text[match.end() :]
        return text
