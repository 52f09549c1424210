"""What contrast says, in sentences that hold with two labels, with one query, and without gold labels."""

from __future__ import annotations

from icldiag.analyses.contrast.compute import MEASURES, Contrast, Measure
from icldiag.analyses.contrast.deletion import Deletion
from icldiag.counting import counted, joined
from icldiag.quoting import quoted


def reading(found: Contrast, measure: Measure = MEASURES[0], deletion: Deletion | None = None) -> str:
    """Which part of the prompt pushes most towards the answer, which most towards its rival, and by which word.

    Before all that, where words were taken out and the measure was not borne out, that it was not.
    """
    told = _told(found, measure)
    return told if deletion is None else _not_borne_out(deletion, measure) + told


def _not_borne_out(found: Deletion, measure: Measure) -> str:
    more = found.more(measure)
    if more is None or measure in found.telling:
        return ""
    return f"Not borne out: the words that {measure} ranks first do not surely take more than random ones. "


def _told(found: Contrast, measure: Measure) -> str:
    groups, weights = found.groups[1:], found.of_groups(measure)[1:]  # the first token says nothing of the prompt
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
        "what earlier layers read of all of them and is in no row. Many heads attend to the first token where they "
        "read nothing: it is in no other row."
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
    """What the deletions leave of the lead over the whole curve, and which measures are borne out."""
    if not found.sizes:
        return f"No words are taken out: the texts have {counted(found.candidates, 'word')} that can be."
    sizes, of = joined([str(size) for size in found.sizes]), counted(found.sizes[-1], "word")
    left = [f"{found.leads[measure].mean():+.1f} by {measure}" for measure in MEASURES]
    turned = [
        f"without {of} by {measure} {named} is answered" for measure in MEASURES if (named := _turned(found, measure))
    ]
    return (
        f"Of {found.contrast.lead:.1f} nats, without {sizes} words of the texts (mean of these) {' and '.join(left)} "
        f"are left, without random ones {found.random.mean():+.1f} ({counted(found.draws, 'draw')}): {_worth(found)}."
        + (f" {turned[0][0].upper()}{'; '.join(turned)[1:]}." if turned else "")
    )


def _worth(found: Deletion) -> str:
    """How much more each measure's words take than random ones, and whether surely."""
    told = []
    for measure in MEASURES:
        more = found.more(measure)
        if more is None:
            return "one random draw says nothing of what chance does"
        surely = "surely more" if measure in found.telling else "surely less" if more.high < 0 else "not surely more"
        told.append(
            f"{measure} finds words that matter {surely} ({more.value:+.1f}, {more.low:+.1f} to {more.high:+.1f})"
        )
    return "; ".join(told)


def _turned(found: Deletion, measure: Measure) -> str:
    answer = found.answers[measure][-1]
    return "" if answer == found.contrast.answer else found.contrast.labels[answer]
