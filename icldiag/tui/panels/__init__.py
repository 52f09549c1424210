"""The panels, in the order of their tabs. Adding one is a file here and one line below."""

from __future__ import annotations

from icldiag.tui.panels.base import Panel
from icldiag.tui.panels.compression import CompressionPanel
from icldiag.tui.panels.confusion import ConfusionPanel
from icldiag.tui.panels.extraction import ExtractionPanel
from icldiag.tui.panels.isolation import IsolationPanel
from icldiag.tui.panels.prompt import PromptPanel
from icldiag.tui.panels.repairs import RepairPanel
from icldiag.tui.panels.reweighting import ReweightingPanel
from icldiag.tui.panels.saliency import SaliencyPanel
from icldiag.tui.panels.why import WhyPanel

PANELS: tuple[type[Panel], ...] = (
    WhyPanel,
    ConfusionPanel,
    SaliencyPanel,
    IsolationPanel,
    ExtractionPanel,
    ReweightingPanel,
    CompressionPanel,
    PromptPanel,
    RepairPanel,
)
#: In front when the app opens.
FIRST = WhyPanel
