"""Which tokens push towards the answer and away from its rival: the gradient of the lead, not of the loss.

With s the lead, the answer's label score minus the rival's (the gold label's, of a right answer the runner-up's), h_0
the state of token j before the first layer, and A the attention after the softmax,

    gradient x input   g(j) = < ds/dh_0(j), h_0(j) >
    signed flow        f_l(j) = sum_h A_{h,l}(q, j) * ds/dA_{h,l}(q, j)

The sign stays: above 0 is towards the answer, below 0 towards the rival. The first is what the token as a whole does
to first order, through every layer; the second what the target reads of it in layer l, as panel Flow has it without
sign for the loss (Wang et al. 2023, 2.1). What the target reads of itself, f_l(q), belongs to no word: it holds what
earlier layers read of all of them. Flow leaves it out; here it is kept beside the words, and no sum has it. Nor is the
prompt's first token a word: many heads attend to it where they read nothing (an attention sink, arXiv 2309.17453), so
it stands alone, in no word, demonstration or field. Neither measure sums to the lead; what they are worth, `deletion`
measures. Where label words are scored whole, the target's row
is the sum of the rows of all positions that predict, as in Flow, and they and the target count as itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from icldiag.analyses.contrast.words import Word, words_of
from icldiag.analyses.prediction.compute import Predict
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.arguments import Index
from icldiag.indices import query_index
from icldiag.lazy import no_grad, torch
from icldiag.model.attention import Edit
from icldiag.model.gradients import attention_gradients
from icldiag.model.heads import Heads, products
from icldiag.model.label_words import label_words
from icldiag.model.memory import keeps_activations, work_of
from icldiag.model.padding import batch_of
from icldiag.model.readout import FloatArray, Progress
from icldiag.model.transfer import to_host
from icldiag.prompt.encoded_prompt import Token

if TYPE_CHECKING:
    from torch import Tensor

Measure = Literal["flow", "gradient x input"]
FIRST = "first token"
MEASURES: tuple[Measure, ...] = ("flow", "gradient x input")  # the first is shown first


@dataclass(frozen=True)
class Group:
    """The first token, which is in no other, a demonstration, the query, or what stands before all of them."""

    name: str
    demonstration: int | None
    words: tuple[int, ...]  # places among all words


@dataclass(frozen=True, repr=False)
class Contrast(AnalysisResult):
    """One query, T tokens, L layers. Weights above 0 push towards the answer, below 0 towards the rival."""

    query: int
    labels: tuple[str, ...]
    answer: int
    rival: int  # the gold label of a wrong answer, of any other the runner-up
    gold: int | None
    lead: float  # nats of the answer over the rival
    gradient: FloatArray  # (T,) gradient x input
    flow: FloatArray  # (L, T) into the target; of the target itself 0
    of_itself: FloatArray  # (L,) what the target reads of itself
    words: tuple[Word, ...]
    shown: tuple[int, ...]  # classes of the demonstrations

    def tokens(self, measure: Measure) -> FloatArray:
        """(T,) in nats to first order; the flow's sum over the layers."""
        return self.gradient if measure == "gradient x input" else np.asarray(self.flow.sum(axis=0))

    def of_words(self, measure: Measure) -> FloatArray:
        """The sum over each word's tokens, without the prompt's first one."""
        tokens = self.tokens(measure).copy()
        tokens[0] = 0.0
        return np.array([tokens[slice(*word.tokens)].sum() for word in self.words])

    @property
    def groups(self) -> tuple[Group, ...]:
        """The first token, what else stands before the demonstrations, each of them, and the query."""
        count = len(self.shown)
        places: dict[str, list[int]] = {}
        of: dict[str, int | None] = {}
        began = False
        for place, word in enumerate(self.words):
            began = began or word.demonstration is not None
            number = word.demonstration
            if word.tokens[1] == 1:
                continue
            name = f"{number + 1} {self.labels[self.shown[number]]}" if number is not None else "query"
            if number is None and not began and count:
                name = "before them"
            places.setdefault(name, []).append(place)
            of[name] = number
        return Group(FIRST, None, ()), *(Group(name, of[name], tuple(found)) for name, found in places.items())

    def of_groups(self, measure: Measure) -> FloatArray:
        weights = self.of_words(measure)
        first = float(self.tokens(measure)[0])
        return np.array([weights[list(group.words)].sum() if group.words else first for group in self.groups])

    def of_fields(self, measure: Measure) -> dict[str, float]:
        """By field of the template, and by what else a word is."""
        found: dict[str, float] = {FIRST: float(self.tokens(measure)[0])}
        for word, weight in zip(self.words, self.of_words(measure), strict=True):
            if word.tokens[1] == 1:
                continue
            name = f"{{{word.field}}}" if word.field is not None else word.role
            found[name] = found.get(name, 0.0) + float(weight)
        return found


@dataclass(frozen=True)
class ReadContrast(Request[Contrast]):
    """One query's contrast: one pass over its whole prompt, forth and back."""

    query: Index
    job: ClassVar[str] = "contrast"

    def resolved(self, bench: Workbench) -> ReadContrast:
        return replace(self, query=query_index(self.query, len(bench.prompt.queries)))

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Contrast:
        prediction = bench.ask(Predict(), progress)
        model, encoded, query = bench.model, bench.encoded, self.query
        answer, rival = int(prediction.predicted[query]), prediction.rival(query)
        words = label_words(encoded, model)
        ids = [*encoded.prefix, *encoded.queries[query].ids]
        batch = words.after(batch_of([ids], 0, model.device))
        edits = words.edits(bench.beta_edits, model, batch.ids.shape[1], 0)
        layers = model.n_layers

        def lead(logits: Tensor) -> Tensor:
            scores = words.scores(logits[None])[0]
            return scores[answer] - scores[rival]

        inputs: list[Tensor] = []
        of_input: list[Tensor] = []
        flow: dict[int, Tensor] = {}  # on the device until all are there
        for done, (layer, heads, gradient, _) in enumerate(
            attention_gradients(
                model,
                batch,
                lead,
                keep=words.rows,
                edits=edits,
                recompute=model.recomputes or not keeps_activations(model, work_of(encoded)),
                inputs=inputs,
                of_input=of_input,
                before_layer=lambda layer: progress("contrast: layers", 0, layers),
            )
        ):
            progress("contrast: layers", done, layers)
            flow[layer] = _into_target(heads, gradient, edits.get(layer), len(ids))
        by_token = (inputs[0][0].double() * of_input[0][0].double())[: len(ids)].sum(-1)
        gradient, *into_target = to_host([by_token, *(flow[layer] for layer in range(layers))])
        rows = np.stack(into_target)
        own = bench.query_tokens(query)
        return Contrast(
            query=query,
            labels=prediction.labels,
            answer=answer,
            rival=rival,
            gold=prediction.gold[query],
            lead=float(prediction.scores[query, answer] - prediction.scores[query, rival]),
            gradient=gradient.numpy(),
            flow=np.concatenate([rows[:, :-1], np.zeros((layers, 1))], axis=1),
            of_itself=rows[:, -1],
            words=words_of(encoded, list(_tokens(own)), query),
            shown=tuple(demonstration.label_class for demonstration in encoded.demonstrations),
        )


def _tokens(own: object) -> Iterator[Token]:
    """A bench's tokens of a query."""
    assert isinstance(own, tuple)
    yield from own


@no_grad
def _into_target(heads: Heads, gradient: Tensor, edit: Edit | None, length: int) -> Tensor:
    """(T,) sum over heads and the rows that predict of A * ds/dA; the last is what these rows read of themselves."""
    rows = torch.arange(length - 1, heads.query.shape[2], device=heads.query.device)
    edit = None if edit is None else edit.to(rows.device)
    attention = heads.attention(rows, None if edit is None else edit.blocked)  # (1, H, R, T + N)
    if edit is not None and edit.factor is not None:
        attention = attention * edit.factors(attention)
    change = products(gradient[:, :, rows].to(attention.dtype), heads.value.to(attention.dtype))
    found = (change * attention).double().sum(dim=(0, 1, 2))
    return torch.cat([found[: length - 1], found[length - 1 :].sum(0, keepdim=True)])
