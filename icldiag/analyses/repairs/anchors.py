"""Candidates: anchor re-weighting (see `analyses/reweighting`), trained on the fitting part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from icldiag.analyses.reweighting.training import TrainingSettings, train_beta
from icldiag.analyses.search.repair import Repair
from icldiag.analyses.search.search import Search
from icldiag.prompt.schema import Example

LEARNING_RATES = (0.01, 0.1)  # the paper's text, and the default of its code
STEPS = 24  # an epoch at most, whatever the number of classes


def reweightings(search: Search) -> Iterator[Repair]:
    """Ten epochs on at most four examples of each label, the paper's number; the demonstrations' cache is reused."""
    examples = _taking_turns(search)
    firsts = {ids[0] for ids in search.lab.encoded.label_tokens}
    if not examples or not search.prompt.demonstrations or len(firsts) < len(search.lab.encoded.label_tokens):
        return
    plain = replace(search.start, calibration=None, beta=None)
    encoded = search.encode(plain, examples)
    batch_size = -(-len(examples) // STEPS)
    for rate in LEARNING_RATES:
        settings = TrainingSettings(learning_rate=rate, batch_size=batch_size)
        prefix = search.lab.prefix_of(encoded, search.progress)
        beta, _ = train_beta(search.model, encoded, prefix, examples, settings, search.progress)
        name = f"anchor re-weighting, learning rate {rate:g}"
        short = f"re-weighting at {rate:g}"
        yield replace(plain, family="re-weighting", name=name, beta=beta.cpu().numpy(), short=short)


def _taking_turns(search: Search) -> list[Example]:
    by_class = [
        [example for example in search.parts.fitting if example.label == label][: TrainingSettings.per_class]
        for label in range(len(search.prompt.labels))
    ]
    longest = max(map(len, by_class))
    return [mine[turn] for turn in range(longest) for mine in by_class if turn < len(mine)]
