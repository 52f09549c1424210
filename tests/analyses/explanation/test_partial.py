"""An explanation while it is computed: what is told early stays true, and no cause is named early."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from icldiag.analyses import batches
from icldiag.analyses.explanation import Explanation, Finding, PartialExplanation, findings
from icldiag.analyses.explanation.reading import prompt_wide, verdict
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.conftest import Tiny


@pytest.fixture
def quick_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A further batch costs nothing, as it costs little where the prompt is long."""
    monkeypatch.setattr(batches.Work, "_worth_a_batch", lambda self, tokens: 0)


def in_parts(session: Session, query: int) -> tuple[Explanation, list[PartialExplanation]]:
    parts: list[PartialExplanation] = []
    return session.explanation(query, each_part=parts.append), parts


def is_within(rows: tuple[Finding, ...], others: tuple[Finding, ...]) -> bool:
    """Whether these are some of the others, in their order."""
    return rows == tuple(row for row in others if row in rows)


@pytest.mark.parametrize("shown", [0, 1, 3])
@pytest.mark.usefixtures("quick_first")
def test_every_part_is_part_of_the_next_and_of_the_whole(shown: int, prompt: Prompt, tiny: Tiny) -> None:
    session = Session(replace(prompt, demonstrations=prompt.demonstrations[:shown]), tiny())
    for query in range(len(prompt.queries)):
        whole, parts = in_parts(session, query)
        rows = [findings(part) for part in (*parts, whole)]
        assert all(is_within(one, other) for one, other in pairwise(rows))
        assert len(rows[0]) < len(rows[-2]) == len(rows[-1])  # all rows are there before it is weighed
        for part in parts:
            assert part.contest == whole.contest
            assert verdict(whole.favourite, whole.labels).startswith(verdict(part.favourite, part.labels))
            assert prompt_wide(whole, session.overview()).startswith(prompt_wide(part, session.overview()))


@pytest.mark.usefixtures("quick_first")
def test_the_first_part_comes_before_anything_is_run(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    session.prediction()
    done: list[int] = []
    parts: list[tuple[int, PartialExplanation]] = []
    session.explanation(
        0,
        progress=lambda what, did, of: done.append(did),
        each_part=lambda part: parts.append((len(done), part)),
    )
    before, first = parts[0]
    assert before == 0
    assert [row.name for row in findings(first)] == ["format"]


def test_the_verdict_comes_before_the_lean_is_measured(prompt: Prompt, tiny: Tiny) -> None:
    model = tiny()
    answer = int(Session(prompt, model).prediction().predicted[0])
    wrong = replace(prompt.queries[0], label=(answer + 1) % len(prompt.labels))
    session, parts = Session(prompt.with_queries([wrong] * 6), model), list[PartialExplanation]()
    verdicts: list[str] = []

    def progress(what: str, done: int, total: int) -> None:
        if what == "overview: lean" and not verdicts:
            verdicts.append(verdict(parts[-1].favourite, parts[-1].labels))

    whole = session.explanation(0, progress=progress, each_part=parts.append)
    assert verdicts and verdicts[0]
    assert verdict(whole.favourite, whole.labels).startswith(verdicts[0])


@pytest.mark.usefixtures("quick_first")
def test_what_costs_little_comes_before_other_orders(prompt: Prompt, tiny: Tiny) -> None:
    _, parts = in_parts(Session(prompt, tiny()), 0)
    assert any(part.demonstrations is not None and part.order is None for part in parts)
    assert not any(part.demonstrations is None and part.order is not None for part in parts)


def test_nothing_is_named_before_the_lead_is_divided(prompt: Prompt, tiny: Tiny) -> None:
    whole, parts = in_parts(Session(prompt, tiny()), 0)
    for part in parts:
        assert not isinstance(part, Explanation)
        assert not {"causes", "shares", "checks"} & set(vars(part))
    assert whole.shares.factors


def test_what_is_answered_first_changes_nothing(prompt: Prompt, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny()
    together = Session(prompt, model).explanation(0)
    monkeypatch.setattr(batches.Work, "_worth_a_batch", lambda self, tokens: 0)
    apart = Session(prompt, model).explanation(0)
    assert [cause.kind for cause in apart.causes] == [cause.kind for cause in together.causes]
    assert apart.shares.nats == pytest.approx(together.shares.nats, abs=1e-4)
    assert [run.lead for run in apart.tried] == pytest.approx([run.lead for run in together.tried], abs=1e-4)
