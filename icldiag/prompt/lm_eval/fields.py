"""A query that was made from several of its document's texts, such as a premise and a hypothesis, back into them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from icldiag.prompt.template import NO_TEXTS, fields_in

_SAMPLE = 10  # documents that a layout is found from; all must then have it


@dataclass(frozen=True)
class Layout:
    """What of a document stands in its text, in which order, and the template's own text around them."""

    names: tuple[str, ...]
    around: tuple[str, ...]  # one more than names
    stripped: bool  # whether the texts stand there without the spaces around them

    def text(self, document: dict[str, str]) -> str:
        """What the document makes."""
        values = _values(document, self.stripped)
        return self.around[0] + "".join(
            values[name] + piece for name, piece in zip(self.names, self.around[1:], strict=True)
        )

    def of(self, document: dict[str, str]) -> dict[str, str]:
        """Its texts by their names."""
        values = _values(document, self.stripped)
        return {name: values[name] for name in self.names}

    def split(self, text: str) -> dict[str, str] | None:
        """The texts of what has this layout; None where it has not, or where it could be parted in two ways."""
        head, *middle, tail = self.around
        if not (text.startswith(head) and text.endswith(tail) and len(text) >= len(head) + len(tail)):
            return None
        inner = text[len(head) : len(text) - len(tail)]
        earliest, rest = [], inner
        for piece in middle:
            before, found, rest = rest.partition(piece)
            if not found:
                return None
            earliest.append(before)
        latest, rest_back = [], inner
        for piece in reversed(middle):
            rest_back, _, after = rest_back.rpartition(piece)
            latest.append(after)
        if [*earliest, rest] != [rest_back, *reversed(latest)]:
            return None
        return dict(zip(self.names, [*earliest, rest], strict=True))

    @property
    def template(self) -> str:
        """With its fields, and without {label}."""
        return self.around[0] + "".join(
            f"{{{name}}}{piece}" for name, piece in zip(self.names, self.around[1:], strict=True)
        )


def layout_of(texts: Sequence[str], documents: Sequence[dict[str, str]]) -> Layout | None:
    """The layout by which every document makes its text from two or more of its own; None where there is none.

    Texts that are the same in all documents are the template's.
    """
    for stripped in (False, True):
        values = [_values(document, stripped) for document in documents]
        names = [name for name in values[0] if _is_field(name, texts, values)]
        for place in range(min(len(texts), _SAMPLE)):
            found = _placed(texts[place], values[place], names, stripped)
            if found is not None and all(
                found.text(document) == text for document, text in zip(documents, texts, strict=True)
            ):
                return found
    return None


def _is_field(name: str, texts: Sequence[str], values: Sequence[dict[str, str]]) -> bool:
    """Whether every text may hold this value, which is not the same in all."""
    if not name.isidentifier() or name in NO_TEXTS:
        return False
    held = all(name in own and own[name] in text for own, text in zip(values, texts, strict=True))
    return held and (len(values) == 1 or len({own[name] for own in values}) > 1)


def _placed(text: str, values: dict[str, str], names: Sequence[str], stripped: bool) -> Layout | None:
    """The longest values first, each where none of the others stands."""
    taken: list[tuple[int, int, str]] = []
    for name in sorted(names, key=lambda name: -len(values[name])):
        value = values[name]
        if not value:
            return None
        places = (found.start() for found in re.finditer(f"(?={re.escape(value)})", text))
        free = (at for at in places if all(at + len(value) <= start or at >= stop for start, stop, _ in taken))
        place = next(free, None)
        if place is not None:
            taken.append((place, place + len(value), name))
    if len(taken) < 2:
        return None
    taken.sort()
    ends = [0, *(stop for _, stop, _ in taken)]
    starts = [*(start for start, _, _ in taken), len(text)]
    around = tuple(text[end:start] for end, start in zip(ends, starts, strict=True))
    if not all(around[1:-1]) or any(fields_in(piece) for piece in around):
        return None  # nothing parts them, or the template's own text looks like a field
    return Layout(tuple(name for _, _, name in taken), around, stripped)


def _values(document: dict[str, str], stripped: bool) -> dict[str, str]:
    return {name: value.strip() for name, value in document.items()} if stripped else document
