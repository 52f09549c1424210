"""The user's prompt file with a few fields changed: comments, order and style of the rest stay, files stay named."""

from __future__ import annotations

import io
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from icldiag.errors import PromptError
from icldiag.files import TEMPORARY, write_whole
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Example, Prompt
from icldiag.prompt.source import read_text
from icldiag.prompt.write import as_its_ending_says, as_yaml, calibration_fields, named_from
from icldiag.samples import is_sample


def rewritten(prompt: Prompt, changed: Prompt, folder: Path) -> tuple[str, str]:
    """The text of the file that `prompt` was read from, and of one in `folder` for `changed`, which is not written.

    Where `prompt` is a sample that ships, both hold what its data files do: a path into the installed package leads
    nowhere on another machine. `changed` may differ in its demonstrations, label words, retrieval, calibration and
    beta. A prompt that did not come from a YAML file, or that cannot be kept in its style, is written out in full; so
    is then the old one.
    """
    old = _source(prompt)
    if old is not None:
        try:
            without = replace(changed, beta=None)  # its file need not be there yet
            if _reads_as(_edited(old, prompt, without, folder), without, folder):
                whole = _edited(old, prompt, prompt, folder) if _ships(prompt) else old
                return whole, _edited(old, prompt, changed, folder)
        except Exception:  # a style or a value that the editor does not know; it raises what it likes
            pass
    return as_yaml(prompt, folder), as_yaml(changed, folder)


def _ships(prompt: Prompt) -> bool:
    return prompt.path is not None and is_sample(prompt.path)


def write_prompt(text: str, path: Path) -> Prompt:
    """Write a prompt file whole, as its ending says, and read it back."""
    write_whole(as_its_ending_says(text, path), path)
    return read_prompt(path)


def _source(prompt: Prompt) -> str | None:
    if prompt.path is None or prompt.path.suffix.lower() not in (".yaml", ".yml"):
        return None
    try:
        return read_text(prompt.path) if read_prompt(prompt.path).hash == prompt.hash else None
    except PromptError:  # gone or changed since
        return None


def _edited(old: str, prompt: Prompt, changed: Prompt, folder: Path) -> str:
    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 1_000_000  # no line is broken anew
    editor.allow_unicode = True
    document = editor.load(old)
    _indent_alike(editor, document)
    if changed.chat != prompt.chat:
        for field in ("separator", "instruction_separator"):
            document.pop(field, None)
        document.insert(list(document).index("template") + 1, "chat", changed.chat)
    if changed.demonstrations != prompt.demonstrations:
        _replace_demonstrations(document, prompt, changed)
    space = "" if changed.chat else " "
    listed = isinstance(document["labels"], list) and all(one.word == space + one.name for one in changed.labels)
    if changed.labels != prompt.labels and not listed:
        _replace_words(document, prompt, changed)
    assert prompt.path is not None
    parts = {"demonstrations": changed.demonstrations, "queries": changed.queries, "examples": changed.examples}
    for field, examples in parts.items():
        if not isinstance(document.get(field), dict):
            continue
        if _ships(prompt):
            _list_examples(document, field, [_row(changed, example) for example in examples])
        else:
            document[field]["file"] = named_from(folder, prompt.path.parent / document[field]["file"])
    document.pop("calibration", None)
    document.pop("beta", None)
    if changed.retrieval != prompt.retrieval:
        document.pop("retrieval", None)
        if changed.retrieval is not None:
            document["retrieval"] = asdict(changed.retrieval)
    if changed.calibration is not None:
        document["calibration"] = calibration_fields(changed.calibration, changed.label_names)
    if changed.beta is not None:
        document["beta"] = named_from(folder, changed.beta.path)
    written = io.StringIO()
    editor.dump(document, written)
    return written.getvalue()


def _indent_alike(editor: YAML, document: Any) -> None:
    """Set in lists and mappings as they are in the file."""
    lists = [document.get(field) for field in ("demonstrations", "queries", "examples", "labels")]
    dash = next((one.lc.col for one in lists if isinstance(one, CommentedSeq) and not one.fa.flow_style()), 2)
    labels = document["labels"]
    mapping = labels.lc.col if isinstance(labels, CommentedMap) and not labels.fa.flow_style() else 2
    editor.indent(mapping=mapping or 2, sequence=dash + 2, offset=dash)


def _replace_demonstrations(document: Any, prompt: Prompt, changed: Prompt) -> None:
    """In place; a demonstration that was there before keeps its own writing."""
    written, kept = document["demonstrations"], {}
    if isinstance(written, CommentedSeq):
        kept = dict(zip(prompt.demonstrations, list(written), strict=True))
    in_line = all(other.fa.flow_style() for other in kept.values())
    rows = [kept.get(example) or _row(changed, example, in_line) for example in changed.demonstrations]
    _list_examples(document, "demonstrations", rows)


def _row(prompt: Prompt, example: Example, in_line: bool = True) -> CommentedMap:
    texts = ((name, DoubleQuotedScalarString(example.text_of(name))) for name in prompt.fields)
    row = CommentedMap(texts)  # in quotes, as PyYAML reads no plain ' ?' in braces
    if example.label is not None:
        row["label"] = prompt.label_names[example.label]
    if example.id is not None:
        row["id"] = example.id
    if in_line:
        row.fa.set_flow_style()
    return row


def _list_examples(document: Any, field: str, rows: list[CommentedMap]) -> None:
    """In place of a list, which keeps its style, or of a data file's name, with the comments that followed it."""
    written = document[field]
    if isinstance(written, CommentedMap):
        following = document.ca.items.pop(field, None) if written.fa.flow_style() else None
        following = following or written.ca.items.get(list(written)[-1])
        document[field] = written = CommentedSeq()
        if following:  # the editor keeps them at a mapping's last value, and in a list at the row itself
            written.ca.items[len(rows) - 1] = [following[2], None, None, None]
    del written[:]
    written.extend(rows)


def _replace_words(document: Any, prompt: Prompt, changed: Prompt) -> None:
    """A list of class names becomes a mapping to label words."""
    if not isinstance(document["labels"], dict):
        document["labels"] = CommentedMap((label.name, label.word) for label in changed.labels)
        return
    for before, after in zip(prompt.labels, changed.labels, strict=True):
        if before != after:
            quoted = type(document["labels"][before.name])  # in the same kind of quotes
            document["labels"][before.name] = quoted(after.word) if issubclass(quoted, str) else after.word


def _reads_as(text: str, wanted: Prompt, folder: Path) -> bool:
    """Whether the text, as a file in `folder`, is the wanted prompt."""
    try:
        with tempfile.NamedTemporaryFile("wb", prefix=".", suffix=TEMPORARY, dir=folder, delete=False) as file:
            file.write(text.encode())
    except OSError:  # nothing will be written here either
        return True
    try:
        return read_prompt(file.name).hash == wanted.hash
    except PromptError:
        return False
    finally:
        Path(file.name).unlink()
