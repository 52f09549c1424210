"""Queries that were read before are not run again where a calibration is put on or taken off, or others come and go."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from icldiag.lazy import torch
from icldiag.model.edits import Edits
from icldiag.model.forward import InstrumentedModel, Prefix
from icldiag.model.label_words import label_words
from icldiag.model.readout import Progress, Readout, read_queries
from icldiag.model.target import Target
from icldiag.prompt.encoded_prompt import EncodedPrompt


@dataclass(frozen=True)
class Known:
    """What a prompt's queries were read as, with nothing but its calibration in force."""

    encoded: EncodedPrompt
    readout: Readout

    def places(self, encoded: EncodedPrompt) -> list[int | None]:
        """Of each query of another prompt its place in the readout; None where it was not read."""
        if _read_on(self.encoded) != _read_on(encoded):
            return [None] * len(encoded.queries)
        there = {query.ids: place for place, query in enumerate(self.encoded.queries)}
        return [there.get(query.ids) for query in encoded.queries]


def _read_on(encoded: EncodedPrompt) -> Hashable:
    """What answers depend on beside the query and the calibration."""
    prompt = encoded.prompt
    how = prompt.scoring, prompt.labels, prompt.retrieval
    return encoded.prefix, encoded.demonstrations, encoded.label_tokens, encoded.terminated, encoded.unconditional, how


def read_with(
    known: Known | None,
    model: InstrumentedModel,
    encoded: EncodedPrompt,
    prefix: Prefix,
    edits: Edits | None,
    progress: Progress,
    each: Callable[[tuple[int, ...], Readout], object] | None = None,
) -> Readout:
    """As `read_queries` with the target; only what is not known is run. `known` is of this model."""
    every = range(len(encoded.queries))
    places = [None for _ in every] if known is None or edits else known.places(encoded)
    missing = [query for query in every if places[query] is None]

    def read(queries: Sequence[int]) -> Readout:
        own = (
            encoded
            if len(queries) == len(every)
            else replace(encoded, queries=tuple(encoded.queries[query] for query in queries))
        )
        told = None if each is None else lambda part, found: each(tuple(queries[place] for place in part), found)
        return read_queries(model, own, prefix, target_edits=edits, with_target=True, progress=progress, each=told)

    if known is None or len(missing) == len(every):
        return read(every)
    there = [query for query in every if places[query] is not None]
    taken = _joined([known.readout], [place for place in places if place is not None])
    plain = torch.from_numpy(taken.plain_scores).float().to(model.device)
    scores = label_words(encoded, model).calibrated(plain).double().cpu().numpy()
    taken = replace(taken, label_scores=scores + encoded.votes(there))
    if each is not None:
        each(tuple(there), taken)
    if not missing:
        return taken
    return _joined([taken, read(missing)], np.argsort([*there, *missing]).tolist())


def _joined(parts: Sequence[Readout], rows: Sequence[int]) -> Readout:
    """Of readouts, one behind the other, these rows."""
    order = np.array(rows, dtype=np.int64)
    return Readout(
        np.concatenate([part.label_scores for part in parts])[order],
        np.concatenate([part.plain_scores for part in parts])[order],
        np.concatenate([part.top_tokens for part in parts])[order],
        np.concatenate([part.top_log_probabilities for part in parts])[order],
        np.concatenate([part.label_mass for part in parts])[order],
        Target.joined([part.target for part in parts if part.target is not None], order),
    )
