"""The answers of two reports, a and b: which queries both have, and what became of each.

Queries are matched by their texts; of a redacted report by their ids, or by number in the same prompt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from scipy import stats

from icldiag.counting import counted
from icldiag.page.blocks import Block, Cell, Part, Table, notes
from icldiag.report.two_models import are_two_models, label_probabilities, leans, same_prompt, who_is_right

Values = dict[str, Any]
Numbered = tuple[int, Values]  # a query with its number in its report, from 1


def matched_queries(a: Values, b: Values) -> Iterator[tuple[Numbered, Numbered]]:
    """The queries that both have, by the text of each field; of equal texts the first with the first.

    Placeholders are no texts: where a report is redacted, queries are matched by their ids, and those of the same
    prompt by their numbers.
    """
    hidden = a["redacted"] or b["redacted"]
    by_number = hidden and same_prompt(a, b)
    found: dict[tuple[tuple[str, ...], int], Numbered] = {}
    for report, keep in ((b, True), (a, False)):
        seen: Counter[tuple[str, ...]] = Counter()
        for number, query in enumerate(report["prediction"]["queries"], start=1):
            texts = tuple((query.get("fields") or {"text": query["text"]}).values())
            if hidden:
                if not by_number and query["id"] is None:
                    continue
                texts = (str(number) if by_number else query["id"],)
            key = (texts, seen[texts])
            seen[texts] += 1
            if keep:
                found[key] = number, query
            elif key in found:
                yield (number, query), found[key]


def answers_part(a: Values, b: Values) -> Part | None:
    if not (a["prediction"] and b["prediction"]):
        return None
    matched = list(matched_queries(a, b))
    both = [(old, new) for (_, old), (_, new) in matched]
    missing = []
    for letter, report in (("a", a), ("b", b)):
        alone = len(report["prediction"]["queries"]) - len(both)
        if alone:
            hidden = a["redacted"] or b["redacted"]
            where = f"of {letter} cannot be matched without texts" if hidden else f"only in {letter}"
            missing.append(f"{counted(alone, 'query')} {where}")
    effects = [effect_of(old, new) for old, new in both]
    changed = [pair for pair in matched if pair[0][1]["predicted"] != pair[1][1]["predicted"]]
    blocks: list[Block] = [_changed(changed, a, b), *notes(missing)]
    if both and are_two_models(a, b):
        blocks.append(label_probabilities(matched, a, b))
        said: tuple[str, ...] = (who_is_right(both), _other_gold(both), leans(a, b))
    else:
        said = (_verdict(both, effects, len(changed), a["redacted"] or b["redacted"]), _other_gold(both))
    return Part("answers", "Answers", " ".join(filter(None, said)), tuple(blocks))


def _changed(pairs: list[tuple[Numbered, Numbered]], a: Values, b: Values) -> Table:
    """A row for each answer that changed, found again by its query's number in either report, and by its id."""
    same = all(number == other for (number, _), (other, _) in pairs)
    named = any(old["id"] is not None or new["id"] is not None for (_, old), (_, new) in pairs)
    rows: list[tuple[Cell, ...]] = []
    for (number, old), (other, new) in pairs:
        place: tuple[Cell, ...] = (number,) if same else (number, other)
        place += (new["id"] if old["id"] is None else old["id"],) if named else ()
        answers = (old["predicted"], _chance(a, old), new["predicted"], _chance(b, new))
        rows.append((*place, (new if a["redacted"] else old)["text"], new["gold"], *answers, effect_of(old, new)))
    rows.sort(key=lambda row: ("fixed", "broken", None).index(row[-1]))
    numbers = ("number",) if same else ("number a", "number b")
    columns = (*numbers, *(("id",) if named else ()), "query", "gold", "a", "p", "b", "p", "effect")
    caption = "Answers that changed: fixed were wrong in a and are right in b, broken the reverse."
    return Table("changed", caption, columns, tuple(rows), limit=200)


def _verdict(both: list[tuple[Values, Values]], effects: list[str | None], changed: int, hidden: bool) -> str:
    if not both and hidden:
        return "Which queries the reports have in common is not known: texts are redacted, and no ids are the same."
    if not both:
        return "The reports have no query in common."
    labelled = [(old, new) for old, new in both if new["gold"] is not None and old["gold"] == new["gold"]]
    differ = "answer differs" if len(both) == 1 else "answers differ"
    told = f"{changed} of {len(both)} {differ}"
    if not labelled:
        return f"{told}; no query has the same gold label in both."
    before, after = (
        sum(query["gold"] == query["predicted"] for query in side) / len(labelled)
        for side in zip(*labelled, strict=True)
    )
    fixed, broken = effects.count("fixed"), effects.count("broken")
    text = f"Accuracy on the {counted(len(labelled), 'query')} of both: {before:.2f} in a, {after:.2f} in b; {told}, "
    text += f"{fixed} fixed and {broken} broken"
    if fixed + broken:
        chance = float(stats.binomtest(fixed, fixed + broken).pvalue)
        text += f" (exact sign test, p = {chance:.2g})"
    return f"{text}."


def _other_gold(both: list[tuple[Values, Values]]) -> str:
    """How many queries' answers cannot be held against one gold label; or nothing."""
    gold = [(old["gold"], new["gold"]) for old, new in both]
    counts = {
        "with another gold label in b": sum(old != new for old, new in gold if None not in (old, new)),
        "with a gold label only in a": sum(new is None is not old for old, new in gold),
        "with a gold label only in b": sum(old is None is not new for old, new in gold),
    }
    found = [f"{counted(count, 'query')} {what}" for what, count in counts.items() if count]
    return f"Not counted as right or wrong: {', '.join(found)}." if found else ""


def effect_of(old: Values, new: Values) -> str | None:
    """Mended or broken; None where gold is unknown or not the same, or neither is right."""
    gold = new["gold"]
    if gold is None or gold != old["gold"] or old["predicted"] == new["predicted"]:
        return None
    return "fixed" if new["predicted"] == gold else "broken" if old["predicted"] == gold else None


def _chance(report: Values, query: Values) -> float | None:
    labels = report["prediction"]["labels"]
    return float(query["probabilities"][labels.index(query["predicted"])])
