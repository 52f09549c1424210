"""`icldiag doctor`: is this machine, this terminal and this model fit for work?"""

from __future__ import annotations

import importlib.metadata
import locale
import os
import platform
import shutil
import sys
from collections.abc import Iterator

from icldiag.counting import counted
from icldiag.model.gguf_cache import use
from icldiag.model.load import load_model
from icldiag.model.memory import gib
from icldiag.model.names import PACKAGES, models_of_hub
from icldiag.model.settings import BUNDLED, ModelSettings
from icldiag.tui.encoding import draws_in_ascii
from icldiag.version import __version__, commit
from icldiag.visible import visible

# A prompt of a usual size, for the estimate.
_PREFIX, _QUERY, _QUERIES = 1024, 64, 64

_PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "gguf", "numpy", "scipy", "textual", "rich")


def diagnose_place() -> Iterator[str]:
    """Versions, devices, memory and terminal, line by line: where torch cannot be imported, all before it is told."""
    of_commit = commit()
    own = f"icldiag {__version__}" + (f" (commit {of_commit})" if of_commit else "")
    yield f"{own} on Python {platform.python_version()}, {platform.platform()}"
    yield from (f"  {name:13} {_version(name)}" for name in _PACKAGES)
    yield from _terminal()

    import psutil
    import torch

    memory = psutil.virtual_memory()
    yield f"processor       {torch.get_num_threads()} threads for torch, {os.cpu_count()} cores"
    yield f"memory          {gib(memory.available)} free of {gib(memory.total)}"
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            yield f"cuda:{index}          {torch.cuda.get_device_name(index)}, {gib(free)} free of {gib(total)}"
    else:
        apple = "yes" if torch.backends.mps.is_available() else "no"
        yield f"GPU             none for CUDA; Apple GPU: {apple}"
    yield from _models()


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _models() -> Iterator[str]:
    """The names that `--model` takes without a download, and what the weights made of GGUF files take of the disk."""
    yield f"models          {BUNDLED}"
    for name, package in PACKAGES.items():
        file = package.file()
        what = f"not here; {package.command}" if file is None else f"{file.name}, {gib(file.stat().st_size)}"
        yield f"                {name}: {what}"
    for name in models_of_hub():
        yield f"                {visible(name)}: of the hub, in its cache"
    used = use()
    yield f"dequantised     {counted(used.entries, 'GGUF file')}, {gib(used.size)} of at most {gib(used.limit)}"
    yield f"                in {visible(str(used.folder))}"


def _terminal() -> list[str]:
    from rich.console import Console

    console = Console()
    size = shutil.get_terminal_size()
    colours = "none (NO_COLOR is set)" if os.environ.get("NO_COLOR") else console.color_system or "none"
    encoding = locale.getencoding()
    lines = [
        f"terminal        {size.columns} x {size.lines}, TERM={os.environ.get('TERM', '(not set)')}, "
        f"{'interactive' if sys.stdout.isatty() else 'not interactive'}",
        f"colours         {colours}",
        f"encoding        {encoding}"
        + ("; the app draws in ASCII (--no-ascii, or a UTF-8 locale, for more)" if draws_in_ascii() else ""),
    ]
    if size.columns < 80 or size.lines < 24:
        lines.append("                smaller than 80 x 24: the app will be cramped")
    return lines


def diagnose_model(settings: ModelSettings) -> str:
    """Load the model and compare the instrumented forward with the plain one. Raises ModelError."""
    from icldiag.model.parity import measure_parity

    model = load_model(settings)
    parity = measure_parity(model)
    dequantised = f", dequantised from {model.quantisation}" if model.quantisation else ""
    difference = max(parity.difference, parity.split_difference)
    return "\n".join(
        [
            f"model           {model.name}",
            f"  architecture  {model.architecture}, {model.n_layers} layers x {model.n_heads} heads, "
            f"{model.parameters / 1e6:.1f} M parameters",
            f"  place         {str(model.dtype).removeprefix('torch.')} on {model.device}{dequantised}, "
            f"context window {model.context_window or 'unlimited'}",
            f"  seam          {model.seam.name}, reached in {parity.layers_reached} of {model.n_layers} layers",
            f"  parity        logits differ from the plain forward by {difference:.1e} of their size "
            f"(allowed {parity.tolerance:.0e}): {'exact' if difference <= parity.tolerance else 'NOT EXACT'}",
        ]
    )


def diagnose_memory(settings: ModelSettings) -> str:
    """What the model and each analysis of a typical prompt would take, before anything is loaded. Raises ModelError."""
    from icldiag.model.free_memory import free_memory
    from icldiag.model.load import dequantising, load_config
    from icldiag.model.memory import PROGRAM, Work, dtype_name, mapped, shortage, sizes_of
    from icldiag.model.placement import choose_device
    from icldiag.model.settings import context_window

    device, config = choose_device(settings), load_config(settings)
    sizes, dtype = sizes_of(config, settings.trust_remote_code), dtype_name(settings, config, device)
    window = context_window(config.get_text_config()) or _PREFIX + _QUERY
    query = min(_QUERY, window // 4)
    work = Work(min(_PREFIX, window - query), query, _QUERIES)
    free, weights = free_memory(device), sizes.weights(dtype, settings.quantize)
    needs = work.analyses(sizes, dtype, device, free - weights, settings.quantize)
    files = mapped(sizes, dtype, config)
    beside = f", and {gib(files)} of files that are read, which the system may take back" if files else ""
    once = dequantising(settings)
    short = shortage(settings, sizes, work, dtype, device, free - weights)
    return "\n".join(
        [
            f"memory          {gib(weights)} for the weights in {dtype}, {gib(free)} free on {device}",
            f"  loading       {gib(PROGRAM)} for Python with torch and transformers{beside}",
            *([f"  dequantising  {gib(once)}, the first time only"] if once else []),
            f"  estimate      for {work.prefix} tokens of demonstrations, {_QUERIES} queries of {work.query}:",
            f"  cache         {gib(sizes.cache(work.prefix, dtype))} of keys and values, part of each analysis",
            *(f"  {name:13} {gib(need)}" for name, need in needs.items()),
            f"  verdict       {short or 'all fit'}",
            "                (weights, loading and one analysis together are the most that the process will take)",
        ]
    )
