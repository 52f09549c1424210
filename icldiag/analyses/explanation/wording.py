"""Evidence: how the prompt is written. Label words of another form or unlike their labels' names, overlapping words,
queries written otherwise.

These can be read off the prompt itself; each has one change that mends it, and the change is run.
"""

from __future__ import annotations

from icldiag.analyses.contest import Contest
from icldiag.analyses.explanation.factors import CauseKind, Factor, neutralised, read, read_off
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.model.label_words import lengths
from icldiag.model.readout import FloatArray
from icldiag.prompt.label_wording import Form, form, forms, from_names, renamed, written
from icldiag.quoting import quoted


def common_form(words: tuple[str, ...], contest: Contest) -> Form | None:
    """The form that most words have, of several the answer's; None where answer and rival are written alike.

    Of two words the rival's is written like the answer's: the form of the word that wins is not what makes it lose.
    """
    own = form(words[contest.answer])
    if own == form(words[contest.rival]):
        return None
    best = forms(words)
    return own if own in best else next(iter(best), None)


def word_factor(lab: Lab, contest: Contest) -> Factor | None:
    """All label words in the form of most; None where answer and rival have one form, or such words cannot be asked."""
    words = tuple(label.word for label in lab.prompt.labels)
    wanted = common_form(words, contest)
    if wanted is None:
        return None
    alike = tuple(written(word, wanted) for word in words)
    shown = ", ".join(quoted(word.strip()) for word in alike)
    return None if alike == words else _askable(lab, contest, "word", f"label words written alike ({shown})", alike)


def name_factor(lab: Lab, contest: Contest) -> Factor | None:
    """Label words taken from the labels' names; None where the answer's and the rival's words are like their names."""
    pair, labels = (contest.answer, contest.rival), from_names(lab.prompt.labels, lab.prompt.demonstrations)
    if labels is None or all(labels[label] == lab.prompt.labels[label] for label in pair):
        return None
    change = f"label words from the labels' names ({renamed(lab.prompt.labels, labels)})"
    return _askable(lab, contest, "name", change, tuple(label.word for label in labels))


def _askable(lab: Lab, contest: Contest, kind: CauseKind, change: str, words: tuple[str, ...]) -> Factor | None:
    """Other label words as a factor; None where they cannot be asked, as where two are the same then."""
    factor = Factor(kind, change, words=words)
    asked = neutralised(lab, contest, [factor], [lab.prompt.queries[contest.query]])
    return factor if lab.can_ask(asked) else None


def name_lead(lab: Lab, contest: Contest) -> Inquiry[float | None]:
    """The lead with label words taken from the labels' names; None where there are none to take."""
    factor = name_factor(lab, contest)
    if factor is None:
        return None
    (rows,) = yield [neutralised(lab, contest, [factor], [lab.prompt.queries[contest.query]])]
    return contest.lead_in(rows[0])


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
