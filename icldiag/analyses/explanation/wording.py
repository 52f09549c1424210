"""Evidence: how the prompt is written. Label words of another form, overlapping words, queries written otherwise.

These can be read off the prompt itself; each has one change that mends it, and the change is run.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from icldiag.analyses.contest import Contest
from icldiag.analyses.explanation.factors import Factor, neutralised, read, read_off
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.model.label_words import lengths
from icldiag.model.readout import FloatArray
from icldiag.quoting import quoted

Form = tuple[str, str]  # what stands before the word, and how it is written


def form(word: str) -> Form:
    """The form of a label word: the space before it, and its letters' case."""
    bare = word.lstrip()
    letters = [letter for letter in bare if letter.upper() != letter.lower()]
    case = "without case"
    if letters:
        rest = letters[1:]
        if all(letter.isupper() for letter in letters) and rest:
            case = "upper case"
        elif all(letter.islower() for letter in letters):
            case = "lower case"
        elif letters[0].isupper() and all(letter.islower() for letter in rest):
            case = "a capital"
        else:
            case = "mixed case"
    return word[: len(word) - len(bare)], case


def written(word: str, wanted: Form) -> str:
    """A word in another form; one without case, or of mixed case, stays as it is."""
    space, case = wanted
    bare = word.strip()
    if case == "upper case":
        bare = bare.upper()
    elif case == "lower case":
        bare = bare.lower()
    elif case == "a capital":
        bare = bare[:1].upper() + bare[1:].lower()
    return space + bare


def common_form(words: tuple[str, ...], contest: Contest) -> Form | None:
    """The form that most words have, of several the answer's; None where answer and rival are written alike.

    Of two words the rival's is written like the answer's: the form of the word that wins is not what makes it lose.
    """
    forms = [form(word) for word in words]
    if forms[contest.answer] == forms[contest.rival]:
        return None
    counts = Counter(found for found in forms if found[1] not in ("mixed case", "without case"))
    if not counts:
        return None
    most = max(counts.values())
    best = [found for found, count in counts.items() if count == most]
    return forms[contest.answer] if forms[contest.answer] in best else best[0]


def word_factor(lab: Lab, contest: Contest) -> Factor | None:
    """All label words in the form of most; None where answer and rival have one form, or such words cannot be asked."""
    words = tuple(label.word for label in lab.prompt.labels)
    wanted = common_form(words, contest)
    if wanted is None:
        return None
    alike = tuple(written(word, wanted) for word in words)
    if alike == words:
        return None
    labels = tuple(replace(label, word=word) for label, word in zip(lab.prompt.labels, alike, strict=True))
    question = lab.question([lab.prompt.queries[contest.query]])
    if not lab.can_ask(replace(question, prompt=replace(question.prompt, labels=labels))):  # two words are the same now
        return None
    shown = ", ".join(quoted(word.strip()) for word in alike)
    return Factor("word", f"label words written alike ({shown})", words=alike)


def overlap(lab: Lab, contest: Contest) -> bool:
    """Whether the rival's label word begins with the whole answer's, so that it can never win."""
    return (contest.rival, contest.answer) in lab.encoded.outscored


def scoring_factor(lab: Lab, contest: Contest) -> Factor | None:
    """Label words scored otherwise; None where that cannot move one of the two against the other.

    A sum over tokens is set against their mean, whatever else against the sum.
    """
    encoded, scoring = lab.encoded, lab.prompt.scoring
    if scoring in ("whole", "terminated"):
        counts = [len(encoded.scored_tokens[label]) for label in (contest.answer, contest.rival)]
        change = "label words scored by the mean over their tokens"
        return None if counts[0] == counts[1] else Factor("scoring", change, scoring="per_token")
    if scoring == "first":
        moves = any(len(encoded.label_tokens[label]) > 1 for label in (contest.answer, contest.rival))
    else:
        by = lengths(encoded)
        moves = by is None or by[contest.answer] != by[contest.rival]
    return Factor("scoring", "label words scored whole", scoring="whole") if moves else None


def scoring_lead(lab: Lab, contest: Contest, scores: FloatArray) -> Inquiry[float | None]:
    """The lead where label words are scored otherwise; None where that cannot move it.

    Args:
        scores: (C,) of the query, as label words are scored.
    """
    factor, rows = scoring_factor(lab, contest), scores[None]
    if factor is None:
        return None
    if not read_off(lab):
        question = neutralised(lab, contest, [factor], [lab.prompt.queries[contest.query]])
        if not lab.can_ask(question):
            return None
        (rows,) = yield [question]
    return contest.lead_in(read(lab, [factor], rows)[0])


def template_factor(lab: Lab) -> Factor | None:
    """The query written like the demonstrations; None where it is, or there are none."""
    if not lab.prompt.demonstrations or lab.prompt.query_pieces[:2] == lab.prompt.template_pieces[:2]:
        return None
    return Factor("template", "the query written with the demonstrations' template", own_template=True)
