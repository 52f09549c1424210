"""A prompt that fills the context window: what else is asked of it is cut, or left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from icldiag.analyses.contest import contest_of
from icldiag.analyses.explanation.demonstrations import demonstration_effects
from icldiag.analyses.explanation.others import others_of
from icldiag.analyses.explanation.relabelled import relabellings
from icldiag.analyses.lab import Lab
from icldiag.classifier.estimator import Classifier
from icldiag.model.forward import InstrumentedModel
from icldiag.model.readout import silent
from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.prompt.window import lengths
from icldiag.session import Session
from tests.conftest import Tiny

QUERY = Example("Who wrote it ?", 1)


@pytest.fixture
def full(prompt: Prompt, tiny: Tiny) -> tuple[Prompt, InstrumentedModel]:
    """Queries that are shorter than the demonstrations' texts, and one label word that is longer than the others."""
    labels = (Label("Person", " Person"), Label("Location", " LOCATION"), Label("Number", " Number"))
    queries = tuple(replace(QUERY, label=place % 3, text=f"Who {place} ?") for place in range(9))
    examples = tuple(Example(f"Who {word} ?", place % 3) for place, word in enumerate("abcdefghijklmnopqr"))
    prompt = replace(prompt, labels=labels, queries=queries, examples=(*examples, Example("who " * 99, 0)))
    model = tiny()
    model.context_window = max(lengths(encode(prompt, model.tokenizer)))
    return prompt, model


def test_overview_why_and_repairs_are_computed(full: tuple[Prompt, InstrumentedModel]) -> None:
    prompt, model = full
    session = Session(prompt, model)
    lean = session.overview().lean
    assert lean is not None and [prior.texts for prior in lean.priors if prior.kind != "batch"] == [3, 20]
    for query in range(len(prompt.queries)):
        found = session.explanation(query)
        assert any("demonstrations were read as queries without their ends" in reason for reason in found.missing)
        assert sum(found.shares.nats) + found.shares.rest == pytest.approx(found.contest.lead, abs=1e-4)
    repairs = session.repairs(budget=8)
    assert "1 example: longer, with the demonstrations, than the context window" in repairs.left_out


def test_a_demonstration_whose_other_label_is_too_long_is_not_asked_with_it(
    full: tuple[Prompt, InstrumentedModel],
) -> None:
    prompt, model = full
    shown = (*prompt.demonstrations, *(replace(one, text=f"{one.text} Why ?") for one in prompt.demonstrations))
    for window, asked in ((None, True), (0, False)):
        changed = replace(prompt, demonstrations=shown)
        encoded = encode(changed, model.tokenizer)
        model.context_window = None if window is None else max(lengths(encoded))
        session = Session(changed, model)
        contest = replace(contest_of(session.prediction(), 0), answer=0, rival=1)
        lab = Lab(model, session.encoded, session.prefix(silent))
        others = others_of(contest, session.prediction(), 0)
        (effects,) = lab.inquire([demonstration_effects(lab, contest, others)])
        unread = tuple(replace(effect, likelihood=None) for effect in effects)
        (found,) = lab.inquire([relabellings(lab, contest, unread, others)])
        assert bool(found) == asked
        assert lab.inquire([relabellings(lab, replace(contest, answer=1, rival=0), unread, others)])[0]  # shorter


def test_what_cannot_be_scored_whole_says_so(full: tuple[Prompt, InstrumentedModel]) -> None:
    prompt, model = full
    ways = {way.scoring: way for way in Session(prompt, model).scorings().ways}
    assert ways["first"].predicted is not None
    assert ways["whole"].predicted is None and "context window" in str(ways["whole"].missing)


@pytest.mark.parametrize("kind", ["contextual", "domain-context"])
def test_a_classifier_is_fitted_on_texts_that_are_cut(full: tuple[Prompt, InstrumentedModel], kind: str) -> None:
    prompt, model = full
    texts = ["Who 1 ?", "Who 2 ?"]
    fitted = Classifier(replace(prompt, queries=prompt.queries[:1]), model=model, calibration=kind).fit(texts)  # type: ignore[arg-type]
    assert len(fitted.predict(texts)) == 2
