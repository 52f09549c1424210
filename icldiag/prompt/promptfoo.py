"""What promptfoo sends, from its results (`promptfoo eval -o results.json`) or its configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from icldiag.errors import PromptError
from icldiag.inputs.json_text import parse_json
from icldiag.inputs.yaml_text import parse_yaml
from icldiag.prompt.contexts import Context
from icldiag.prompt.logged import Logged
from icldiag.prompt.promptfoo_config import configured_rows, filled, is_config
from icldiag.prompt.sent import Sent, prompt_sent
from icldiag.prompt.source import read_text
from icldiag.prompt.turns import messages_in
from icldiag.quoting import did_you_mean, listed, quoted

_EQUALS = ("equals", "is", "iequals")


def read_results(path: Path, label: str | None = None, more_labels: Sequence[str] = ()) -> Sent:
    """The prompt that writes what was sent.

    Args:
        label: of the prompt, where the results are of several.

    Raises:
        PromptError: it is neither of them, or no classification.
    """
    rows = _rows(path, label)
    contexts = [
        Context(
            str(row["prompt"]["raw"]),
            _gold(row),
            str(row.get("testIdx", number)),
            {str(name): value for name, value in (row.get("vars") or {}).items() if isinstance(value, str)},
        )
        for number, row in enumerate(rows)
    ]
    sent = prompt_sent(contexts, [_messages(one.text) for one in contexts], path, more_labels)
    model = _provider(rows[0])
    answers = {
        one.id: _inner(row, "response", "output")
        for one, row in zip(contexts, rows, strict=True)
        if one.id and _provider(row) == model
    }
    if all(answer is None for answer in answers.values()):  # a configuration, which nobody ran
        return sent
    return replace(sent, logged=Logged.of("promptfoo", model, answers))


def _provider(row: Mapping[str, Any]) -> Any:
    """Its name, where that is told alone or beside a label."""
    return row["provider"] if isinstance(row.get("provider"), str) else _inner(row, "provider", "id")


def _inner(row: Mapping[str, Any], name: str, inside: str) -> Any:
    found = row.get(name)
    return found.get(inside) if isinstance(found, Mapping) else None


def _messages(text: str) -> Any:
    if not text.lstrip().startswith(("[", "{")):
        return None
    try:
        return messages_in(parse_json(text, Path("prompt"))[0])
    except PromptError:
        return None


def _rows(path: Path, label: str | None) -> list[dict[str, Any]]:
    """The results of one prompt, each test once, as the first provider got it."""
    document = _document(path)
    if is_config(document):
        return _of_prompt(configured_rows(document, path), label, path)
    results = document.get("results") if isinstance(document, dict) else None
    rows = results.get("results") if isinstance(results, dict) else results
    if not isinstance(rows, list) or not rows or not all(_is_row(row) for row in rows):
        raise PromptError(
            "this is neither a configuration of promptfoo nor results, as 'promptfoo eval -o results.json' writes them",
            path=path,
        )
    return _of_prompt(rows, label, path)


def _document(path: Path) -> Any:
    if path.suffix.lower() in (".yaml", ".yml"):
        return parse_yaml(read_text(path), path)[0]
    return parse_json(read_text(path), path, finite=False)[0]


def _of_prompt(rows: list[dict[str, Any]], label: str | None, path: Path) -> list[dict[str, Any]]:
    labels = list(dict.fromkeys(str(row["prompt"].get("label", "")) for row in rows))
    if label is not None and label not in labels:
        close = did_you_mean(label, labels)
        raise PromptError(f"there is no prompt {quoted(label)}; {close}there are {listed(labels)}", path=path)
    if label is None and len(labels) > 1:
        raise PromptError(
            f"the results are of {len(labels)} prompts; choose one with --prompt: {listed(labels)}", path=path
        )
    own = [row for row in rows if str(row["prompt"].get("label", "")) == (label or labels[0])]
    return list({(row["prompt"]["raw"], str(row.get("testIdx"))): row for row in reversed(own)}.values())[::-1]


def _is_row(row: Any) -> bool:
    return (
        isinstance(row, Mapping)
        and isinstance(row.get("prompt"), Mapping)
        and isinstance(row["prompt"].get("raw"), str)
    )


def _gold(row: Mapping[str, Any]) -> str | None:
    """What a test asserts that the answer equals; None where it asserts otherwise."""
    test = row.get("testCase")
    asserted = test.get("assert") if isinstance(test, Mapping) else None
    found = [one.get("value") for one in asserted or () if isinstance(one, Mapping) and one.get("type") in _EQUALS]
    # an assertion may name a variable of its test, such as {{label}}
    return filled(found[0], row.get("vars") or {}) if len(found) == 1 and isinstance(found[0], str) else None
