"""What the model is asked at each point of the training: phases by step, and stages within the first by success."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

#: Judged over this many steps: shorter would follow noise, longer would waste steps on what is already learnt.
JUDGED_OVER = 25
#: As shares of the way from guessing to perfect: for two classes, accuracies of 0.8 and 0.58.
MOVE_ON, MOVE_BACK = 0.6, 0.16


@dataclass(frozen=True)
class Stage:
    """How hard the episodes are.

    A text whose class was shown before is an exact copy of what was shown, or a noisy one (tokens dropped and
    shuffled), or else another text of the class. Without the copies the model stays at guessing for thousands of steps.
    """

    exact: float
    noisy: float
    classes: int
    natural: float
    longest: int


#: From looking up a copy, which needs only an attention pattern, to recognising a class, which needs meaning.
STAGES = (
    Stage(exact=1.0, noisy=0.0, classes=2, natural=0.0, longest=12),
    Stage(exact=0.8, noisy=0.2, classes=2, natural=0.0, longest=12),
    Stage(exact=0.5, noisy=0.5, classes=2, natural=0.0, longest=12),
    Stage(exact=0.1, noisy=0.9, classes=2, natural=0.0, longest=14),
    Stage(exact=0.1, noisy=0.4, classes=2, natural=0.0, longest=18),
    Stage(exact=0.0, noisy=0.2, classes=2, natural=0.1, longest=22),
    Stage(exact=0.0, noisy=0.1, classes=3, natural=0.15, longest=28),
    Stage(exact=0.0, noisy=0.1, classes=4, natural=0.2, longest=36),
)
#: For the longer windows: as many classes as tasks have, and half of the time the classes' own names.
MATURE = Stage(exact=0.0, noisy=0.05, classes=6, natural=0.5, longest=64)


@dataclass(frozen=True)
class Phase:
    """A stretch of steps with one shape of batch; ``mix`` weighs the data sets."""

    steps: int
    window: int
    rows: int
    adaptive: bool
    mix: dict[str, float] = field(hash=False)
    #: Whether windows start anywhere in the context rather than at its beginning, so that every position is trained.
    offsets: bool = True
    dropout: float = 0.0
    #: Share of a question's rare tokens that are swapped for those of other questions.
    swapped: float = 0.0

    @property
    def tokens(self) -> int:
        return self.window * self.rows


EARLY = {"clinc150": 8, "banking77": 5, "trec": 2, "sst2": 1, "news": 1.5, "dialogue": 1.5}
LATE = {"clinc150": 6, "banking77": 5, "trec": 3.5, "sst2": 3, "news": 1.5, "dialogue": 1.5}
LAST = {"clinc150": 5.0, "banking77": 4.0, "trec": 6.0, "sst2": 3.5, "news": 1.0, "dialogue": 1.0}
PHASES = (
    # The copying circuit takes a number of steps rather than of tokens: cheap ones until it is there.
    Phase(steps=600, window=80, rows=32, adaptive=True, mix=EARLY, offsets=False),
    Phase(steps=3000, window=112, rows=48, adaptive=True, mix=EARLY, offsets=False),
    Phase(steps=2000, window=224, rows=24, adaptive=False, mix=LATE),
    Phase(steps=1200, window=448, rows=12, adaptive=False, mix=LATE),
    # By now training texts are known by heart: 0.87 on TREC's where the test's have 0.70. Dropout closes half of that.
    Phase(steps=2400, window=224, rows=24, adaptive=False, mix=LAST, dropout=0.1),
    Phase(steps=800, window=448, rows=12, adaptive=False, mix=LAST, dropout=0.1),
    # What a question asks for lies in its frequent words ("why", "how many"), but its rare ones are easier to know.
    Phase(steps=3400, window=224, rows=24, adaptive=False, mix={**LAST, "trec": 9.0}, dropout=0.1, swapped=0.6),
)


def phase_at(step: int, phases: Sequence[Phase] = PHASES) -> Phase:
    for phase in phases:
        if step < phase.steps:
            return phase
        step -= phase.steps
    return phases[-1]


def phases_of(steps: str) -> tuple[Phase, ...]:
    """The phases with other numbers of steps, such as ``"9000,3000,1500"``."""
    if not steps:
        return PHASES
    counts = [int(count) for count in steps.split(",")]
    if len(counts) != len(PHASES):
        raise ValueError(f"--steps needs {len(PHASES)} numbers, one for each phase, and got {len(counts)}")
    return tuple(replace(phase, steps=count) for phase, count in zip(PHASES, counts, strict=True))


class Curriculum:
    """Moves between stages by how well the last steps went."""

    def __init__(self, stages: Sequence[Stage] = STAGES) -> None:
        self.stages = stages
        self.stage = 0
        self.recent: deque[float] = deque(maxlen=JUDGED_OVER)

    def stage_for(self, phase: Phase) -> Stage:
        return self.stages[self.stage] if phase.adaptive else MATURE

    @property
    def skill(self) -> float:
        return sum(self.recent) / len(self.recent) if self.recent else 0.0

    def record(self, accuracy: float, chance: float, phase: Phase) -> None:
        """Takes one step's result in; ``chance`` is the accuracy that guessing among the classes seen would have."""
        self.recent.append((accuracy - chance) / (1 - chance))
        if not phase.adaptive or len(self.recent) < JUDGED_OVER:
            return
        if self.skill > MOVE_ON and self.stage < len(self.stages) - 1:
            self.stage += 1
            self.recent.clear()
        elif self.skill < MOVE_BACK and self.stage > 0:
            self.stage -= 1
            self.recent.clear()

    def state(self) -> dict[str, object]:
        return {"stage": self.stage, "recent": list(self.recent)}

    def restore(self, stage: int, recent: Sequence[float]) -> None:
        self.stage = stage
        self.recent = deque(recent, maxlen=JUDGED_OVER)
