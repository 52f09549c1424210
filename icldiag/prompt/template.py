"""The fields of a template: {text} and {label}, and what only looks like one."""

from __future__ import annotations

import re
from collections.abc import Iterable

TEXT, LABEL = "{text}", "{label}"

_FIELD = re.compile(r"(?<!\{)\{([^\W\d]\w*)\}(?!\})")  # no JSON, no {{escaped}} one


def is_template(template: str) -> bool:
    """Whether it holds {text}, and after it {label}, once each."""
    return template.count(TEXT) == 1 == template.count(LABEL) and template.index(TEXT) < template.index(LABEL)


def fields_in(text: str) -> tuple[str, ...]:
    """The names in braces."""
    return tuple(dict.fromkeys(_FIELD.findall(text)))


def unfilled(template: str) -> tuple[str, ...]:
    """What looks like a field of the template but stands in the prompt as it is written."""
    return tuple(name for name in fields_in(template) if name not in ("text", "label"))


def named_column(template: str, columns: Iterable[str]) -> str | None:
    """A column that the template names in braces, beside {text} and {label}: its cells would be left out."""
    return next((name for name in columns if f"{{{name}}}" in template and name not in ("text", "label")), None)


def in_braces(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)


def warnings_of(template: str, instruction: str | None) -> tuple[str, ...]:
    """What a user may take for a field and the model reads as it is written."""
    found = []
    for where, names in (("template", unfilled(template)), ("instruction", fields_in(instruction or ""))):
        if names:
            stands = "stands" if len(names) == 1 else "stand"
            filled = f"only {TEXT} and {LABEL} are filled in" if where == "template" else "nothing in it is filled in"
            found.append(f"{in_braces(names)} in the {where} {stands} in the prompt as written: {filled}")
    return tuple(found)
