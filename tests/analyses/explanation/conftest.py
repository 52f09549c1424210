from __future__ import annotations

from dataclasses import replace

import pytest

from icldiag.analyses.explanation import Explanation
from icldiag.analyses.explanation.evidence import Evidence
from icldiag.analyses.explanation.order import OrderEvidence
from icldiag.analyses.explanation.prior import PriorEvidence
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.analyses.explanation.made import CONTEST, STAYS, effects, run, shares
from tests.conftest import Tiny


@pytest.fixture
def explained(prompt: Prompt, tiny: Tiny) -> tuple[Session, Explanation]:
    """A wrong answer of a tiny model, explained."""
    session = Session(prompt, tiny())
    return session, session.explanation(session.prediction().wrong[0])


@pytest.fixture
def nothing(explained: tuple[Session, Explanation]) -> Evidence:
    """Evidence in which no change does anything."""
    _, found = explained
    sources = tuple(replace(source, divided=run(STAYS), lean=1.0) for source in found.prior.sources)
    order = OrderEvidence(((1, 0, 2, 3),) * 4, (run(STAYS),) * 4, (1.0,) * 4, 1.0, (1,) * 4, (False,) * 4, 50.0, 0)
    return Evidence(
        contest=CONTEST,
        favourite=None,
        shares=shares(),
        checks=(),
        prior=PriorEvidence(sources, (2, 2, 2), (), ()),
        demonstrations=effects(-4.0, -4.0),
        order=order,
        classes=replace(found.classes, removed=run(STAYS), auc=0.9, auc_queries=(6, 6)),
        aggregation=replace(found.aggregation, doubled=run(STAYS), flow={0: 2.0, 1: 1.0}),
        overlap=False,
    )
