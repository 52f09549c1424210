from __future__ import annotations

import pytest

from training.curriculum import JUDGED_OVER, MATURE, PHASES, Curriculum, phase_at, phases_of

ADAPTIVE = next(phase for phase in PHASES if phase.adaptive)
LATER = next(phase for phase in PHASES if not phase.adaptive)


def test_moves_on_after_success_and_back_after_failure() -> None:
    curriculum = Curriculum()
    for _ in range(JUDGED_OVER - 1):
        curriculum.record(0.9, 0.5, ADAPTIVE)
    assert curriculum.stage == 0
    curriculum.record(0.9, 0.5, ADAPTIVE)
    assert curriculum.stage == 1
    for _ in range(JUDGED_OVER):
        curriculum.record(0.7, 0.5, ADAPTIVE)
    assert curriculum.stage == 1
    for _ in range(JUDGED_OVER):
        curriculum.record(0.5, 0.5, ADAPTIVE)
    assert curriculum.stage == 0


def test_the_same_accuracy_is_worth_more_among_more_classes() -> None:
    of_two, of_four = Curriculum(), Curriculum()
    of_two.record(0.75, 0.5, LATER)
    of_four.record(0.75, 0.25, LATER)
    assert of_two.skill == pytest.approx(1 / 2) and of_four.skill == pytest.approx(2 / 3)


def test_later_phases_ignore_the_stage() -> None:
    curriculum = Curriculum()
    assert curriculum.stage_for(ADAPTIVE) is curriculum.stages[0]
    assert curriculum.stage_for(LATER) is MATURE


def test_phases_follow_one_another() -> None:
    phases = phases_of(",".join("3" for _ in PHASES))
    assert [phase_at(step, phases).window for step in (0, 2, 3, 6)] == [
        phases[0].window,
        phases[0].window,
        phases[1].window,
        phases[2].window,
    ]
    assert phase_at(10_000, phases) == phases[-1]
    with pytest.raises(ValueError, match="one for each phase"):
        phases_of("1,2")
