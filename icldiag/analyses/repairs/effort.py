"""What a search takes, in passes of a text: changed prompts that are asked, and trainings, which take longer."""

from __future__ import annotations

from dataclasses import dataclass

from icldiag.analyses.repairs.anchors import STEPS
from icldiag.analyses.reweighting.training import TrainingSettings
from icldiag.model.readout import Progress
from icldiag.prompt.schema import Prompt

TRIED_AS = 5  # candidates of a change: as it is, with batch, affine, matrix and neighbours calibration
TRAINED = 2  # changes that are trained
STEP = 3.2  # passes of a text in the time of one token forward and backward, measured on the bundled model

_NAME, _PARTS = "repairs", 1000  # that the whole is told in: a share, since no part is a candidate
_TOLD = ("changed prompts", "re-weighting")  # what counts what it has to do, within a step


def changes(budget: int) -> int:
    """How many changed prompts a search of so many candidates asks; each counts several times, with calibrations."""
    return budget // TRIED_AS


@dataclass(frozen=True)
class Effort:
    """Of one search.

    Args:
        change: passes of a changed prompt that is asked: its demonstrations and all texts.
        training: passes in the time of one training.
    """

    budget: int
    change: float
    training: float

    @staticmethod
    def of(prompt: Prompt, budget: int, texts: int, prefix: float) -> Effort:
        """`texts` that a change is asked about, and the demonstrations, which are as long as so many of these."""
        trained = TrainingSettings()
        steps = trained.epochs * min(STEPS, trained.per_class * len(prompt.labels)) if prompt.demonstrations else 0
        return Effort(budget, texts + prefix, STEP * steps)

    @property
    def passes(self) -> float:
        """In all."""
        asked = changes(self.budget)
        return asked * self.change + min(TRAINED, asked) * self.training


class Course:
    """How far a search is. Its parts take about as long each, so that their pace holds from the first to the last."""

    def __init__(self, progress: Progress, effort: Effort) -> None:
        self.effort, self._progress = effort, progress
        self._done, self._share = 0.0, 0.0  # passes before this step, and of it the share that is done
        self._takes = 0.0  # passes of this step

    def begin(self, takes: float) -> Progress:
        """A step that takes so many passes; the progress for what it computes."""
        self._done, self._share, self._takes = self._done + self._takes, 0.0, takes
        return self._tell

    def _tell(self, what: str, done: int, total: int) -> None:
        if total and what.startswith(_TOLD):
            self._share = max(self._share, done / total)
        passes = self._done + self._share * self._takes
        self._progress(_NAME, min(int(_PARTS * passes / max(1.0, self.effort.passes)), _PARTS - 1), _PARTS)

    def end(self) -> None:
        """All is done, whatever there was less to do than a search can take."""
        self._progress(_NAME, _PARTS, _PARTS)
