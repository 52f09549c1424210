"""A configuration of promptfoo (`promptfooconfig.yaml`), as the rows that its results would have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from icldiag.errors import PromptError
from icldiag.prompt.source import read_text
from icldiag.prompt.turns import messages_in
from icldiag.quoting import quoted

_VARIABLE = re.compile(r"\{\{-?\s*(\w+)\s*-?\}\}")
_CHANGES = {"transformVars", "prefix", "suffix"}  # options that do so to a prompt
_CURE = "run 'promptfoo eval -o results.json' and import its results, which hold the prompts as they were sent"


def is_config(document: Any) -> bool:
    return isinstance(document, Mapping) and "prompts" in document and "results" not in document


def configured_rows(config: Mapping[str, Any], path: Path) -> list[dict[str, Any]]:
    """For each prompt and test what promptfoo's results say of them: the prompt as it is sent, vars and assertions.

    Raises:
        PromptError: more than plain variables would have to be filled in, as promptfoo alone can do.
    """
    tests = config.get("tests")
    if not isinstance(tests, list) or not tests or not all(isinstance(test, Mapping) for test in tests):
        raise PromptError(f"its tests are no list of 'vars' and 'assert'; {_CURE}", path=path, field="tests")
    default = config.get("defaultTest")
    usual = default if isinstance(default, Mapping) else {}
    options = {name for test in (usual, *tests) for name in test.get("options") or ()}
    if changed := sorted(options & _CHANGES):
        raise PromptError(f"the option {quoted(changed[0])} changes what is sent; {_CURE}", path=path, field="tests")
    return [
        {
            "prompt": {"raw": _sent(raw, given, path), "label": label},
            "testIdx": number,
            "vars": given,
            "testCase": {"assert": [*(usual.get("assert") or ()), *(test.get("assert") or ())]},
        }
        for label, raw in _prompts(config["prompts"], path)
        for number, test in enumerate(tests)
        for given in [_vars({**(usual.get("vars") or {}), **(test.get("vars") or {})}, path)]
    ]


def filled(text: str, given: Mapping[str, Any]) -> str | None:
    """A text with its variables; None where it holds another sign of the template language, or an unknown name."""
    names = _VARIABLE.findall(text)
    if any(not isinstance(given.get(name), str) for name in names) or re.search(r"\{[{%#]", _VARIABLE.sub("", text)):
        return None
    return _VARIABLE.sub(lambda found: str(given[found[1]]), text)


def _prompts(prompts: Any, path: Path) -> Iterator[tuple[str, str]]:
    """Label and text of each prompt."""
    for prompt in prompts if isinstance(prompts, list) else [prompts]:
        raw = prompt.get("raw", prompt.get("id")) if isinstance(prompt, Mapping) else prompt
        label = prompt.get("label") if isinstance(prompt, Mapping) else None
        if not isinstance(raw, str):
            raise PromptError(f"a prompt is no text; {_CURE}", path=path, field="prompts")
        name = raw.removeprefix("file://")
        if name != raw or re.fullmatch(r"\S+\.(?:txt|json)", raw):
            if Path(name).suffix not in (".txt", ".json"):
                raise PromptError(f"{quoted(raw)} is no .txt or .json file; {_CURE}", path=path, field="prompts")
            raw = read_text(path.parent / name).strip()
            if re.search(r"^---\s*$", raw, re.MULTILINE):
                raise PromptError(f"{quoted(name)} holds several prompts; {_CURE}", path=path, field="prompts")
        yield str(label or raw), raw


def _vars(given: Mapping[str, Any], path: Path) -> dict[str, str]:
    found = {}
    for name, value in given.items():
        text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
        if text is None or text.startswith("file://") or "{{" in text:
            raise PromptError(f"the variable {quoted(str(name))} is no plain text; {_CURE}", path=path, field="tests")
        found[str(name)] = text.removesuffix("\n")  # as promptfoo does
    return found


def _sent(raw: str, given: Mapping[str, str], path: Path) -> str:
    try:
        messages = messages_in(json.loads(raw)) if raw.lstrip().startswith(("[", "{")) else None
    except ValueError:
        messages = None
    if messages is None:
        text = filled(raw, given)
    else:  # a variable may hold quotes
        contents = [filled(str(one.get("content")), given) for one in messages]
        rows = [{**one, "content": content} for one, content in zip(messages, contents, strict=True)]
        text = None if None in contents else json.dumps(rows)
    if text is None:
        raise PromptError(f"a prompt holds more than plain variables of each test; {_CURE}", path=path, field="prompts")
    return text
