"""What contrast says, in sentences that hold with two labels, with one query, and without gold labels."""

from __future__ import annotations

import numpy as np

from icldiag.analyses.contrast.compute import MEASURES, Contrast, Measure
from icldiag.analyses.contrast.deletion import Deletion
from icldiag.counting import counted
from icldiag.quoting import quoted


def reading(found: Contrast, measure: Measure = MEASURES[0], deletion: Deletion | None = None) -> str:
    """Which part of the prompt pushes most towards the answer, which most towards its rival, and by which word.

    Before all that, where words were taken out and the measure was not borne out, that it was not.
    """
    told = _told(found, measure)
    return told if deletion is None else _not_borne_out(deletion, measure) + told


def _not_borne_out(found: Deletion, measure: Measure) -> str:
    if not found.sizes or measure in _telling(found):
        return ""
    return (
        f"Not borne out: without the {counted(found.sizes[-1], 'word')} that {measure} ranks first "
        f"{found.leads[measure][-1]:+.1f} nats of the lead are left, without as many random ones as little as "
        f"{found.random[:, -1].min():+.1f}. "
    )


def _told(found: Contrast, measure: Measure) -> str:
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


def reading_of_itself(found: Contrast) -> str:
    """What no word's flow has."""
    return (
        f"Flow is what the target reads of other tokens; what it reads of itself ({found.of_itself.sum():+.2f}) holds "
        "what earlier layers read of all of them and is in no row."
    )


def _word(found: Contrast, measure: Measure) -> str:
    """The word of a text, or label word, that pushes most towards the answer."""
    words = found.of_words(measure)
    places = [at for at, word in enumerate(found.words) if word.role in ("text", "label") and word.text.strip()]
    best = max(places, key=lambda at: words[at], default=None)
    if best is None or words[best] <= 0:
        return ""
    of = _name(_group(found, best))
    word, answer = quoted(found.words[best].text.strip()), found.labels[found.answer]
    return f"; the word of a text or label that pushes most towards {answer} is {word} of {of} ({words[best]:+.2f})"


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
    telling = _telling(found)
    if not telling:
        return "on this query neither finds words that matter more than random ones"
    finds = "find" if len(telling) > 1 else "finds"
    return f"{' and '.join(telling)} {finds} words that matter more than any random ones drawn"


def _telling(found: Deletion) -> list[Measure]:
    """The measures whose first words are worth more than any random ones that were drawn."""
    return [measure for measure in MEASURES if found.leads[measure][-1] < found.random[:, -1].min()]


def _turned(found: Deletion, measure: Measure) -> str:
    answer = found.answers[measure][-1]
    return "" if answer == found.contrast.answer else f" (then {found.contrast.labels[answer]} is answered)"
