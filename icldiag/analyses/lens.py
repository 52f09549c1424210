"""The logit lens: which label leads after each layer, and where that can be read at all.

nostalgebraist 2020: the target's state after each layer goes through the model's own final norm and unembedding. Row 0
is what stands there before the first layer, row r what stands there after r layers, and the last row is the model's own
output.

Shallow states are not written in the words of the unembedding (Belrose et al. 2023, arXiv 2303.08112): the lens then
reads other tokens, and whichever label has the highest score among them says nothing. So a row counts only where the
lens speaks of label words: its likeliest token begins one, or the label words hold at least half of the probability
that they hold in the model's output. The floor is relative, for a model that gives its label words one per cent at the
end still answers by them. What a state says it often says in another case or without the space, ' positive' where the
label word is ' Positive' and the last layers only choose the spelling: for that question every spelling counts. The
scores are those of the label words as they are written, as in the output.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from icldiag.analyses.calibration import calibrated
from icldiag.lazy import no_grad, torch
from icldiag.model.finite import require_finite
from icldiag.model.forward import InstrumentedModel, Resume
from icldiag.model.padding import Batch
from icldiag.model.readout import FloatArray
from icldiag.model.transfer import to_host
from icldiag.page.text import percent
from icldiag.private import PRIVATE
from icldiag.prompt.encoded_prompt import EncodedPrompt

if TYPE_CHECKING:
    from torch import Tensor

FLOOR = 0.5  # of the probability that label words hold in the model's output


@dataclass(frozen=True)
class Lens:
    """One query's target, L layers and C labels, by the first tokens of the label words."""

    scores: FloatArray  # (L + 1, C) logits, the prompt's calibration in force
    mass: FloatArray  # (L + 1,) probability of all label words' first tokens, over the whole vocabulary
    spelled: FloatArray  # (L + 1,) the same with every token that differs from one of them in case or spaces alone
    likeliest: tuple[str, ...] = field(metadata=PRIVATE)  # (L + 1,) the token with the highest probability
    on_label: NDArray[np.bool_]  # (L + 1,) whether that token begins a label word, in whatever case and spacing

    @property
    def layers(self) -> int:
        return len(self.mass) - 1

    @property
    def readable(self) -> NDArray[np.bool_]:
        """(L + 1,) whether the lens speaks of label words; always so in the last row."""
        return np.asarray(self.on_label | (self.spelled >= FLOOR * self.spelled[-1]))

    def leads(self, answer: int, rival: int) -> FloatArray:
        """(L + 1,) nats of one label over another; NaN where the lens cannot be read."""
        return np.where(self.readable, self.scores[:, answer] - self.scores[:, rival], np.nan)

    @property
    def readable_from(self) -> int:
        """The row from which on every row is readable."""
        return first_of_the_last_run(self.readable)

    def decided(self, answer: int) -> int | None:
        """The row from which on `answer` leads all other labels in every row, read where it can be read.

        None where it does not lead in the last row: of whole label words the first tokens may say otherwise.
        """
        others = np.delete(self.scores, answer, axis=1).max(axis=1)
        row = first_of_the_last_run(self.readable & (self.scores[:, answer] > others))
        return row if row <= self.layers else None


def first_of_the_last_run(rows: NDArray[np.bool_]) -> int:
    """Where the unbroken run of True at the end begins; the length where there is none."""
    false = np.flatnonzero(~rows)
    return int(false[-1]) + 1 if len(false) else 0


def read_lens(model: InstrumentedModel, encoded: EncodedPrompt, query: int, states: Tensor) -> Lens:
    """Read the target's states (L + 1, 1, D) of a query, before the first layer and after each."""
    (lens,) = read_lenses(model, encoded, [query], states)
    return lens


@no_grad
def read_lenses(
    model: InstrumentedModel, encoded: EncodedPrompt, queries: Sequence[int], states: Tensor
) -> tuple[Lens, ...]:
    """Read the targets' states (L + 1, n, D) of these n queries."""
    own = encoded.queries[queries[0]]  # any token at any place: no layer reads them
    rows = states.transpose(0, 1).flatten(0, 1)[:, None].to(model.device)  # (n * (L + 1), 1, D)
    firsts = [ids[0] for ids in encoded.label_tokens]
    some, every = sorted(set(firsts)), spellings(model, firsts)
    scores: list[Tensor] = []
    mass: list[Tensor] = []
    spelled: list[Tensor] = []
    likeliest: list[Tensor] = []
    step = max(1, model.limits.logits // (4 * int(model.model.get_output_embeddings().weight.shape[0])))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        last = torch.full((len(part), 1), own.ids[-1], device=model.device)
        batch = Batch(last, torch.full_like(last, own.target), None, (own.target, own.target))
        logits = model.run(batch, resume=Resume(model.n_layers, part)).logits[:, -1].float()  # (rows, V)
        require_finite(logits.amax(-1), model.dtype)
        scores.append(logits[:, firsts])
        whole = logits.logsumexp(-1, keepdim=True)
        for found, tokens in ((mass, some), (spelled, every)):
            found.append((logits[:, tokens] - whole).double().exp().sum(-1))
        likeliest.append(logits.argmax(-1))
    layers = len(states)
    columns = [torch.cat(scores).double(), *map(torch.cat, (mass, spelled)), torch.cat(likeliest).double()]
    own_scores, own_mass, own_spelled, own_tokens = to_host(columns)  # ids are whole in doubles
    of_labels = own_scores.numpy().reshape(len(queries), layers, len(firsts))
    of_mass, of_spelled = (one.numpy().reshape(len(queries), layers) for one in (own_mass, own_spelled))
    of_tokens = own_tokens.long().view(-1, layers).tolist()
    votes = encoded.votes(queries)
    return tuple(
        Lens(
            scores=calibrated(of_labels[place], encoded.prompt.calibration) + votes[place],
            mass=of_mass[place],
            spelled=of_spelled[place],
            likeliest=tuple(
                str(model.tokenizer.decode([token], clean_up_tokenization_spaces=False)) for token in of_tokens[place]
            ),
            on_label=np.isin(of_tokens[place], every),
        )
        for place in range(len(queries))
    )


def spellings(model: InstrumentedModel, tokens: Collection[int]) -> list[int]:
    """These tokens, and those that differ from one of them in case and spaces alone."""
    wanted = {bare(token) for token in model.tokenizer.convert_ids_to_tokens(list(tokens))} - {""}
    return sorted({*tokens, *(place for token, place in model.tokenizer.get_vocab().items() if bare(token) in wanted)})


def bare(token: str) -> str:
    """Without case, and without the space, as texts and vocabularies write it."""
    return token.strip(" \u2581\u0120").casefold()


def held(there: tuple[float, float], end: tuple[float, float]) -> str:
    """Mass as it is written and in any case or spacing: '2.0% (99% in any case or spacing), at the end 94% (97%)'."""
    first, last = (tuple(map(percent, pair)) for pair in (there, end))
    if first[0] == first[1] and last[0] == last[1]:
        return f"{first[0]} in any case or spacing, at the end {last[0]}"
    return f"{first[0]} ({first[1]} in any case or spacing), at the end {last[0]} ({last[1]})"


def reading(lens: Lens, answer: int, labels: tuple[str, ...]) -> str:
    """From which layer on the answer leads all labels, as far as the lens can be read."""
    name, row, start = labels[answer], lens.decided(answer), lens.readable_from
    if row is None:
        return f"By the first tokens of the label words {name} does not lead in the end: no layer decides."
    dark = _unreadable(lens, start - 1) if start else ""
    if start == lens.layers:
        return f"The logit lens cannot say from which layer on {name} leads: {dark}."
    lead = f"{name} leads all labels from {after(row)} to the end (logit lens)"
    if row > start:
        before = np.delete(lens.scores[row - 1], answer)
        rival = [label for label in range(len(labels)) if label != answer][int(before.argmax())]
        return f"{lead}; {after(row - 1)} it does not lead {labels[rival]}."
    return f"{lead}; the lens cannot be read just before: {dark}." if dark else f"{lead}."


def _unreadable(lens: Lens, row: int) -> str:
    """What the lens reads where it cannot be read."""
    there, end = ((float(lens.mass[at]), float(lens.spelled[at])) for at in (row, -1))
    token = lens.likeliest[row]
    return f"{after(row)} the likeliest token is {token!r}, and label words hold {held(there, end)}"


def after(row: int) -> str:
    """A row of the lens in words; layers count from 0."""
    return f"after layer {row - 1}" if row else "before the first layer"
