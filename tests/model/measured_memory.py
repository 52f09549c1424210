"""What loading a model and answering on it takes at its peak, measured in a process of its own (Linux).

`python -m tests.model.measured_memory MODEL DTYPE PROMPT WORK...` prints the measured and the estimated peaks in bytes.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path


def resident(field: str) -> int:
    """A line of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def forget_peak() -> None:
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")


def measure(name: str, dtype: str, prompt: str, works: list[str]) -> dict[str, tuple[int, int]]:
    """Peaks by what is done, as (measured, estimated)."""
    import torch

    from icldiag.model.free_memory import free_memory
    from icldiag.model.load import load_config
    from icldiag.model.memory import PROGRAM, mapped, sizes_of, work_of
    from icldiag.model.settings import ModelSettings
    from icldiag.session import Session

    torch.set_num_threads(1)
    settings = ModelSettings(name=name, device="cpu", dtype=dtype)
    config = load_config(settings)
    sizes = sizes_of(config)
    weights, files = sizes.weights(dtype), mapped(sizes, dtype, config)
    session = Session(prompt, settings)
    model = session.load()
    found = {"loading": (resident("VmHWM"), PROGRAM + weights + files)}
    work = work_of(session.encoded)
    estimates = work.analyses(sizes, dtype, "cpu", free_memory("cpu"))
    for work_name in works:
        session = Session(prompt, model)
        forget_peak()
        getattr(session, work_name)(**({"query": 0} if work_name == "flow" else {}))
        estimate = estimates["saliency" if work_name == "flow" else work_name]
        found[work_name] = (resident("VmHWM"), PROGRAM + weights + estimate)
    return found


if __name__ == "__main__":
    model, dtype, prompt, *works = sys.argv[1:]
    print(json.dumps(measure(model, dtype, prompt, works)))
