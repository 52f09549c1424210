"""Two reports, a and b, as one page: what differs in the set-up, and what differs in the findings.

Queries are matched as `answers` does, labels by their name, cuts by kind and layers. Only what both reports have is
compared; what cannot be is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from icldiag.analyses.isolation.cuts import CUT_NAMES
from icldiag.page.blocks import Block, Cell, Heading, Items, Page, Paragraph, Part, Table
from icldiag.page.text import cell_text, ranges
from icldiag.quoting import brief, shortened
from icldiag.report.answers import answers_part
from icldiag.report.read import ReportFileError
from icldiag.report.relative_depth import depth_part
from icldiag.report.setup import setup_rows
from icldiag.report.two_models import are_two_models, overview_part, same_prompt

Values = dict[str, Any]
Rows = list[tuple[Cell, ...]]

_METHODS = ("hidden_anchor", "text_anchor", "hidden_random", "hidden_random_top")


def difference_page(a: Values, b: Values, names: tuple[str, str]) -> Page:
    """The comparison of two reports as `read_report` gives them; `names` say which is which.

    Raises:
        ReportFileError: a report contradicts itself: it has the right fields, but names or counts what is not there.
    """
    try:
        return _page(a, b, names)
    except (LookupError, ValueError, TypeError, ArithmeticError) as error:
        told = f"one of {shortened(names[0])} and {shortened(names[1])} contradicts itself ({brief(error)})"
        raise ReportFileError(f"{told}; make both again with icldiag report --format json") from None


def _page(a: Values, b: Values, names: tuple[str, str]) -> Page:
    findings = (
        answers_part,
        *((overview_part, depth_part) if are_two_models(a, b) else ()),
        _pairs,
        _loyalties,
        _layers,
    )
    # Of one prompt on two models the set-ups differ by what was asked for: who is right comes first.
    order = (*findings, _setup) if are_two_models(a, b) and same_prompt(a, b) else (_setup, *findings)
    parts = [part for make in order if (part := make(a, b)) is not None]
    return Page(
        title="icldiag: two reports compared",
        facts=tuple(
            f"{letter}: {name}, {report['model']['name']}, "
            + ("a redacted report" if report["redacted"] else f"prompt {report['prompt']['name']}")
            for letter, name, report in zip("ab", names, (a, b), strict=True)
        ),
        summary={"What differs": tuple((part.name, part.reading) for part in parts if part.reading)},
        parts=tuple(parts),
    )


def _setup(a: Values, b: Values) -> Part:
    rows = setup_rows(a, b)
    what = ", ".join(str(row[0]) for row in rows)
    reading = f"The set-ups differ in {what}." if rows else "The set-ups are the same."
    reading += _redacted_in_words(a, b)
    return Part("setup", "Set-up", reading, (Table("setup", "What differs.", ("what", "a", "b"), tuple(rows)),))


def _redacted_in_words(a: Values, b: Values) -> str:
    hidden = [letter for letter, report in (("a", a), ("b", b)) if report["redacted"]]
    if not hidden:
        return ""
    who = f"{hidden[0]} is redacted" if len(hidden) == 1 else "Both reports are redacted"
    same = "; by their SHA-256 the prompts are the same" if same_prompt(a, b) else ""
    return f" {who}: names, template and texts cannot be compared{same}."


# ---- labels ---------------------------------------------------------------------------------------------------------


def _pairs(a: Values, b: Values) -> Part | None:
    if not (a["confusion"] and b["confusion"]):
        return None
    other = {frozenset(pair["labels"]): pair for pair in b["confusion"]["pairs"]}
    rows: Rows = []
    for pair in a["confusion"]["pairs"]:
        found = other.get(frozenset(pair["labels"]))
        if found is not None:
            numbers = [side[name] for name in ("distance", "auc", "errors") for side in (pair, found)]
            rows.append((" / ".join(pair["labels"]), *numbers))
    if not rows:
        return Part("pairs", "Pairs of labels", "The reports have no pair of labels in common.", ())
    rows.sort(key=lambda row: -_change(row[3], row[4]))
    moved = rows[0]
    if _change(moved[3], moved[4]):
        reading = (
            f"The separation of {moved[0]} changed most: AUC {cell_text(moved[3])} in a, {cell_text(moved[4])} in b."
        )
    elif all(None in row[3:5] for row in rows):
        reading = "No pair's separation is measured in both reports: that takes gold labels of both classes."
    else:
        reading = "No pair's measured separation changed."
    layers = f"Distances of anchors in layer {a['confusion']['layer']} (a) and {b['confusion']['layer']} (b)."
    columns = ("pair", *(f"{name} {side}" for name in ("distance", "AUC", "errors") for side in "ab"))
    layers += " The pairs whose AUC changed most stand first."
    return Part("pairs", "Pairs of labels", reading, (Table("pairs", layers, columns, tuple(rows), limit=50),))


def _change(old: Cell, new: Cell) -> float:
    """How far a number moved; 0 where one of the two is undefined."""
    if isinstance(old, str) or isinstance(new, str) or old is None or new is None:
        return 0.0
    return abs(new - old)


# ---- interventions and layers ---------------------------------------------------------------------------------------


def _loyalties(a: Values, b: Values) -> Part | None:
    rows: Rows = []
    if a["isolation"] and b["isolation"]:
        other = {_key(setting): setting for setting in b["isolation"]["settings"]}
        for setting in a["isolation"]["settings"]:
            found = other.get(_key(setting))
            if found is not None:
                cut = f"{CUT_NAMES[setting['cut']]} cut in {ranges(setting['layers'])}"
                rows.append((cut, *_loyalty(setting, found)))
    if a["compression"] and b["compression"]:
        for name in _METHODS:
            old, new = (report["compression"]["methods"][name] for report in (a, b))
            rows.append((f"compression: {name}", *_loyalty(old, new)))
    if not rows:
        return None
    rows.sort(key=lambda row: -_change(row[1], row[2]))
    widest = rows[0]
    reading = (
        f"Label loyalty changed most under {widest[0]}: {cell_text(widest[1])} in a, {cell_text(widest[2])} in b."
        if _change(widest[1], widest[2])
        else "No intervention's label loyalty changed."
    )
    columns = ("intervention", *(f"{name} {side}" for name in ("label loyalty", "word loyalty") for side in "ab"))
    caption = "Share of answers, and mean overlap of top tokens, that stay; what changed most stands first."
    return Part("loyalties", "Interventions", reading, (Table("loyalties", caption, columns, tuple(rows), limit=20),))


def _key(setting: Values) -> tuple[str, tuple[int, ...]]:
    return setting["cut"], tuple(setting["layers"])


def _loyalty(old: Values, new: Values) -> Iterator[Cell]:
    for name in ("label_loyalty", "word_loyalty"):
        yield from (old[name], new[name])


def _layers(a: Values, b: Values) -> Part | None:
    """Curves over layers, where both models have as many, and the accuracies of re-weighting."""
    blocks: list[Block] = []
    curves = [("extraction", "aucroc", "AUCROC")]
    curves += [("saliency", flow, flow.replace("_", " ")) for flow in ("text_to_label", "label_to_target")]
    drawn = any(report[part] for part, *_ in curves for report in (a, b))
    if drawn and a["model"]["layers"] != b["model"]["layers"]:
        blocks.append(Items(("layers are not compared: the models have different numbers of them",)))
    else:
        found = [(name, a[part][key], b[part][key]) for part, key, name in curves if a[part] and b[part]]
        rows: Rows = [
            (layer, *(cell for _, old, new in found for cell in (old[layer], new[layer])))
            for layer in range(a["model"]["layers"] if found else 0)
        ]
        columns = ("layer", *(f"{name} {side}" for name, _, _ in found for side in "ab"))
        blocks += [Table("layers", "Layer by layer.", columns, tuple(rows))] if rows else []
    trained = [report["reweighting"] for report in (a, b)]
    if all(trained):
        old, new = ((side["accuracy_before"], side["accuracy_after"]) for side in trained)
        blocks += [
            Heading("Anchor re-weighting"),
            Paragraph(
                f"Accuracy {cell_text(old[0])} before and {cell_text(old[1])} after training in a, "
                f"{cell_text(new[0])} and {cell_text(new[1])} in b."
            ),
        ]
    return Part("layers", "Layers and training", "", tuple(blocks)) if blocks else None
