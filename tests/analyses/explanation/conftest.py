from __future__ import annotations

import pytest

from icldiag.analyses.explanation import Explanation
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.conftest import Tiny


@pytest.fixture
def explained(prompt: Prompt, tiny: Tiny) -> tuple[Session, Explanation]:
    """A wrong answer of a tiny model, explained."""
    session = Session(prompt, tiny())
    return session, session.explanation(session.prediction().wrong[0])
