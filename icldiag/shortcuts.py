"""A method of the session for each request, for whoever types them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TypeVar

from icldiag.analyses.circuits.compute import ASKED, MEASURED, Circuit, RankHeads
from icldiag.analyses.circuits.sides import AllSides, LookAtHeads
from icldiag.analyses.compression.compute import DRAWS, Compress, Compression, Positions
from icldiag.analyses.confusion.compute import Confuse, Confusion
from icldiag.analyses.contrast import Contrast, DeleteWords, Deletion, ReadContrast
from icldiag.analyses.contrast.deletion import DRAWS as DELETIONS
from icldiag.analyses.demonstrations import DemonstrationValues, ValueDemonstrations
from icldiag.analyses.demonstrations.compute import PAIRS
from icldiag.analyses.depth import Depth, MeanShares, QueryDepth, ReadDepth, ReadDepths, ShareDepths
from icldiag.analyses.depth.mean_shares import QUERIES as SHARED
from icldiag.analyses.explanation import Explain, Explanation
from icldiag.analyses.extraction.compute import Against, Extract, Extraction
from icldiag.analyses.generation.compute import Generate, Generation
from icldiag.analyses.isolation.compute import Isolate, Isolation, Setting, SweepLayers
from icldiag.analyses.isolation.cuts import Cut, CutKind
from icldiag.analyses.loyalty import TOP
from icldiag.analyses.overview import MeasureLean, Overview, Summarise
from icldiag.analyses.overview.lean import Lean
from icldiag.analyses.overview.stability import QUERIES
from icldiag.analyses.patching.answer import Patching
from icldiag.analyses.patching.compute import CELLS, Patch
from icldiag.analyses.prediction.compute import Predict, Prediction
from icldiag.analyses.repairs import BUDGET, FindRepairs, Repairs
from icldiag.analyses.reweighting.compute import Reweight, Reweighting
from icldiag.analyses.reweighting.training import TrainingSettings
from icldiag.analyses.saliency.compute import Flow, Flows, LossTarget, QueryFlow, Saliency
from icldiag.analyses.saliency.rows import HeadSum
from icldiag.analyses.scoring.compute import Rescore, Scorings
from icldiag.model.anchors import KEYS, Keys
from icldiag.model.readout import Progress, silent

if TYPE_CHECKING:
    from icldiag.analyses.request import Each, Request
    from icldiag.prompt.schema import Prompt

R = TypeVar("R")


class Shortcuts(ABC):
    """What they share is `ask`."""

    @abstractmethod
    def ask(self, request: Request[R], progress: Progress = silent, each: Each | None = None) -> R:
        """The answer to a request."""

    def prediction(self, progress: Progress = silent) -> Prediction:
        """Label probabilities, predicted labels and top tokens of every query; see `Predict`."""
        return self.ask(Predict(), progress)

    def scorings(self, progress: Progress = silent) -> Scorings:
        """The answers under every scoring; see `Rescore`."""
        return self.ask(Rescore(), progress)

    def generation(self, progress: Progress = silent) -> Generation:
        """What the model would write after every query; see `Generate`."""
        return self.ask(Generate(), progress)

    def overview(
        self,
        queries: int | None = QUERIES,
        *,
        seed: int = 0,
        progress: Progress = silent,
        each_part: Each | None = None,
    ) -> Overview:
        """What is wrong with the prompt as a whole, and what to do next; see `Summarise`.

        `each_part` is told the overview as far as it has come: without lean and stability, then with the lean.
        `queries` of the sample are asked after changed demonstrations, None for all.
        """
        return self.ask(Summarise(queries, seed), progress, each_part)

    def lean(self, *, seed: int = 0, progress: Progress = silent) -> Lean:
        """The label prior in nats, and the answers that each calibration would give; see `MeasureLean`."""
        return self.ask(MeasureLean(seed), progress)

    def confusion(self, layer: int | None = None, progress: Progress = silent, *, keys: Keys = KEYS) -> Confusion:
        """The similarity of the label anchors in one layer; see `Confuse`."""
        return self.ask(Confuse(layer, keys), progress)

    def flow(
        self, query: int, loss_target: LossTarget = "gold", progress: Progress = silent, *, heads: HeadSum = "signed"
    ) -> QueryFlow:
        """Saliency of one query; see `Flow`."""
        return self.ask(Flow(query, loss_target, heads), progress)

    def saliency(
        self, loss_target: LossTarget = "gold", progress: Progress = silent, *, heads: HeadSum = "signed"
    ) -> Saliency:
        """Saliency of every query and their mean; see `Flows`."""
        return self.ask(Flows(loss_target, heads), progress)

    def explanation(
        self, query: int, *, seed: int = 0, progress: Progress = silent, each_part: Each | None = None
    ) -> Explanation:
        """Why one query got its answer; see `Explain`. `each_part` is told the explanation as far as it has come."""
        return self.ask(Explain(query, seed), progress, each_part)

    def isolation(
        self,
        kind: CutKind = "text_to_label",
        *,
        seed: int = 0,
        renormalise: bool = True,
        top: int = TOP,
        progress: Progress = silent,
    ) -> Isolation:
        """The first n and the last n layers cut, for every n; see `SweepLayers`."""
        return self.ask(SweepLayers(kind, seed, renormalise, top), progress)

    def isolate(self, cut: Cut, *, top: int = TOP, progress: Progress = silent) -> Setting:
        """One cut in any set of layers; see `Isolate`."""
        return self.ask(Isolate(cut, top), progress)

    def extraction(self, progress: Progress = silent, *, against: Against = "predicted") -> Extraction:
        """Attention to the label words and how well it predicts; see `Extract`."""
        return self.ask(Extract(against), progress)

    def contrast(self, query: int, progress: Progress = silent) -> Contrast:
        """Which words of one query's prompt push towards its answer; see `ReadContrast`."""
        return self.ask(ReadContrast(query), progress)

    def deletion(self, query: int, draws: int = DELETIONS, *, seed: int = 0, progress: Progress = silent) -> Deletion:
        """The lead without the words that push most, beside random ones; see `DeleteWords`."""
        return self.ask(DeleteWords(query, draws, seed), progress)

    def demonstrations(
        self,
        queries: int | None = QUERIES,
        pairs: int = PAIRS,
        *,
        seed: int = 0,
        progress: Progress = silent,
        each_pair: Each | None = None,
    ) -> DemonstrationValues:
        """What each demonstration is worth; see `ValueDemonstrations`. `each_pair` is told the values so far."""
        return self.ask(ValueDemonstrations(queries, pairs, seed), progress, each_pair)

    def depth(self, query: int, progress: Progress = silent) -> QueryDepth:
        """One query's labels by layer, and what each part writes of its lead; see `ReadDepth`."""
        return self.ask(ReadDepth(query), progress)

    def depths(self, progress: Progress = silent) -> Depth:
        """Every query's labels by layer, and how well the layers separate them; see `ReadDepths`."""
        return self.ask(ReadDepths(), progress)

    def shares(
        self,
        queries: int | None = SHARED,
        *,
        seed: int = 0,
        progress: Progress = silent,
        each_query: Each | None = None,
    ) -> MeanShares:
        """What each part writes of the lead on average, of right and of wrong answers; see `ShareDepths`."""
        return self.ask(ShareDepths(queries, seed), progress, each_query)

    def heads(
        self,
        kind: CutKind = "label_to_target",
        *,
        asked: int | None = ASKED,
        measured: int = MEASURED,
        seed: int = 0,
        progress: Progress = silent,
        each_cut: Each | None = None,
    ) -> Circuit:
        """Heads ranked by what cutting each does to the answers, and the anchor heads; see `RankHeads`."""
        return self.ask(RankHeads(kind, asked, measured, seed), progress, each_cut)

    def head_sides(self, kind: CutKind = "label_to_target", *, seed: int = 0, progress: Progress = silent) -> AllSides:
        """What each ranked head reads, writes and is worth: cut, zeroed and averaged; see `LookAtHeads`."""
        return self.ask(LookAtHeads(kind, seed), progress)

    def patching(
        self,
        query: int,
        counterpart: Prompt | None = None,
        *,
        counterpart_query: int | None = None,
        cells: int | None = CELLS,
        progress: Progress = silent,
        each_cell: Each | None = None,
    ) -> Patching:
        """Through which positions, layers and heads a changed prompt takes an answer's lead; see `Patch`.

        `each_cell` is told the estimates, and then the result after each cell that was run.
        """
        return self.ask(Patch(query, counterpart, counterpart_query, cells), progress, each_cell)

    def reweighting(
        self, settings: TrainingSettings | None = None, *, progress: Progress = silent, each_epoch: Each | None = None
    ) -> Reweighting:
        """A trained beta; see `Reweight`. `each_epoch` is told the mean loss of every epoch."""
        return self.ask(Reweight(settings or TrainingSettings()), progress, each_epoch)

    def compression(
        self,
        *,
        positions: Positions = "kept",
        draws: int = DRAWS,
        seed: int = 42,
        top: int = TOP,
        timed: bool = True,
        progress: Progress = silent,
        each_method: Each | None = None,
    ) -> Compression:
        """Answers from the anchors alone; see `Compress`. `each_method` is told each way as it is measured."""
        return self.ask(Compress(positions, draws, seed, top, timed), progress, each_method)

    def repairs(
        self, query: int | None = None, budget: int = BUDGET, *, seed: int = 0, progress: Progress = silent
    ) -> Repairs:
        """What would mend the prompt or a query; see `FindRepairs`."""
        return self.ask(FindRepairs(query, budget, seed), progress)
