"""Words from the labels' names are tried wherever a label word is no part of its name, and what they do is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from icldiag.analyses.overview import Overview
from icldiag.analyses.overview.reading import lines
from icldiag.analyses.overview.tried import unlike_names
from icldiag.analyses.repairs import FindRepairs, Repairs, TryCalibrations
from icldiag.model.load import load_model
from icldiag.model.settings import ModelSettings
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Label, Prompt
from icldiag.samples import sample_path
from icldiag.session import Session
from tests.analyses.repairs.test_search import rich as rich
from tests.conftest import Tiny


def other_word(prompt: Prompt, label: int, word: str) -> Prompt:
    labels = list(prompt.labels)
    labels[label] = Label(labels[label].name, word)
    return replace(prompt, labels=tuple(labels))


def test_they_are_tried_as_the_prompt_with_these_words(rich: Prompt, tiny: Tiny) -> None:
    plain = Session(rich, tiny())
    assert plain.ask(TryCalibrations()).named is None
    changed = Session(other_word(rich, 2, " the"), plain.model)
    tried = changed.ask(TryCalibrations())
    named = tried.named
    assert named is not None
    assert named.repair.apply(changed.prompt).labels == rich.labels
    assert named.repair.needs == "nothing"
    assert {trial.repair.labels for trial in tried.calibrations} == {changed.prompt.labels}  # of the prompt as it is
    assert named.predicted.tolist() == plain.prediction().predicted.tolist()
    texts = [text.texts for text in tried.selection]
    right = {
        session: sum(
            int(answer) == text.label
            for answer, text in zip(
                Session(session.prompt.with_queries(tried.selection), plain.model).prediction().predicted,
                tried.selection,
                strict=True,
            )
        )
        for session in (plain, changed)
    }
    assert len(texts) == named.selection.count
    assert (named.selection.right_before, named.selection.right_after) == (right[changed], right[plain])
    assert {trial.repair.name for trial in tried.trials if trial.repair.labels == rich.labels} == {
        "label words from the names ('Number' for Number)",
        *(
            f"{kind} calibration with label words from the names ('Number' for Number)"
            for kind in ("batch", "affine", "matrix", "neighbours")
        ),
    }


@pytest.mark.parametrize("budget", [6, 9, 20])
def test_a_search_begins_with_them_and_tries_none_twice(rich: Prompt, tiny: Tiny, budget: int) -> None:
    session, parts = Session(other_word(rich, 2, " the"), tiny()), list[Repairs]()
    found = session.ask(FindRepairs(budget=budget), each=parts.append)
    assert len(found.trials) <= budget
    names = [trial.repair.name for trial in found.trials]
    assert len(set(names)) == len(names)
    second = [trial.repair.family for trial in parts[min(1, len(parts) - 1)].trials]
    assert second.count("names") == (len(parts[0].trials) < budget)


def test_overview_says_what_they_do() -> None:
    """A word that says nothing, in a sample that the bundled model answers well."""
    sample, model = read_prompt(sample_path("questions")), load_model(ModelSettings(device="cpu"))
    fine = Session(sample, model).overview()
    assert unlike_names(fine) == ""
    assert "label words" not in [line.name for line in lines(fine)]
    planted = Session(other_word(other_word(sample, 3, " the"), 4, " of"), model)
    found: Overview = planted.overview()
    assert found.repairs is not None
    named = found.repairs.named
    assert named is not None
    (line,) = [line.sentence for line in lines(found) if line.name == "label words"]
    counts = f"{named.selection.right_after} of {named.selection.count} labelled texts are right"
    assert counts in line
    sure = named.selection.p_value < 0.05 and named.selection.net > 0 < named.selection.balanced_gain
    assert (counts in unlike_names(found)) == sure
    assert sure
