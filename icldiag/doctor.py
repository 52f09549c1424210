"""`icldiag doctor`: is this machine, this terminal and this model fit for work?"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys

from icldiag import __version__
from icldiag.model.load import ModelSettings, load_model

_PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "scipy", "textual", "rich")


def diagnose_place() -> str:
    """Versions, devices, memory and terminal."""
    import psutil
    import torch

    lines = [f"icldiag {__version__} on Python {platform.python_version()}, {platform.platform()}"]
    lines += [f"  {name:13} {importlib.metadata.version(name)}" for name in _PACKAGES]
    memory = psutil.virtual_memory()
    lines.append(f"processor       {torch.get_num_threads()} threads for torch, {os.cpu_count()} cores")
    lines.append(f"memory          {_gib(memory.available)} free of {_gib(memory.total)}")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            lines.append(
                f"cuda:{index}          {torch.cuda.get_device_name(index)}, {_gib(free)} free of {_gib(total)}"
            )
    else:
        apple = "yes" if torch.backends.mps.is_available() else "no"
        lines.append(f"GPU             none for CUDA; Apple GPU: {apple}")
    return "\n".join([*lines, *_terminal()])


def _gib(size: float) -> str:
    return f"{size / 2**30:.1f} GiB"


def _terminal() -> list[str]:
    from rich.console import Console

    console = Console()
    size = shutil.get_terminal_size()
    colours = "none (NO_COLOR is set)" if os.environ.get("NO_COLOR") else console.color_system or "none"
    encoding = sys.stdout.encoding or "unknown"
    lines = [
        f"terminal        {size.columns} x {size.lines}, TERM={os.environ.get('TERM', '(not set)')}, "
        f"{'interactive' if sys.stdout.isatty() else 'not interactive'}",
        f"colours         {colours}",
        f"encoding        {encoding}"
        + ("" if "utf" in encoding.lower() else "; use --ascii, or set LANG to a UTF-8 locale"),
    ]
    if size.columns < 80 or size.lines < 24:
        lines.append("                smaller than 80 x 24: the app will be cramped")
    return lines


def diagnose_model(settings: ModelSettings) -> str:
    """Load the model and compare the instrumented forward with the plain one. Raises ModelError."""
    from icldiag.model.parity import measure_parity

    model = load_model(settings)
    parity = measure_parity(model)
    difference = max(parity.difference, parity.split_difference)
    return "\n".join(
        [
            f"model           {model.name}",
            f"  architecture  {model.architecture}, {model.n_layers} layers x {model.n_heads} heads, "
            f"{model.parameters / 1e6:.1f} M parameters",
            f"  place         {str(model.dtype).removeprefix('torch.')} on {model.device}, "
            f"context window {model.context_window or 'unlimited'}",
            f"  seam          {model.seam.name}, reached in {parity.layers_reached} of {model.n_layers} layers",
            f"  parity        logits differ from the plain forward by {difference:.1e} of their size "
            f"(allowed {parity.tolerance:.0e}): {'exact' if difference <= parity.tolerance else 'NOT EXACT'}",
        ]
    )
