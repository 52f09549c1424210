"""A program that DSPy saved (`program.save("x.json")`) with its demonstrations -> `Prompt`.

The file holds the signature's instructions, names and order of fields, and demonstrations; not the types of the fields,
nor the adapter that writes the messages. So the prompt is one text, with the signs that DSPy's ChatAdapter puts around
each field, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from icldiag.errors import PromptError
from icldiag.inputs.json_text import parse_json
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.prompt.source import read_text
from icldiag.prompt.template import NO_TEXTS, ONE
from icldiag.quoting import did_you_mean, listed, quoted

_LONGEST = 80  # characters of a label
_VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Predictor:
    """One `dspy.Predict` of a program: the inputs come before the outputs, and the last field is the label."""

    path: Path
    name: str
    instructions: str
    fields: tuple[str, ...]
    demonstrations: tuple[dict[str, str], ...]
    unread: tuple[str, ...]  # of the demonstrations, what the signature does not name

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one[self.fields[-1]].strip() for one in self.demonstrations))

    def prompt(self, more_labels: Sequence[str] = ()) -> Prompt:
        """Without queries. Raises PromptError: one label."""
        *texts, label = self.fields
        names = list(dict.fromkeys([*self.label_names, *more_labels]))
        if len(names) < 2:
            raise PromptError(
                f"all demonstrations have the label {quoted(names[0])}; name others with --labels", path=self.path
            )
        own = ONE if len(texts) == 1 else tuple(texts)
        signs = "".join(f"[[ ## {name} ## ]]\n{{{field}}}\n\n" for name, field in zip(texts, own, strict=True))
        return Prompt(
            name=self.path.stem,
            template=f"{signs}[[ ## {label} ## ]]\n{{label}}\n\n[[ ## completed ## ]]",
            separator="\n\n",
            labels=tuple(Label(name, name) for name in names),
            demonstrations=tuple(
                Example.of(
                    {field: one[name] for name, field in zip(texts, own, strict=True)}, names.index(one[label].strip())
                )
                for one in self.demonstrations
            ),
            queries=(),
            instruction=self.instructions or None,
            path=self.path,
            fields=own,
        )


def read_program(path: Path, name: str | None = None) -> Predictor:
    """The predictor of a saved program.

    Args:
        name: of the predictor, where several have demonstrations.

    Raises:
        PromptError: this is no saved program, or not of a few-shot classification.
    """
    document, _ = parse_json(read_text(path), path)
    found = dict(_predictors(document)) if isinstance(document, dict) else {}
    if not found:
        reason = "this is no program that DSPy saved as JSON; it has no 'signature' and 'demos'"
        raise PromptError(reason, path=path)
    shown = {own: one for own, one in found.items() if one["demos"]}
    if name is not None and name not in found:
        close = did_you_mean(name, found)
        raise PromptError(f"there is no predictor {quoted(name)}; {close}there are {listed(found)}", path=path)
    if not shown or (name is not None and name not in shown):
        raise PromptError("its predictors have no demonstrations: compile the program, or add 'demos'", path=path)
    if name is None and len(shown) > 1:
        raise PromptError(
            f"{len(shown)} predictors have demonstrations; choose one with --predictor: {listed(shown)}", path=path
        )
    own = name or next(iter(shown))
    return _predictor(path, own, shown[own])


def _predictors(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """By their names: a program that is one `Predict` is itself the predictor."""
    for name, value in (("self", document), *document.items()):
        if (
            isinstance(value, dict)
            and isinstance(value.get("demos"), list)
            and isinstance(value.get("signature"), dict)
        ):
            yield str(name), value


def _predictor(path: Path, name: str, value: Mapping[str, Any]) -> Predictor:
    demos, signature = value["demos"], value["signature"]
    given = signature.get("fields")
    if not isinstance(given, list) or not all(isinstance(one, dict) and "prefix" in one for one in given):
        raise PromptError("the signature's 'fields' are no list of {prefix, description}", path=path)
    if not all(isinstance(demo, dict) for demo in demos):
        raise PromptError("the 'demos' are no mappings of fields to values", path=path)
    fields = _names(given, demos, path)
    if len(fields) < 2:
        raise PromptError("the signature needs a field for the text and one for the label", path=path)
    if "reasoning" in fields or "rationale" in fields:
        reason = "the answers come after a reasoning (ChainOfThought): they are no labels to compare"
        raise PromptError(reason, path=path)
    reserved = next((field for field in fields[:-1] if field in NO_TEXTS and len(fields) > 2), None)
    if reserved is not None:
        raise PromptError(f"a field of texts cannot be called {quoted(reserved)}; rename it", path=path)
    shown = tuple(_texts(demo, fields, number, path) for number, demo in enumerate(demos, start=1))
    unread = dict.fromkeys(str(key) for demo in demos for key in demo if key not in (*fields, "augmented"))
    return Predictor(path, name, str(signature.get("instructions") or ""), fields, shown, tuple(unread))


def _names(given: Sequence[Mapping[str, Any]], demos: Sequence[Mapping[str, Any]], path: Path) -> tuple[str, ...]:
    """The fields' names: those of their descriptions, `${name}`, or of their prefixes, or else in the demos' order."""
    found = []
    for one in given:
        described = _VARIABLE.fullmatch(str(one.get("description", "")))
        found.append(described[1] if described else str(one["prefix"]).strip().rstrip(":").lower().replace(" ", "_"))
    keys = [key for key in demos[0] if key != "augmented"]
    if set(found) <= set(keys):
        return tuple(found)
    if len(keys) == len(given):  # fields with prefixes of their own; demos are written in the signature's order
        return tuple(map(str, keys))
    missing = next(name for name in found if name not in keys)
    raise PromptError(f"demonstration 1 has nothing for the field {quoted(missing)}", path=path)


def _texts(demo: Mapping[str, Any], fields: Sequence[str], number: int, path: Path) -> dict[str, str]:
    found = {}
    for field in fields:
        value = demo.get(field)
        if value is None:
            raise PromptError(f"demonstration {number} has nothing for the field {quoted(field)}", path=path)
        if isinstance(value, (dict, list)):
            raise PromptError(f"the field {quoted(field)} of demonstration {number} is no text", path=path)
        found[field] = str(value)
    label = found[fields[-1]]
    if len(label) > _LONGEST or "\n" in label.strip() or not label.strip():
        raise PromptError(f"the answer {quoted(label)} of demonstration {number} is no label", path=path)
    return found
