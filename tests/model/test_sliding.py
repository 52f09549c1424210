"""Demonstrations outside of a sliding window are told, by the layers that do not see them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from icldiag.model.sliding import SlidingWindow, sliding_window_of
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from tests.architectures import ARCHITECTURES
from tests.conftest import Tiny


@pytest.mark.parametrize(
    ("architecture", "layers"), [("mistral", "all"), ("ministral", "half"), ("gpt2", None), ("gpt_neo", "half")]
)
def test_which_layers_slide(architecture: str, layers: str | None, tiny: Tiny) -> None:
    assert architecture in ARCHITECTURES
    config = tiny(architecture).model.config.get_text_config()
    found = sliding_window_of(config)
    if layers is None:
        assert found is None
        return
    assert found is not None
    assert found.layers == (found.of if layers == "all" else found.of // 2)


def test_what_is_outside_is_told(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(replace(prompt, demonstrations=prompt.demonstrations * 3), tiny("mistral"))
    window = sliding_window_of(session.model.model.config.get_text_config())
    assert window is not None
    first = session.encoded.longest - window.tokens
    outside = sum(shown.label[0] < first for shown in session.encoded.demonstrations)
    assert 0 < outside < len(session.encoded.demonstrations)
    (told,) = [warning for warning in session.warnings if "see only the last" in warning]
    assert f"all layers see only the last {window.tokens} tokens" in told
    assert f"the label words of {outside} of {len(session.encoded.demonstrations)} demonstrations" in told
    assert SlidingWindow(session.encoded.longest, 1, 3).warning(session.encoded) is None
    assert (SlidingWindow(1, 1, 3).warning(session.encoded) or "").startswith("1 of 3 layers see")
