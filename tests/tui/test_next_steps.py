"""What stands under NEXT: an action and its key first, what is known of it behind."""

from __future__ import annotations

from dataclasses import replace

from icldiag.analyses.effect import Effect
from icldiag.prompt.schema import Prompt
from icldiag.tui.panels.next_steps import Situation, next_steps
from tests.analyses.overview.made import overview_of, two_classes
from tests.analyses.repairs.test_reading import judged


def steps(
    prompt: Prompt, mended: int, offers: bool = True, broken: int = 0, now: Situation | None = None
) -> list[tuple[str, str]]:
    """After calibrations of which the first is chosen, fixes so many of 40 texts, and breaks so many of the queries."""
    found, trial = judged(prompt, True, 3, 1)
    if broken:
        trial = replace(trial, queries=Effect(12, 5, (), tuple(range(broken)), 0.0))
        found = replace(found, trials=(trial, *found.trials[1:]))
    confirmed = Effect(40, 10, tuple(range(mended)), (), 0.0, mended / 40)
    known = replace(found, query=None, winner=0, confirmed=confirmed)
    name = trial.repair.name
    now = now or Situation(offers=offers, takes="about 9 s")
    said = next_steps(replace(overview_of(*two_classes(4, 2, 0)), repairs=known), now)
    return [(action.replace(name, "NAME"), rest.replace(name, "NAME")) for action, rest in said]


def test_what_surely_gains_comes_first_with_its_key(prompt: Prompt) -> None:
    (action, gain), (search, takes) = steps(prompt, 20)
    assert action == "t applies NAME"
    assert gain.startswith("10 -> 30 of 40 held-out texts right (+50 points, ")
    assert search == "m searches for changes of the prompt too"
    assert takes.endswith("about 9 s")
    assert steps(prompt, 20, offers=False)[0][0] == "NAME"  # its prompt is not answered
    on = steps(prompt, 20, now=Situation(repaired=True))[0]
    assert on == ("NAME", f"{gain}; t first takes off the repair that is on")


def test_that_fewer_of_the_prompts_own_queries_would_be_right_is_told_beside_the_key(prompt: Prompt) -> None:
    assert steps(prompt, 20, broken=2)[0][1].endswith("; of 12 queries here fewer right, 5 -> 3")
    assert "queries here" not in steps(prompt, 20)[0][1]


def test_where_the_gain_may_be_chance_the_search_comes_first(prompt: Prompt) -> None:
    (search, _), (tries, gain), (texts, _) = steps(prompt, 2)
    assert search.startswith("m searches")
    assert tries == "t tries NAME"
    assert "may be chance" in gain
    assert texts == "e edits the file"


def test_what_gains_nothing_is_no_action(prompt: Prompt) -> None:
    (search, _), (action, said) = steps(prompt, 0)
    assert search.startswith("m searches")
    assert action == ""
    assert said.startswith("No repair holds. The first choice, NAME, gains nothing: ")


def test_what_no_calibration_can_mend_comes_before_all(prompt: Prompt) -> None:
    found = replace(overview_of(*two_classes(4, 2, 0)), unrepaired="there are too few", outscored=((0, 1),))
    assert next_steps(found, Situation(offers=True)) == [
        ("e edits the file", "set 'scoring: terminated' first"),
        ("", "There are too few."),
    ]
    assert next_steps(overview_of(*two_classes(4, 2, 0)), Situation(offers=True)) == []


def test_beside_a_calibration_in_force_another_is_offered_only_where_it_surely_gains(prompt: Prompt) -> None:
    (search, _), (action, said), *_ = steps(prompt, 2, now=Situation(offers=False, calibrated=True))
    assert search.startswith("m searches")
    assert action == ""
    assert said.startswith("No calibration surely gains more than the one in force. The best, NAME: 10 -> 12 of 40")
    assert steps(prompt, 20, now=Situation(offers=True, calibrated=True))[0][0] == "t applies NAME"


def test_what_runs_is_told(prompt: Prompt) -> None:
    assert ("9 shows the search that runs", "") in steps(prompt, 20, now=Situation(offers=True, searching=True))
    untried = overview_of(*two_classes(4, 2, 0))
    assert next_steps(untried, Situation(trying=True)) == [
        ("", "What t can apply is named here, once calibrations are tried.")
    ]
