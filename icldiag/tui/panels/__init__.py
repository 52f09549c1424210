"""The panels, in the order of their tabs, those of a group together. Adding one is a file here and one line below."""

from __future__ import annotations

from icldiag.tui.panels.base import Panel
from icldiag.tui.panels.circuits import CircuitsPanel
from icldiag.tui.panels.compression import CompressionPanel
from icldiag.tui.panels.confusion import ConfusionPanel
from icldiag.tui.panels.contrast import ContrastPanel
from icldiag.tui.panels.demonstrations import DemonstrationsPanel
from icldiag.tui.panels.depth import DepthPanel
from icldiag.tui.panels.extraction import ExtractionPanel
from icldiag.tui.panels.isolation import IsolationPanel
from icldiag.tui.panels.overview import OverviewPanel
from icldiag.tui.panels.patching import PatchingPanel
from icldiag.tui.panels.prompt import PromptPanel
from icldiag.tui.panels.repairs import RepairPanel
from icldiag.tui.panels.reweighting import ReweightingPanel
from icldiag.tui.panels.saliency import SaliencyPanel
from icldiag.tui.panels.why import WhyPanel

PANELS: tuple[type[Panel], ...] = (
    OverviewPanel,
    WhyPanel,
    ConfusionPanel,
    PromptPanel,
    DemonstrationsPanel,
    SaliencyPanel,
    IsolationPanel,
    ExtractionPanel,
    DepthPanel,
    PatchingPanel,
    ContrastPanel,
    CircuitsPanel,
    RepairPanel,
    ReweightingPanel,
    CompressionPanel,
)
#: In front when the app opens: of a prompt with several queries the first, of one with a single query the other.
FIRST: tuple[type[Panel], type[Panel]] = (OverviewPanel, WhyPanel)
