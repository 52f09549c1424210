"""What the model would write after each query: the likeliest token again and again, as programs that generate do.

A text ends before the first line break after its first word, before what ends a label in the demonstrations, at the
model's end of text, or after as many tokens as the longest label word has and `MORE`. It says a label where it begins
with the label's word, in upper or lower case, and no letter or digit follows; of several such labels, the longest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from icldiag.analyses.prediction.compute import Predict
from icldiag.analyses.request import Each, Request, Workbench
from icldiag.analyses.result import AnalysisResult
from icldiag.indices import query_index
from icldiag.model.greedy import write_on
from icldiag.model.readout import Progress
from icldiag.private import PRIVATE
from icldiag.prompt.schema import Label

MORE = 8  # tokens beyond the longest label word


@dataclass(frozen=True, repr=False)
class Generation(AnalysisResult):
    """n queries. Labels are class indices."""

    labels: tuple[str, ...]
    gold: tuple[int | None, ...]
    scored: tuple[int, ...]  # the label with the highest score
    texts: tuple[str, ...] = field(metadata=PRIVATE)  # what the model would write, spaces around it included
    cut: tuple[bool, ...]  # whether a text was still going on at the last token
    said: tuple[int | None, ...]  # the label that a text says

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def other(self) -> tuple[int, ...]:
        """Queries whose text says another label than scores highest."""
        return tuple(place for place, said in enumerate(self.said) if said is not None and said != self.scored[place])

    @property
    def none(self) -> tuple[int, ...]:
        """Queries whose text says no label."""
        return tuple(place for place, said in enumerate(self.said) if said is None)

    def right(self, answers: Sequence[int | None]) -> float | None:
        """The share of the labelled queries that these answers have right; None where no gold label is known."""
        known = [(gold, answer) for gold, answer in zip(self.gold, answers, strict=True) if gold is not None]
        return sum(gold == answer for gold, answer in known) / len(known) if known else None

    def told(self, query: int) -> str:
        """One query's text and label, in a few words. Raises AnalysisError: there is no such query."""
        query = query_index(query, len(self))
        says = f"says {self.texts[query]!r}" + (" ..." if self.cut[query] else "")
        return f"{says}, scored {self.labels[self.scored[query]]}"


@dataclass(frozen=True)
class Generate(Request[Generation]):
    """What the model would write after every query, without a re-weighting."""

    job: ClassVar[str] = "generation"
    without_beta: ClassVar[bool] = True

    def compute(self, bench: Workbench, progress: Progress, each: Each | None) -> Generation:
        prompt, encoded, model = bench.prompt, bench.encoded, bench.model
        prediction = bench.ask(Predict(), progress)
        stops, n = _ends(model), len(encoded.queries)

        def ended(ids: Sequence[int]) -> bool:
            return ids[-1] in stops or _end(_text(bench, ids), encoded.ending) is not None

        written = write_on(
            model,
            [query.ids for query in encoded.queries],
            bench.prefix(progress).key_values,
            len(encoded.prefix),
            max(map(len, encoded.label_tokens)) + MORE,
            ended,
            lambda done: progress("what the model would write", done, n),
        )
        texts = []
        for ids in written:
            text = _text(bench, ids[:-1] if ids[-1] in stops else ids)
            texts.append(text[: _end(text, encoded.ending)])
        return Generation(
            labels=prediction.labels,
            gold=prediction.gold,
            scored=tuple(map(int, prediction.predicted)),
            texts=tuple(texts),
            cut=tuple(not ended(ids) for ids in written),
            said=tuple(label_said(text, prompt.labels) for text in texts),
        )


def _ends(model: Any) -> set[int]:
    """Tokens that end a text."""
    given = getattr(model.model.generation_config, "eos_token_id", None)
    known = given if isinstance(given, list) else [given]
    return {token for token in (*known, model.tokenizer.eos_token_id) if token is not None}


def _text(bench: Workbench, ids: Sequence[int]) -> str:
    return str(bench.model.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False))


def _end(text: str, ending: str) -> int | None:
    """Where a text ends; None where it goes on."""
    blank = len(text) - len(text.lstrip())
    places = [text.find(sign, blank) for sign in ("\n", "\r", ending.strip() and ending) if sign]
    found = [place for place in places if place >= 0]
    return min(found) if found else None


def label_said(text: str, labels: Sequence[Label]) -> int | None:
    """The label that a text says; see above."""
    said = text.strip().casefold()
    found: tuple[int, int] | None = None
    for place, label in enumerate(labels):
        word = label.word.strip().casefold()
        whole = said.startswith(word) and not said[len(word) : len(word) + 1].isalnum()
        if whole and (found is None or len(word) > found[0]):
            found = len(word), place
    return None if found is None else found[1]
