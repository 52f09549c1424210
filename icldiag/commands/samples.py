"""`icldiag samples`: the prompts that ship, by name or as files of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Copy = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FOLDER", help="Write copies of all into a new folder.")
]


def samples(output: Copy = None) -> None:
    """List the samples; with -o, copy them. Commands take one by name in place of a prompt file."""
    from icldiag.samples import about, copy_samples, sample_names
    from icldiag.visible import visible

    if output is None:
        width = max(map(len, sample_names()))
        print("\n".join(f"{name:{width}}  {about(name)}" for name in sample_names()))
        return
    copy_samples(output)
    print(f"samples written to {visible(str(output))}")
