"""Both prompts, run once, and what is patched between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from icldiag.analyses.contest import Contest
from icldiag.analyses.patching.alignment import Site, align
from icldiag.analyses.patching.answer import HeadShare, Patching
from icldiag.analyses.patching.counterparts import in_words
from icldiag.analyses.patching.states import Replacement, Runner, States, removed
from icldiag.analyses.request import Each, Workbench
from icldiag.errors import AnalysisError
from icldiag.model.label_words import label_words
from icldiag.model.readout import FloatArray, Progress
from icldiag.model.transfer import to_host
from icldiag.prompt.encoded_prompt import EncodedPrompt

if TYPE_CHECKING:
    from torch import Tensor

GRID = 6  # layers of each site that are patched at first
HEADS = 8
_ESTIMATING, _PASSES = "estimating what carries the change", 4  # both prompts, and a gradient of each


class Work:
    """Both prompts, run once, and what is patched between them."""

    def __init__(
        self,
        bench: Workbench,
        here: EncodedPrompt,
        there: EncodedPrompt,
        contest: Contest,
        cells: int | None,
        progress: Progress,
        each: Each | None,
    ) -> None:
        if (here.scored_tokens, here.prompt.scoring) != (there.scored_tokens, there.prompt.scoring):
            raise AnalysisError(
                "the counterpart scores other label words, so its lead is another one; only states that score the "
                "same label words in the same way can be compared"
            )
        self.here, self.there, self.cells, self.each = here, there, cells, each
        self.change = in_words(here, there)
        self.progress, self.step = progress, (_ESTIMATING, 0, _PASSES)
        model = bench.model
        words = label_words(here, model)
        self.runner = Runner(model, words, here.votes([0])[0], self._before_layer)
        self.alignment = align(here, there, len(words.given))
        ids = tuple(one.prefix + one.queries[0].ids for one in (here, there))
        first = self.runner.record(ids[0])
        self.step = _ESTIMATING, 1, _PASSES
        self.states = first, self.runner.record(ids[1])
        self.answer, self.rival = contest.answer, contest.rival
        other = int(self.states[1].scores.argmax())
        if not contest.wrong and other != self.answer:  # the right label is unknown, or given: what the change answers
            self.rival = other
        self.query = contest.query
        differs = [place for place, (one, two) in enumerate(zip(*ids, strict=False)) if one != two]
        self.begins = differs[0] if differs else min(map(len, ids))
        self.lead, self.counterpart_lead = (one.lead(self.answer, self.rival) for one in self.states)
        self.layers, self.heads = model.n_layers, model.n_heads
        self.read: dict[tuple[int, int], Tensor] = {}  # by cell, the head outputs (H, R, d) after denoising it

    def _before_layer(self, layer: int) -> None:
        self.progress(*self.step)

    @property
    def sites(self) -> tuple[Site, ...]:
        return self.alignment.sites

    def patching(self, chosen: str) -> Patching:
        shape = (2, self.layers, len(self.sites))
        estimates, of_heads, gradients = self._estimates()
        moved = np.full(shape, np.nan)
        same = tuple(place for place, site in enumerate(self.sites) if self._is_same(site))
        moved[:, :, same] = 0.0
        found = Patching(
            self.query,
            self.here.prompt.label_names,
            self.answer,
            self.rival,
            int(self.states[1].scores.argmax()),
            self.change,
            chosen,
            self.lead,
            self.counterpart_lead,
            self.sites,
            self.alignment.unaligned,
            estimates,
            moved,
            asked=0,
            whole=False,
            same=same,
            heads=(),
        )
        found = self._run(found, self._first_cells(estimates))
        if found.carriers and self.cells:
            site = found.carriers[0].site
            found = self._run(found, [(layer, site) for layer in range(self.layers)])
        return replace(found, whole=True, heads=self._head_shares(found, of_heads, gradients))

    def _run(self, found: Patching, cells: Sequence[tuple[int, int]]) -> Patching:
        """Patch these cells exactly, both ways, but for those that are known."""
        moved = found.moved.copy()
        new = [cell for cell in cells if np.isnan(moved[0][cell])]
        found = replace(found, asked=found.done + len(new))
        for done, (layer, site) in enumerate(new):
            if self.each is not None:
                self.each(replace(found, moved=moved.copy()))
            for way in range(2):
                self.step = "patching", 2 * done + way, 2 * len(new)
                moved[way, layer, site] = self._patched(way, layer, site)
        return replace(found, moved=moved)

    def _is_same(self, site: Site) -> bool:
        """Whether all its tokens stand before anything differs."""
        return site.here == site.there and max(site.here) < self.begins

    def _first_cells(self, estimates: FloatArray) -> list[tuple[int, int]]:
        """The target in all layers, which costs little; then some layers of the sites with the largest estimates."""
        targets = [place for place, site in enumerate(self.sites) if site.kind == "target"]
        others = [place for place, site in enumerate(self.sites) if site.kind != "target" and not self._is_same(site)]
        others.sort(key=lambda place: -float(np.nanmax(np.abs(estimates[:, :, place]))))
        own = [(layer, place) for place in targets for layer in range(self.layers)]
        if self.cells is None:
            return own + [(layer, place) for place in others for layer in range(self.layers)]
        steps = min(GRID, self.layers)
        grid = sorted({round(step * (self.layers - 1) / max(steps, 1)) for step in range(steps)})
        return own + [(layer, place) for place in others for layer in grid][: self.cells]

    def _estimates(self) -> tuple[FloatArray, FloatArray, dict[int, Tensor]]:
        """(2, L, S) of all sites; (L, H) of the heads' outputs at the target, and their gradients (H, R, d)."""
        moved: dict[tuple[int, int, int], Tensor] = {}  # on the device until all are there
        heads: dict[int, Tensor] = {}
        gradients: dict[int, Tensor] = {}
        rows = self.runner.words.rows
        for way in range(2):
            own, other = self._both(way)
            self.step = _ESTIMATING, 2 + way, _PASSES
            for one in self.runner.gradients(own, self.answer, self.rival):
                gradient = one.of_input[0].double()
                for place, (mine, its) in enumerate(self._places(way)):
                    if self.sites[place].only_here:
                        if not way:
                            moved[way, one.layer, place] = -removed(one, self.sites[place].here)
                        continue
                    change = other.inputs[one.layer][its].double() - own.inputs[one.layer][mine].double()
                    amount = (change * gradient[mine]).sum()
                    moved[way, one.layer, place] = amount if way else -amount
                if not way:
                    gradients[one.layer] = one.of_output[0, :, -rows:]
                    change = other.outputs[one.layer] - own.outputs[one.layer]
                    heads[one.layer] = -(change * gradients[one.layer]).double().sum((1, 2))
        found = np.full((2, self.layers, len(self.sites)), np.nan)  # what is only here cannot be put back
        amounts = to_host([*moved.values(), *heads.values()])
        for cell, amount in zip(moved, amounts, strict=False):
            found[cell] = amount
        of_heads = dict(zip(heads, amounts[len(moved) :], strict=True))
        gone = [place for place, site in enumerate(self.sites) if site.only_here]
        found[0][:, gone] = found[0][::-1, gone].cumsum(axis=0)[::-1]  # hidden in this layer and in all after it
        return found, np.stack([of_heads[layer] for layer in range(self.layers)]), gradients

    def _both(self, way: int) -> tuple[States, States]:
        """The prompt that is patched, and the one whose states it gets."""
        return self.states[way], self.states[1 - way]

    def _places(self, way: int) -> Iterator[tuple[list[int], list[int]]]:
        for site in self.sites:
            sides = list(site.here), list(site.there)
            yield sides if not way else sides[::-1]

    def _toward(self, way: int, lead: float) -> float:
        """Nats that a lead has moved towards the other prompt's."""
        return lead - self.counterpart_lead if way else self.lead - lead

    def _lead(self, scores: FloatArray) -> float:
        return float(scores[self.answer] - scores[self.rival])

    def _patched(self, way: int, layer: int, site: int) -> float:
        own, other = self._both(way)
        if self.sites[site].only_here:
            if way:
                return np.nan
            one, self.read[layer, site] = self.runner.hidden(own, layer, self.sites[site].here)
            return self._toward(way, self._lead(one))
        mine, its = list(self._places(way))[site]
        patch = Replacement(tuple(mine), other.inputs[layer][its])
        scores, outputs = self.runner.replaced(own, layer, [patch])
        if not way:
            self.read[layer, site] = outputs[0]
        return self._toward(way, self._lead(scores[0]))

    def _head_shares(
        self, found: Patching, estimates: FloatArray, gradients: Mapping[int, Tensor]
    ) -> tuple[HeadShare, ...]:
        """Those of the largest estimates, by their whole output at the target or by what they read at the carrier."""
        chosen = {divmod(int(place), self.heads) for place in np.argsort(-np.abs(estimates), axis=None)[:HEADS]}
        carrier = found.carriers[0] if found.carriers else None
        layers = () if carrier is None else tuple(layer for layer, site in self.read if site == carrier.site)
        reads: dict[tuple[int, int], float] = {}
        of_layers = []
        for layer in layers:
            assert carrier is not None
            change = self.read[layer, carrier.site] - self.states[0].outputs[layer]
            of_layers.append(-(change * gradients[layer]).double().sum((1, 2)))
        for layer, amounts in zip(layers, to_host(of_layers), strict=True):
            reads.update({(layer, head): float(amount) for head, amount in enumerate(amounts)})
        chosen |= set(sorted(reads, key=lambda head: -abs(reads[head]))[:HEADS])
        heads = sorted(chosen)
        moved = []
        for way in range(2):
            own, other = self._both(way)
            self.step = "patching heads", way, 3
            scores = self.runner.with_heads(own, heads, [other.outputs[layer][head] for layer, head in heads])
            moved.append([self._toward(way, self._lead(one)) for one in scores])
        reading = [place for place in heads if place[0] in layers]
        site = -1 if carrier is None else carrier.site
        self.step = "patching heads", 2, 3
        by_reading = self.runner.with_heads(
            self.states[0], reading, [self.read[layer, site][head] for layer, head in reading]
        )
        read = {place: self._toward(0, self._lead(one)) for place, one in zip(reading, by_reading, strict=True)}
        shares = [
            HeadShare(place[0], place[1], float(estimates[place]), denoised, noised, read.get(place))
            for place, denoised, noised in zip(heads, *moved, strict=True)
        ]
        return tuple(sorted(shares, key=lambda one: -abs(one.denoised)))
