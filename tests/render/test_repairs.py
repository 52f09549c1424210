"""Rows of repairs: the change first, cut at its end, then the calibration, whole."""

from __future__ import annotations

from dataclasses import replace

from icldiag.analyses.repairs import Repairs
from icldiag.analyses.search.reading import CALIBRATES
from icldiag.prompt.adjustments import KINDS
from icldiag.prompt.schema import Prompt
from icldiag.render.look import Look
from icldiag.render.repairs import about, repair_table
from icldiag.session import Session
from tests.analyses.repairs.test_search import rich as rich
from tests.conftest import Tiny

NEW = "new 3: 'What are the seven virtues ?'"


def rows(found: Repairs, width: int, query: int = 0) -> list[str]:
    drawn = repair_table(found, range(len(found.trials)), 0, query, width, Look()).plain
    return [line.rstrip() for line in drawn.splitlines()]  # the marked row is as wide as the panel


def changed(rich: Prompt, tiny: Tiny) -> Repairs:
    found = Session(rich, tiny()).repairs(budget=6)
    short = ("", NEW, "word 'Time' for Number", "order 3 2 1")
    trials = zip(found.trials, short, strict=False)
    made = tuple(replace(trial, repair=replace(trial.repair, short=change)) for trial, change in trials)
    uncalibrated = replace(made[-1], repair=replace(made[-1].repair, calibration=None))
    return replace(found, trials=(*made[:-1], uncalibrated))


def test_the_change_is_cut_at_its_end_and_the_calibration_is_whole(rich: Prompt, tiny: Tiny) -> None:
    found = changed(rich, tiny)
    kinds = [one.kind for trial in found.trials if (one := trial.repair.calibration)]
    head, plain, new, word, order = rows(found, 76)
    assert head.endswith("  calibration") and "  change  " in head
    assert plain.endswith(f"  {kinds[0]}") and "  as it is  " in plain
    assert new.endswith(f"…  {kinds[1]}") and "  new 3: 'What" in new
    assert word.endswith(f"  {kinds[2]}") and "  word 'Time' for" in word
    assert order.endswith("  order 3 2 1")
    assert max(map(len, (head, plain, new, word, order))) <= 76
    assert f"  {NEW}  {kinds[1]}" in rows(found, 120)[2]


def test_calibrations_alone_need_one_column(rich: Prompt, tiny: Tiny) -> None:
    found = Session(rich, tiny()).repairs(budget=6)
    assert "change" not in rows(found, 76)[0]
    assert {row.split()[-1] for row in rows(found, 76)[1:]} > {"batch", "affine", "matrix"}


def test_what_it_does_to_the_query_whose_number_the_head_has(rich: Prompt, tiny: Tiny) -> None:
    found = Session(rich, tiny()).repairs(budget=6)
    told = {(True, True): "right", (True, False): "broken", (False, True): "fixed", (False, False): "wrong"}
    judged = [query for query, gold in enumerate(found.gold) if gold is not None]
    for query in judged:
        head, *lines = rows(found, 120, query)
        assert f"  query {query + 1}  " in head
        for trial, line in zip(found.trials, lines, strict=True):
            now = bool(trial.predicted[query] == found.gold[query])
            assert line.split()[-2] == told[bool(found.before[query] == found.gold[query]), now]
    assert judged


def test_the_one_in_force_is_marked(rich: Prompt, tiny: Tiny) -> None:
    found = Session(rich, tiny()).repairs(budget=6)
    shown = range(len(found.trials))
    for marked in (0, 1):
        _, *lines = repair_table(found, shown, marked, 0, 120, Look(), on=1).plain.splitlines()
        assert [line[:2] for line in lines[:3]] == ["> " if marked == 0 else "  ", "ON", "  "]


def test_what_a_calibration_does_is_told_beside_its_name(rich: Prompt, tiny: Tiny) -> None:
    found = Session(rich, tiny()).repairs(budget=6)
    for trial in found.trials:
        assert trial.repair.calibration is not None
        kind = trial.repair.calibration.kind
        assert f"{kind}: {CALIBRATES[kind]}." in about(found, trial, 0, rich, Look(), 80).plain
    assert set(CALIBRATES) == set(KINDS)


def test_the_marked_row_is_painted_from_end_to_end(rich: Prompt, tiny: Tiny) -> None:
    found = Session(rich, tiny()).repairs(budget=6)
    drawn = repair_table(found, range(len(found.trials)), 1, 0, 120, Look())
    painted = [drawn.plain[span.start : span.end] for span in drawn.spans if span.style == Look().selected]
    assert [(line[0], len(line)) for line in painted] == [(">", 120)]


def test_what_a_repair_fixes_and_breaks_is_in_the_colours_of_right_and_wrong(rich: Prompt, tiny: Tiny) -> None:
    """A line each, however long the texts are."""
    found, look = Session(rich, tiny()).repairs(budget=6), Look()
    turned = 0
    for trial in found.trials:
        lines = about(found, trial, 0, rich, look, 20).split("\n")
        for sign, style, places in (
            ("fixes", look.right, trial.queries.mended),
            ("breaks", look.wrong, trial.queries.broken),
        ):
            told = [line for line in lines if line.plain.strip().startswith(f"{sign} ")]
            assert len(told) == len(places)
            assert all(line.cell_len <= 20 and [span.style for span in line.spans] == [style] for line in told)
            turned += len(told)
    assert turned
