"""What contrast says, in sentences that hold with two labels, with one query, and without gold labels."""

from __future__ import annotations

import numpy as np

from icldiag.analyses.contrast.compute import MEASURES, Contrast, Measure
from icldiag.analyses.contrast.deletion import Deletion
from icldiag.counting import counted
from icldiag.quoting import quoted


def reading(found: Contrast, measure: Measure = MEASURES[0]) -> str:
    """Which part of the prompt pushes most towards the answer, which most towards its rival, and by which word."""
    groups, weights = found.groups, found.of_groups(measure)
    answer, rival = found.labels[found.answer], found.labels[found.rival]
    most, least = int(weights.argmax()), int(weights.argmin())
    told = []
    if weights[most] > 0:
        told.append(f"{_name(groups[most].name)} pushes most towards {answer} ({weights[most]:+.2f})")
    if weights[least] < 0:
        told.append(f"{_name(groups[least].name)} pushes most towards {rival} ({weights[least]:+.2f})")
    if not told:
        return f"By {measure} nothing pushes towards {answer} or {rival}."
    return f"By {measure} {', '.join(told)}{_word(found, measure)}."


def _word(found: Contrast, measure: Measure) -> str:
    """The word of a text, or label word, that pushes most towards the answer."""
    words = found.of_words(measure)
    places = [at for at, word in enumerate(found.words) if word.role in ("text", "label") and word.text.strip()]
    best = max(places, key=lambda at: words[at], default=None)
    if best is None or words[best] <= 0:
        return ""
    of = _name(_group(found, best))
    return f"; of the words of texts and labels {quoted(found.words[best].text.strip())} of {of} ({words[best]:+.2f})"


def _name(group: str) -> str:
    """'2 Entity' is demonstration 2."""
    if group == "query":
        return "the query"
    if group == "before them":
        return "what stands before the demonstrations"
    number, label = group.split(" ", 1)
    return f"demonstration {number} ({label})"


def _group(found: Contrast, word: int) -> str:
    return next(group.name for group in found.groups if word in group.words)


def reading_of_deletion(found: Deletion) -> str:
    """What the largest deletion leaves of the lead, beside as many random words, and what the measures are worth."""
    if not found.sizes:
        return f"No words are taken out: the texts have {counted(found.candidates, 'word')} that can be."
    drawn, words = found.random[:, -1], counted(found.sizes[-1], "word")
    left = [f"{found.leads[measure][-1]:+.1f} by {measure}{_turned(found, measure)}" for measure in MEASURES]
    return (
        f"Without the {words} of the texts that push most {' and '.join(left)} are left of {found.contrast.lead:.1f} "
        f"nats, without as many random ones {float(np.mean(drawn)):+.1f} (mean of {counted(found.draws, 'draw')}, "
        f"{drawn.min():+.1f} to {drawn.max():+.1f}): {_worth(found)}."
    )


def _worth(found: Deletion) -> str:
    """Whether what a measure ranks first leaves less than any of the random draws do."""
    telling = [measure for measure in MEASURES if found.leads[measure][-1] < found.random[:, -1].min()]
    if not telling:
        return "on this query neither finds words that matter more than random ones"
    finds = "find" if len(telling) > 1 else "finds"
    return f"{' and '.join(telling)} {finds} words that matter more than any random ones drawn"


def _turned(found: Deletion, measure: Measure) -> str:
    answer = found.answers[measure][-1]
    return "" if answer == found.contrast.answer else f" (then {found.contrast.labels[answer]} is answered)"
