"""A few-shot template that LangChain saved (`FewShotPromptTemplate`, JSON or YAML) -> `Prompt`.

LangChain formats the examples, joins prefix, examples and suffix, and formats the whole once more. The prompt is
refused unless it writes the same text.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from icldiag.errors import PromptError
from icldiag.inputs.files import is_there
from icldiag.prompt.conversation import refuse_conversation
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.prompt.source import read_document, read_text
from icldiag.prompt.template import LABEL, NO_TEXTS, ONE, Pieces, complaint, in_braces
from icldiag.quoting import brief, quoted

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")  # of jinja2 and mustache


@dataclass(frozen=True)
class _Template:
    """Literal texts and the variables between them: one literal more than variables."""

    literals: tuple[str, ...]
    variables: tuple[str, ...]

    def filled(self, values: dict[str, Any]) -> _Template:
        """With the variables filled in that have a value, which LangChain does not take for a template again."""
        literals, variables = [self.literals[0]], []
        for name, literal in zip(self.variables, self.literals[1:], strict=True):
            if name in values:
                literals[-1] += f"{values[name]}{literal}"
            else:
                variables.append(name)
                literals.append(literal)
        return _Template(tuple(literals), tuple(variables))


@dataclass(frozen=True)
class FewShot:
    """What the file says, formatted. `examples` are the texts of the fields, and the label with the space before it.

    One variable is the field {text}; of several, each is a field with its own name.
    """

    path: Path
    fields: tuple[str, ...]
    pieces: Pieces
    prefix: str
    separator: str
    examples: tuple[tuple[dict[str, str], str], ...]
    notes: tuple[str, ...]

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(word.strip() for _, word in self.examples))

    @property
    def space(self) -> str:
        """What stands between the template and a label."""
        word = self.examples[0][1]
        return word[: len(word) - len(word.lstrip())]

    @property
    def template(self) -> str:
        texts = "".join(head + in_braces([name]) for head, name in zip(self.pieces.heads, self.fields, strict=True))
        return texts + self.pieces.until + LABEL + self.pieces.after

    def prompt(self, queries: Sequence[Example], more_labels: Sequence[str] = ()) -> Prompt:
        """The prompt that asks these queries, whose labels count in `label_names` and then `more_labels`.

        Raises:
            PromptError: one label, or a template whose own text holds what a prompt file takes for a field.
        """
        names = list(dict.fromkeys([*self.label_names, *more_labels]))
        if len(names) < 2:
            raise PromptError(
                f"all examples have the label {quoted(names[0])}; name others with --labels", path=self.path
            )
        if (wrong := complaint(self.template, self.fields)) is not None:
            raise PromptError(f"its own text looks like a field: {wrong}", path=self.path)
        return Prompt(
            name=self.path.stem,
            template=self.template,
            separator=self.separator,
            labels=tuple(Label(name, self.space + name) for name in names),
            demonstrations=tuple(Example.of(texts, names.index(word.strip())) for texts, word in self.examples),
            queries=tuple(queries),
            instruction=self.prefix or None,
            path=self.path,
            fields=self.fields,
        )


@dataclass(frozen=True)
class _File:
    """The saved template being read; knows where a complaint belongs."""

    path: Path
    values: dict[str, Any]
    format: str = field(default="f-string")

    def error(self, message: str, field: str | None = None) -> PromptError:
        return PromptError(message, path=self.path, field=field)

    def text(self, name: str) -> str:
        """A template given in the file or, as NAME_path, in a text file."""
        if f"{name}_path" in self.values:
            return read_text(self._beside(str(self.values[f"{name}_path"])))
        given = self.values.get(name)
        if not isinstance(given, str | None):
            raise self.error("it is no text; put it in quotes", name)
        return given or ""

    def document(self, name: str, value: Any) -> Any:
        """A value given in the file, or the path of a JSON or YAML file that holds it."""
        return read_document(self._beside(value))[0] if isinstance(value, str) else value

    def _beside(self, name: str) -> Path:
        path = self.path.parent / name
        return path if is_there(path) else Path(name)  # LangChain looks in the working directory

    def template(self, text: str, where: str) -> _Template:
        """Cut a template at its variables. Raises PromptError for anything but plain ones."""
        if self.format == "f-string":
            try:
                parts = list(string.Formatter().parse(text))
            except ValueError as error:
                raise self.error(f"not a template: {brief(error)}", where) from None
            if any(name is not None and (not name.isidentifier() or spec or how) for _, name, spec, how in parts):
                raise self.error("only plain variables such as {text} can be imported", where)
            pieces = [(literal, name) for literal, name, _, _ in parts]
        else:
            cut = _VARIABLE.split(text)
            pieces = [*zip(cut[::2], [*cut[1::2], None], strict=True)]
            if any("{{" in literal or "{%" in literal or "{#" in literal for literal, _ in pieces):
                raise self.error("only plain variables such as {{ text }} can be imported", where)
        literals, variables = [""], []
        for literal, name in pieces:
            literals[-1] += literal
            if name is not None:
                variables.append(name)
                literals.append("")
        return _Template(tuple(literals), tuple(variables))

    def partials(self) -> dict[str, Any]:
        """The variables that the file has values for."""
        found = self.values.get("partial_variables") or {}
        if not isinstance(found, dict):
            raise self.error("expected a mapping from variable to value", "partial_variables")
        return found

    def formatted(self, text: str, where: str) -> str:
        """A text that LangChain takes for a template, but that has no variable without a value."""
        found = self.template(text, where).filled(self.partials())
        if found.variables:
            raise self.error(f"LangChain would put a variable in place of {quoted(found.variables[0])} here", where)
        return found.literals[0]


def read_few_shot(path: Path) -> FewShot:
    """Read a saved FewShotPromptTemplate.

    Raises:
        PromptError: it is another kind of template, or its suffix does not ask as its examples answer.
    """
    values, _ = read_document(path)
    refuse_conversation(values, path)
    kind = values.get("_type") if isinstance(values, dict) else None
    if kind != "few_shot":
        told = (
            f"a LangChain template of type {quoted(kind)}" if kind else "no template that LangChain's prompt.save wrote"
        )
        raise PromptError(
            f"this is {told}; only a FewShotPromptTemplate ('few_shot') can be imported, and of any other what it "
            "formats, by 'icldiag import text' or 'icldiag import messages'",
            path=path,
        )
    file = _File(path, values, str(values.get("template_format") or "f-string"))
    if values.get("example_selector") or values.get("examples") is None:
        raise file.error("its examples are chosen at run time; save a template that holds 'examples'", "examples")
    shown = file.document("example_prompt", values.get("example_prompt") or values.get("example_prompt_path"))
    if not isinstance(shown, dict) or "template" not in shown:
        raise file.error("expected a prompt with a 'template'", "example_prompt")
    inner = _File(path, shown, str(shown.get("template_format") or "f-string"))
    example = inner.template(str(shown["template"]), "example_prompt.template").filled(inner.partials())
    if len(example.variables) < 2:
        raise file.error("a template with a variable for the text and one for the label is needed", "example_prompt")
    between, space = _without_last_spaces(file.formatted(example.literals[-2], "example_prompt.template"))
    before, after = (file.formatted(example.literals[place], "example_prompt.template") for place in (0, -1))
    within = tuple(file.formatted(literal, "example_prompt.template") for literal in example.literals[1:-2])
    _check_suffix(file, example, before, within, between)
    texts = example.variables[:-1]
    reserved = next((name for name in texts if name in NO_TEXTS), None)
    if len(texts) > 1 and (reserved or len(set(texts)) < len(texts)):
        reason = (
            f"a text's variable cannot be called {quoted(reserved)}" if reserved else "a variable stands in it twice"
        )
        raise file.error(f"{reason}; rename it", "example_prompt.template")
    fields = texts if len(texts) > 1 else ONE
    found = FewShot(
        path=path,
        fields=fields,
        pieces=Pieces((before, *within), between, after),
        prefix=file.formatted(file.text("prefix"), "prefix"),
        separator=_separator(file),
        examples=tuple(_examples(file, example, fields, space)),
        notes=tuple(_unused(file, example)),
    )
    _check_written(file, found, shown, inner)
    return found


def _separator(file: _File) -> str:
    given = file.values.get("example_separator", "\n\n")
    if not isinstance(given, str):  # nor does LangChain take it
        raise file.error("it is no text; put it in quotes, or leave it out for an empty line", "example_separator")
    return given


def _without_last_spaces(text: str) -> tuple[str, str]:
    kept = text.rstrip(" \t")
    return kept, text[len(kept) :]


def _check_suffix(file: _File, example: _Template, before: str, within: tuple[str, ...], between: str) -> None:
    """Raise PromptError where the suffix does not ask as the examples answer: with as many variables, parted alike."""
    suffix = file.template(file.text("suffix"), "suffix").filled(file.partials())
    if not suffix.variables:
        raise file.error("it has no variable for the query", "suffix")
    asked = (*suffix.literals[:-1], _without_last_spaces(suffix.literals[-1])[0])
    texts = example.variables[:-1]
    swapped = set(suffix.variables) == set(texts) and suffix.variables != texts
    if asked != (before, *within, between) or swapped:
        names = texts if swapped or len(suffix.variables) != len(texts) else suffix.variables
        wanted = before + "".join(
            f"{{{name}}}{literal}" for name, literal in zip(names, (*within, between), strict=True)
        )
        raise file.error(f"the query is not asked as the examples are, which would be {quoted(wanted)}", "suffix")


def _unused(file: _File, example: _Template) -> Iterator[str]:
    """Notes on what LangChain does not write either."""
    rows = file.document("examples", file.values["examples"])
    names = dict.fromkeys(str(name) for row in rows for name in row if name not in example.variables)
    if names:
        told = ", ".join(map(repr, names))
        yield f"not in the prompt, as the example template does not use it: {told} of the examples"


def _examples(
    file: _File, example: _Template, fields: tuple[str, ...], space: str
) -> Iterator[tuple[dict[str, str], str]]:
    given = file.document("examples", file.values["examples"])
    if not isinstance(given, list) or not given:
        raise file.error("expected a list with at least one example", "examples")
    for index, row in enumerate(given):
        where = f"examples[{index}]"
        missing = [name for name in example.variables if not isinstance(row, dict) or row.get(name) is None]
        if missing:
            raise file.error(f"there is no {quoted(missing[0])}", where)
        *texts, word = (file.formatted(str(row[name]), where) for name in example.variables)
        yield dict(zip(fields, texts, strict=True)), space + word


def _check_written(file: _File, found: FewShot, shown: dict[str, Any], inner: _File) -> None:
    """Compare with what LangChain would join and format."""
    template = inner.template(str(shown["template"]), "example_prompt.template").filled(inner.partials())
    rows = file.document("examples", file.values["examples"])
    made = [
        "".join(literal + str(row[name]) for literal, name in zip(template.literals, template.variables, strict=False))
        + template.literals[-1]
        for row in rows
    ]
    pieces = [file.text("prefix"), *made]
    whole = file.formatted(found.separator.join(piece for piece in pieces if piece) + found.separator, "examples")
    names = [*found.label_names, "\0"]  # a second label, should all examples have the same
    prompt = found.prompt([], names)
    if prompt.written(prompt.uniform("")) != whole + "".join(found.pieces.heads) + found.pieces.until:
        raise file.error("the examples cannot be told apart as LangChain writes them", "examples")
