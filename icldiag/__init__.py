"""icldiag shows why a few-shot prompt on a GPT-style model gives the wrong label (arXiv 2305.14160).

session = icldiag.Session("prompt.yaml", model="bundled")
session.prediction().accuracy
session.confusion().pairs[0]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from icldiag.version import __version__ as __version__

if TYPE_CHECKING:
    from icldiag.classifier.estimator import Classifier
    from icldiag.model.settings import ModelSettings
    from icldiag.prompt.read import read_prompt
    from icldiag.prompt.schema import Prompt
    from icldiag.session import Session
    from icldiag.sweeps.sweep import Sweep

__all__ = ["Classifier", "ModelSettings", "Prompt", "Session", "Sweep", "read_prompt"]

_HOMES = {
    "Classifier": "icldiag.classifier.estimator",
    "ModelSettings": "icldiag.model.settings",
    "Prompt": "icldiag.prompt.schema",
    "Session": "icldiag.session",
    "Sweep": "icldiag.sweeps.sweep",
    "read_prompt": "icldiag.prompt.read",
}


def __getattr__(name: str) -> Any:
    """Import on first use: `import icldiag` must not load torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
