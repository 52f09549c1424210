"""A report as a page: the summary, the analyses, the prompt with its spans, and what is needed to repeat it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from icldiag.analyses import ANALYSES
from icldiag.analyses.analysis import QUESTIONS, Context
from icldiag.counting import counted, joined
from icldiag.glossary import terms_in
from icldiag.page.blocks import Block, Cell, Code, Figure, Heading, Items, Page, Paragraph, Part, Table, Tokens
from icldiag.report.document import Report
from icldiag.report.identity import UNSAVED
from icldiag.report.repaired import WITHOUT

WORDS = "words"  # the part that explains terms
_IN_MEMORY = "The prompt was made in memory, so there is no command."
_ENDING = "With -o FILE the ending says what is written: .html, .md, .json and others."


def page_of(report: Report) -> Page:
    values = report.values()
    context, redacted = report.context, report.redaction is not None
    parts = [
        replace(part_of(name, result, context), reading=report.reading(name)) for name, result in report.results.items()
    ]
    parts += _causes_before(report)
    page = Page(
        title=f"icldiag report: {report.context.prompt.name}",
        facts=(*_facts(values), *(() if report.repaired is None else report.repaired.facts)),
        summary=_summary(report, {part.name: part.reading for part in parts}),
        parts=(*parts, *_words(parts), _prompt(values["prompt"], context, redacted), _repeat(values, redacted)),
    )
    return page if report.redaction is None else report.redaction.shown(page)


def _causes_before(report: Report) -> list[Part]:
    """What was found of the causes without the repair that is on."""
    before = report.before
    if before is None:
        return []
    parts = [part_of(name, result, before.context) for name, result in before.results.items()]
    return [
        replace(part, name=_before(part.name), title=f"Before the repair: {part.title}", reading=f"{WITHOUT} {reading}")
        for part in parts
        if (reading := part.reading)
    ]


def _before(name: str) -> str:
    """Of a section without the repair that is on."""
    return f"before-{name}"


def part_of(name: str, result: Any, context: Context) -> Part:
    section = ANALYSES[name].section
    return Part(name, section.title, section.reading(result, context), tuple(section.blocks(result, context)))


def _facts(values: dict[str, Any]) -> tuple[str, ...]:
    model, prompt = values["model"], values["prompt"]
    return (
        f"model: {model['name']}, {model['architecture']}, {model['layers']} layers x {model['heads']} heads, "
        f"{model['dtype']} on {model['device']}{_dequantised(model)}",
        f"prompt: {prompt['file'] or prompt['name']}, {counted(len(prompt['demonstrations']), 'demonstration')} of "
        f"{prompt['tokens']['demonstrations']} tokens, longest prompt {prompt['tokens']['longest_prompt']} tokens, "
        f"hash of the prompt as read: {prompt['sha256'][:12]}",
        f"icldiag {values['icldiag']}, {values['made']}",
        *(f"with: {name}" for name in _in_force(values)),
        *(f"note: {warning}" for warning in prompt["warnings"]),
    )


def _in_force(values: dict[str, Any]) -> Iterator[str]:
    """What changes the answers beside the prompt's text."""
    if values["prompt"]["calibration"]:
        yield f"{values['prompt']['calibration']['kind']} calibration"
    if values["settings"]["beta"] is not None:
        yield "anchor re-weighting"


def _summary(report: Report, readings: dict[str, str]) -> dict[str, tuple[tuple[str, str], ...]]:
    """Each section's reading under the question that it answers; what was left out says why."""
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for question in QUESTIONS:
        names = [name for name, analysis in ANALYSES.items() if analysis.section.question == question]
        shown = [part for part in (*names, *map(_before, names)) if part in readings]
        answers = [(part, readings[part]) for part in shown]
        missing = [name for name in names if name in report.left_out and _before(name) not in shown]
        alike = {why: [name for name in missing if report.left_out[name] == why] for why in report.left_out.values()}
        answers += [("", f"no {joined(without, 'or')}: {why}") for why, without in alike.items() if without]
        if answers:
            found[question] = tuple(answers)
    return found


def _prompt(values: dict[str, Any], context: Context, redacted: bool) -> Part:
    prompt, query = context.prompt, context.example_query
    labels: list[tuple[Cell, ...]] = [
        (label["name"], label["word"], " ".join(map(str, label["tokens"]))) for label in values["labels"]
    ]
    wrong = "the most confidently wrong one" if context.prediction.wrong else "the first"
    what = wrong if context.query is None else "the selected one"
    asked = f"As the model reads it, with query {query + 1} of {len(prompt.queries)}, {what}"
    blocks: list[Block] = [
        Table("parts", f"{asked}: its parts; the texts are left out.", ("part", "label", "tokens"), _sizes(context))
        if redacted
        else Tokens(
            f"{asked}; label words and the target, where the model answers, are marked.", context.pieces(query)
        ),
        Table("labels", "Label words and their tokens' ids.", ("class", "label word", "tokens"), tuple(labels)),
    ]
    blocks += [Items(tuple(values["warnings"]))] if values["warnings"] else []
    return Part("prompt", "The prompt", "", tuple(blocks))


def _words(parts: Sequence[Part]) -> Iterator[Part]:
    """What the terms mean that the parts use, for whom the report is sent to; texts of the prompt are no terms."""
    used = terms_in("\n".join(text for part in parts for text in _sentences(part)))
    if used:
        rows = tuple((term.name, term.meaning) for term in used)
        caption = "Terms of this report, a sentence each."
        yield Part(WORDS, "What the words mean", "", (Table("terms", caption, ("term", "meaning"), rows, "folded"),))


def _sentences(part: Part) -> Iterator[str]:
    yield from (part.title, part.reading)
    for block in part.blocks:
        match block:
            case Heading(text) | Paragraph(text):
                yield text
            case Items(texts):
                yield from texts
            case Table(_, caption, columns):
                yield from (caption, *columns)
            case Figure(_, caption):
                yield caption


def _sizes(context: Context) -> tuple[tuple[Cell, ...], ...]:
    """Of each part of the prompt its label and its tokens, in their order."""
    prompt, query = context.prompt, context.example_query
    pieces = context.pieces(query)
    shown = prompt.queries[query].demonstrations or prompt.demonstrations
    rows: list[tuple[Cell, ...]] = []
    for place, run in groupby(pieces, key=lambda piece: piece.demonstration):
        tokens = sum(1 for _ in run)
        label = prompt.queries[query].label if place is None else shown[place].label
        if place is not None:
            name = f"demonstration {place + 1}"
        elif shown and not rows:
            name, label = "before the demonstrations", None
        else:
            name = f"query {query + 1}"
        rows.append((name, None if label is None else prompt.label_names[label], tokens))
    return tuple(rows)


def _dequantised(model: dict[str, Any]) -> str:
    return f", dequantised from {model['quantisation']}" if model.get("quantisation") else ""


def _repeat(values: dict[str, Any], redacted: bool) -> Part:
    model, environment = values["model"], values["environment"]
    rows: list[tuple[Cell, ...]] = [
        ("icldiag", values["icldiag"]),
        ("model", model["name"]),
        ("revision", model["revision"] or "(not given)"),
        ("commit", model["commit"]),
        ("weights, sha256", model["weights_sha256"]),
        ("prompt as read, sha256", values["prompt"]["sha256"]),
        ("device", model["device"]),
        ("dtype", model["dtype"] + _dequantised(model)),
        ("attention reached through", model["seam"]),
        ("python", environment["python"]),
        ("platform", environment["platform"]),
        *environment["packages"].items(),
        *_settings(values["settings"]),
    ]
    command = values["command"]
    without = "The command is left out, as it names the prompt file." if redacted else _IN_MEMORY
    return Part(
        "repeat",
        "To repeat this report",
        "",
        (
            *([Code(command), *_unsaved(values["unsaved"]), Paragraph(_ENDING)] if command else [Paragraph(without)]),
            Table("repeat", "What the numbers depend on.", ("what", "value"), tuple(rows)),
        ),
    )


def _unsaved(text: str | None) -> list[Block]:
    """The prompt as a file, where it is in none."""
    if text is None:
        return []
    return [Paragraph(f"{UNSAVED} holds the prompt with its changes, which are in no file yet:"), Code(text)]


def _settings(settings: dict[str, Any]) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for name, value in settings.items():
        if isinstance(value, dict):
            rows += [(f"{name}, {key}", _written(member)) for key, member in value.items()]
        elif name == "beta":
            rows.append((name, "none" if value is None else "a trained beta is on, see the JSON report"))
        else:
            rows.append((name.replace("_", " "), _written(value)))
    return rows


def _written(value: Any) -> str:
    """A setting as text. Not as a number, which a page would round."""
    if value is None:
        return "(default)"
    if isinstance(value, list):
        parts = [",".join(map(str, member)) if isinstance(member, list) else str(member) for member in value]
        return "; ".join(parts) or "none"
    return str(value)
