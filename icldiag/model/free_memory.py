"""What is free of a device's memory."""

from __future__ import annotations

from pathlib import Path


def free_memory(device: str) -> int:
    """Free bytes of a device; of the container, where that has less than the machine."""
    import psutil
    import torch

    if device.startswith("cuda"):
        own = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # torch holds it for the next
        return int(torch.cuda.mem_get_info(torch.device(device))[0]) + own
    return min(int(psutil.virtual_memory().available), _left_in_container())


def _left_in_container() -> int:
    group = Path("/sys/fs/cgroup")
    try:
        limit = (group / "memory.max").read_text().strip()
        used = int((group / "memory.current").read_text())
        cached = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return 2**62
    # Cached files are counted as used, but give way.
    return 2**62 if limit == "max" else int(limit) - used + int(cached.get("inactive_file", 0))
