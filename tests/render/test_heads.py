"""The heads that were cut, and the map of all."""

from __future__ import annotations

import numpy as np

from icldiag.analyses.circuits.compute import Circuit, Effect, RankedHead, Together
from icldiag.render.heads import head_map, heads_together, ranked_heads
from icldiag.render.look import DARK

ESTIMATES = np.array([[0.5, -0.2], [0.04, 0.26]])


def circuit(heads: int) -> Circuit:
    ranked = tuple(RankedHead(layer, 3, 0.5, Effect(40 + layer, 0.25, 0.1)) for layer in range(heads))
    together = (Together(1, Effect(40, 1.0, 0.1), Effect(59, 0.0, 0.1)), Together(2, Effect(39, 1.5, 0.1), None))
    return Circuit("label_to_target", (0, 1), 2, ESTIMATES, Effect(20, 1.2, 0.1), ranked, together)


def test_every_measured_head_has_a_line_and_anchor_heads_a_sign() -> None:
    lines = [line.plain for line in ranked_heads(circuit(16), DARK)]
    assert len(lines) == 17
    assert lines[1] == "*  0.3  0.25  (0.50)   40"
    assert lines[16] == "  15.3  0.25  (0.50)   55"
    assert len({len(line) for line in lines}) == 1


def test_together_beside_others() -> None:
    head, first, second = (line.plain for line in heads_together(circuit(2), DARK))
    assert first.split() == ["1", "1.00", "40", "0.00", "59"]
    assert second.split() == ["2", "1.50", "39", "-", "-"]
    assert len(head) == len(first) == len(second)


def test_the_map_has_a_sign_for_every_head() -> None:
    assert head_map(ESTIMATES, [(0, 0)], DARK).plain.split("\n") == ["layer  01", "head 0 9.", "head 1 -5"]
    assert head_map(np.zeros((12, 1)), [], DARK).plain.split("\n")[-1] == "head 0 ............"
