"""Who asks the model for chunks of texts: this process, or workers of a Ray cluster; answers come in their order."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from icldiag.classifier.scorer import LabelScorer, LongText
from icldiag.errors import IcldiagError
from icldiag.model.load import load_model
from icldiag.model.readout import Progress, label_probabilities, silent
from icldiag.model.settings import ModelSettings
from icldiag.prompt.adjustments import SavedBeta
from icldiag.prompt.schema import Example, Prompt
from icldiag.ray_cluster import LOSSES, Cluster
from icldiag.session import Session

Texts = Sequence[Example | None]  # of a chunk's rows; None where a row has none
Chances = list[list[float] | None]  # (C,) probabilities of each row; None where it was not asked
_AHEAD = 2  # chunks a worker, so that none waits for the file or for an earlier chunk


@dataclass(frozen=True)
class Refusal:
    """Why a chunk has no answers, and the row's place in it, where one row is to blame."""

    reason: str
    place: int | None = None


class Workers(Protocol):
    """Answer chunks, as many at a time as suits them; none is asked for long before it is needed."""

    def answers(self, chunks: Iterator[Texts], blank: bool, progress: Progress) -> Iterator[Chances | Refusal]: ...


def answer(scorer: LabelScorer, texts: Texts, blank: bool, progress: Progress = silent) -> Chances | Refusal:
    """The probabilities of a chunk's rows.

    Args:
        blank: leave a text that is too long without; else it is refused.
    """
    chances: Chances = [None] * len(texts)
    places = [place for place, text in enumerate(texts) if text is not None]
    while places:
        try:
            found = label_probabilities(scorer.scores([text for place in places if (text := texts[place])], progress))
        except LongText as error:
            if not blank:
                return Refusal(error.reason, places[error.place])
            del places[error.place]
        else:
            for place, values in zip(places, found.tolist(), strict=True):
                chances[place] = values
            break
    return chances


class Here:
    """This process."""

    def __init__(self, scorer: LabelScorer) -> None:
        self._scorer = scorer

    def answers(self, chunks: Iterator[Texts], blank: bool, progress: Progress) -> Iterator[Chances | Refusal]:
        for texts in chunks:
            yield answer(self._scorer, texts, blank, progress)


@dataclass
class _Remote:
    """A scorer in a worker, which may be on another machine: it needs icldiag and the model, and no folder of ours.

    Args:
        beta: the content of the prompt's beta file, if it has one.
    """

    prompt: Prompt
    model: ModelSettings
    anchors_only: bool
    beta: bytes | None
    _scorer: LabelScorer | None = field(default=None, init=False)

    def answer(self, texts: Texts, blank: bool) -> Chances | Refusal:
        try:
            if self._scorer is None:
                self._scorer = self._load()
            return answer(self._scorer, texts, blank)
        except IcldiagError as error:
            return Refusal(str(error))

    def _load(self) -> LabelScorer:
        with tempfile.TemporaryDirectory() as folder:
            prompt = self.prompt
            if self.beta is not None:
                path = Path(folder) / "beta.safetensors"
                path.write_bytes(self.beta)
                prompt = replace(prompt, beta=SavedBeta.at(path))
            session = Session(prompt, load_model(self.model))
            _ = session.beta  # is read before its file goes
            return LabelScorer(session, anchors_only=self.anchors_only)


class OnCluster:
    """Workers of a Ray cluster, each with a model of its own; what a lost one had not answered is asked again."""

    def __init__(self, there: Cluster, prompt: Prompt, model: ModelSettings, anchors_only: bool) -> None:
        self._ray, self._count, self._actor = there.ray, there.workers, there.actor(_Remote)
        beta = None if prompt.beta is None else prompt.beta.path.read_bytes()
        asked = replace(prompt, queries=prompt.queries[:1])  # a session's own query is not asked
        self._made_of = (asked, model, anchors_only, beta)

    def answers(self, chunks: Iterator[Texts], blank: bool, progress: Progress) -> Iterator[Chances | Refusal]:
        workers = [self._start() for _ in range(self._count)]
        asked: deque[tuple[int, Texts, Any]] = deque()  # the worker's number, the chunk, its answer to come
        for number, texts in enumerate(chunks):
            place = number % self._count
            asked.append((place, texts, workers[place].answer.remote(texts, blank)))
            if len(asked) == _AHEAD * self._count:
                yield self._next(workers, asked, blank, progress)
        while asked:
            yield self._next(workers, asked, blank, progress)

    def _start(self) -> Any:
        return self._actor.remote(*self._made_of)

    def _next(
        self, workers: list[Any], asked: deque[tuple[int, Texts, Any]], blank: bool, progress: Progress
    ) -> Chances | Refusal:
        """The answer to the first chunk that was asked."""
        place, texts, coming = asked.popleft()
        for loss in range(LOSSES):
            try:
                while not self._ray.wait([coming], timeout=1.0)[0]:
                    progress("waiting for a worker", 0, 0)
                found: Chances | Refusal = self._ray.get(coming)
            except self._ray.exceptions.RayActorError:  # killed, out of memory, or its machine is gone
                workers[place] = self._start()
                coming = workers[place].answer.remote(texts, blank)
                again = [
                    (one, own, workers[place].answer.remote(own, blank) if one == place else later)
                    for one, own, later in asked
                ]
                asked.clear()
                asked.extend(again)
                progress(f"a worker was lost ({loss + 1})", 0, 0)
            else:
                return found
        return Refusal(f"{LOSSES} workers were lost while they answered it")
