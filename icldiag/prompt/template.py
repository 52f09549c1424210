"""The fields of a template: {text}, or others by any name, then {label}; and what only looks like a field."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

TEXT, LABEL = "{text}", "{label}"

ONE: tuple[str, ...] = ("text",)  # the fields of a template with one text

_FIELD = re.compile(r"(?<!\{)\{([^\W\d]\w*)\}(?!\})")  # no JSON, no {{escaped}} one
NO_TEXTS = ("label", "id", "demonstrations")  # of an example, besides its texts


class Pieces(NamedTuple):
    """The template's own text."""

    heads: tuple[str, ...]  # before each field, in the order of the template
    until: str  # between the last field and the label
    after: str


def pieces(template: str, fields: Sequence[str] = ONE) -> Pieces:
    """A template that `complaint` has none about, cut at its fields."""
    heads, rest = [], template
    for name in fields:
        head, rest = _cut(rest, name)
        heads.append(head)
    return Pieces(tuple(heads), *_cut(rest, "label"))


def _cut(template: str, name: str) -> tuple[str, str]:
    (start,) = _places(template, name)[:1]
    return template[:start], template[start + len(name) + 2 :]


def _places(template: str, name: str) -> list[int]:
    """Where a field stands; {text} and {label} do within other braces, too."""
    written = f"{{{name}}}"
    if written in (TEXT, LABEL):
        return [found.start() for found in re.finditer(re.escape(written), template)]
    return [found.start() for found in _FIELD.finditer(template) if found[1] == name]


def complaint(template: str, fields: Sequence[str] = ONE) -> str | None:
    """What is wrong with a template: it must hold its fields, and after them {label}, once each."""
    for name in (*fields, "label"):
        count = len(_places(template, name))
        if count != 1:
            return (
                f"the template {'holds' if count else 'does not hold'} {in_braces([name])}"
                + (" more than once" if count else "")
                + "; write it exactly once"
            )
    last = _places(template, "label")[0]
    late = next((name for name in fields if _places(template, name)[0] > last), None)
    if late is not None:
        return f"{in_braces([late])} must come before {LABEL}: the query is the template up to {LABEL}"
    return None


def is_template(template: str, fields: Sequence[str] = ONE) -> bool:
    """Whether it holds its fields, and after them {label}, once each."""
    return complaint(template, fields) is None


def fields_in(text: str) -> tuple[str, ...]:
    """The names in braces."""
    return tuple(dict.fromkeys(_FIELD.findall(text)))


def fields_of(template: str, known: Collection[str] = ()) -> tuple[str, ...]:
    """The fields of a template, in its order: {text}, and those of `known`; without {text} whatever it names.

    Args:
        known: what the examples, or the columns of the data, have texts for.
    """
    names = [name for name in fields_in(template) if name not in NO_TEXTS]
    if TEXT not in template:
        return tuple(names) or ONE
    found = {name: _places(template, name)[0] for name in ("text", *names) if name == "text" or name in known}
    return tuple(sorted(found, key=found.__getitem__))


def unfilled(template: str, fields: Sequence[str] = ONE) -> tuple[str, ...]:
    """What looks like a field of the template but stands in the prompt as it is written."""
    return tuple(name for name in fields_in(template) if name not in (*fields, "label"))


def in_braces(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)


def warnings_of(template: str, instruction: str | None, fields: Sequence[str] = ONE) -> tuple[str, ...]:
    """What a user may take for a field and the model reads as it is written."""
    found = []
    for where, names in (("template", unfilled(template, fields)), ("instruction", fields_in(instruction or ""))):
        if names:
            stands = "stands" if len(names) == 1 else "stand"
            filled = f"only {in_braces(fields)} and {LABEL} are filled in"
            filled = filled if where == "template" else "nothing in it is filled in"
            found.append(f"{in_braces(names)} in the {where} {stands} in the prompt as written: {filled}")
    return tuple(found)
