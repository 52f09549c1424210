"""A log of inspect_ai (JSON, or the zip archive that ends with .eval) as conversations."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from icldiag.errors import PromptError
from icldiag.inputs.files import most_bytes, open_file
from icldiag.inputs.json_text import parse_json
from icldiag.prompt.logged import Logged
from icldiag.prompt.source import read_text
from icldiag.prompt.turns import Conversation, conversation, turns_of
from icldiag.quoting import brief, quoted

_ZSTANDARD = 93  # in the zip format's list of compressions
_HEADER = "<4s5HL2L2H"  # of a member: ..., lengths of its name and of what else stands before its content


def read_samples(path: Path) -> list[Conversation]:
    """What the model was asked in each sample, its right answer the sample's target.

    Raises:
        PromptError: it is no such log, or a sample is no classification.
    """
    found: dict[str, Conversation] = {}  # by id: what was asked in several epochs is one query
    for number, sample in enumerate(_samples(path), start=1):
        messages = sample.get("messages") if isinstance(sample, dict) else None
        if not isinstance(messages, list) or not messages:
            raise PromptError(f"sample {number} has no 'messages'; this is no log of inspect_ai", path=path)
        if sample.get("choices"):
            raise PromptError(f"sample {number} has choices of its own; there are no labels to compare", path=path)
        target = sample.get("target")
        target = target[0] if isinstance(target, list) and len(target) == 1 else target
        if not isinstance(target, str):
            raise PromptError(f"sample {number} has several targets, or none", path=path)
        turns = turns_of([{key: one.get(key) for key in ("role", "content", "tool_calls")} for one in messages], path)
        while turns and turns[-1].speaker == "assistant":  # what the model answered
            turns.pop()
        id = str(sample.get("id", number))
        one = replace(conversation(turns, path), answer=target, id=id)
        if found.setdefault(id, one) != one:
            reason = f"the sample {quoted(id)} was asked in several epochs and told something else in each"
            raise PromptError(f"{reason}; log one epoch", path=path)
    if not found:
        raise PromptError("the log holds no samples; run the evaluation on at least one", path=path)
    return [*found.values()]


def read_answers(path: Path) -> Logged:
    """What the run of a log that `read_samples` reads answered; of several epochs the first."""
    answers: dict[str, Any] = {}
    models: list[Any] = []
    for number, sample in enumerate(_samples(path), start=1):
        output = sample.get("output")
        if isinstance(output, dict):
            answers.setdefault(str(sample.get("id", number)), output.get("completion"))
            models.append(output.get("model"))
    return Logged.of("inspect_ai", models[0] if models else None, answers)


def _samples(path: Path) -> Iterator[Any]:
    if not is_archive(path):
        log, _ = parse_json(read_text(path), path, finite=False)
        if not isinstance(log, dict) or "eval" not in log:
            raise PromptError("this is no log of inspect_ai; it has no 'eval'", path=path)
        yield from log.get("samples") or []
        return
    try:
        with open_file(path) as file, zipfile.ZipFile(file) as archive:
            names = [name for name in archive.namelist() if name.startswith("samples/") and name.endswith(".json")]
            if sum(archive.getinfo(name).file_size for name in names) > most_bytes():
                raise PromptError("its samples are larger than a file may be; log fewer", path=path)
            for name in names:
                yield json.loads(_content(archive, file, archive.getinfo(name)))
    except PromptError:
        raise
    except Exception as error:  # an archive of a stranger's, with a compression that may not be known
        cure = "; write it as JSON with 'inspect log convert LOG --to json --output-dir FOLDER'"
        raise PromptError(f"the archive cannot be read ({quoted(brief(str(error)))}){cure}", path=path) from None


def _content(archive: zipfile.ZipFile, file: IO[bytes], info: zipfile.ZipInfo) -> bytes:
    """A member's bytes; inspect_ai compresses them by Zstandard, which Python's zipfile knows from 3.14 on."""
    if info.compress_type != _ZSTANDARD:
        return archive.read(info)
    try:
        from zstandard import ZstdDecompressor
    except ImportError:
        raise ValueError("it is compressed by Zstandard: pip install zstandard") from None
    file.seek(info.header_offset)
    *_, name, extra = struct.unpack(_HEADER, file.read(struct.calcsize(_HEADER)))
    file.seek(name + extra, io.SEEK_CUR)
    with ZstdDecompressor().stream_reader(io.BytesIO(file.read(info.compress_size))) as plain:
        return bytes(plain.read(info.file_size))


def is_archive(path: Path) -> bool:
    return path.suffix.lower() == ".eval"
