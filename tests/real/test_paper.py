"""The paper's shapes on SmolLM2, on two sample prompts: what a pretrained model shows and the bundled one might not."""

from __future__ import annotations

import numpy as np
import pytest

from icldiag.analyses.isolation.cuts import Cut
from icldiag.model.forward import InstrumentedModel
from icldiag.samples import sample_path
from icldiag.session import Session

pytestmark = pytest.mark.real

SAMPLES = ("questions", "news")
QUERIES = 16
EDGE = 5  # layers that are isolated on each side, as in the paper


def few(sample: str, model: InstrumentedModel, count: int = QUERIES) -> Session:
    """A sample with fewer queries, taken evenly, so that every class stays."""
    session = Session(sample_path(sample), model)
    queries = session.prompt.queries
    step = max(1, len(queries) // count)
    return session.with_prompt(session.prompt.with_queries(queries[::step][:count]))


@pytest.fixture(scope="module")
def sessions(smollm2: InstrumentedModel) -> list[Session]:
    return [few(sample, smollm2) for sample in SAMPLES]


def test_label_words_matter_more_in_shallow_layers_than_in_deep_ones(sessions: list[Session]) -> None:
    """Section 2.2: label loyalty with label words isolated in the first and in the last layers, mean over prompts."""
    shallow: list[tuple[float, float]] = []
    deep: list[tuple[float, float]] = []
    for session in sessions:
        layers = session.model.n_layers
        for cut, found in ((range(EDGE), shallow), (range(layers - EDGE, layers), deep)):
            answers = session.isolate(Cut.of("text_to_label", cut)).answers
            found.append((answers.label_loyalty, answers.word_loyalty))
    assert (np.mean(shallow, axis=0) < np.mean(deep, axis=0)).all()


def test_the_target_reads_label_words_in_the_last_third(sessions: list[Session]) -> None:
    """Section 2.1: S_pq over S_wp in every layer of the last third, on the mean of a few queries of each prompt."""
    for session in sessions:
        text_to_label, label_to_target, _ = np.mean([session.flow(query).raw for query in range(2)], axis=0)
        last = session.model.n_layers // 3
        assert (label_to_target > text_to_label)[-last:].all()


def test_attention_to_label_words_tells_the_answers_apart_better_in_deep_layers(sessions: list[Session]) -> None:
    """Section 2.3: the mean AUCROC of the deep half over that of the shallow half, mean over prompts."""
    halves = []
    for session in sessions:
        aucroc = np.array(session.extraction().aucroc, float)
        halves.append((aucroc[: len(aucroc) // 2].mean(), aucroc[len(aucroc) // 2 :].mean()))
    shallow, deep = np.mean(halves, axis=0)
    assert deep > shallow


def test_anchors_in_their_context_keep_more_than_anchors_as_a_text(sessions: list[Session]) -> None:
    """Section 3.2: Hidden_anchor over Text_anchor in label loyalty and in word loyalty, mean over prompts."""
    found = [session.compression(draws=1, timed=False) for session in sessions]
    hidden, text = (
        np.mean([(method.answers.label_loyalty, method.answers.word_loyalty) for method in methods], axis=0)
        for methods in ([one.hidden_anchor for one in found], [one.text_anchor for one in found])
    )
    assert (hidden > text).all()


def test_re_weighting_gains_on_queries_that_it_was_not_trained_on(sessions: list[Session]) -> None:
    """Section 3.1, with the paper's settings: accuracy and likelihood over the prompts' queries."""
    gains = []
    for session in sessions:
        trained = session.reweighting()
        rows, gold = np.arange(QUERIES), np.array([query.label for query in session.prompt.queries])
        assert not {example.text for example in session.prompt.examples} & {q.text for q in session.prompt.queries}
        chances = [of.probabilities[rows, gold] for of in (trained.before, trained.after)]
        before, after = trained.after.right
        gains.append((after - before, float(np.log(chances[1] / chances[0]).sum())))
    accuracy, likelihood = np.sum(gains, axis=0)
    assert accuracy > 0
    assert likelihood > 0
