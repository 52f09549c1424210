"""OpenAI's evals: samples (JSONL with `input`, a list of messages, and `ideal`), or the log of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from icldiag.prompt.importers.importer import Import, Importer, MoreLabels, names


def read(
    samples: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSONL with 'input' and 'ideal', or oaieval's --record_path.")
    ],
    labels: MoreLabels = None,
) -> Import:
    """Import samples whose messages show examples as turns, or what a run asked, few-shot examples included."""
    from icldiag.inputs.files import read_text
    from icldiag.prompt.chats import read_chats
    from icldiag.prompt.importers.messages import as_import
    from icldiag.prompt.openai_log import read_openai_log, read_text_samples

    if not recognises(samples):
        sent = read_text_samples(samples, names(labels))
        if sent is None:
            return as_import(read_chats(read_text(samples), samples, names(labels)))
        return Import(sent.prompt, sent.notes, guessed=True)
    sent, told = read_openai_log(samples, names(labels))
    found = as_import(sent.chats) if sent.chats else Import(sent.prompt, sent.notes, guessed=True)
    return replace(found, notes=(told, *found.notes), logged=sent.logged)


def recognises(path: Path) -> bool:
    """Whether it is the log of a run; samples are messages, which another importer knows."""
    from icldiag.errors import IcldiagError
    from icldiag.inputs.files import is_file, read_start
    from icldiag.inputs.json_text import parse_json
    from icldiag.prompt.openai_log import is_log

    if not is_file(path):
        return False
    try:
        first = read_start(path, 1 << 16).partition(b"\n")[0].decode("utf-8-sig", errors="replace")
        return is_log(parse_json(first, path, finite=False)[0])
    except (IcldiagError, OSError):  # it is told as what it is, where it is read
        return False


IMPORTER = Importer(read, guesses=True, in_turns=True, recognises=recognises)
