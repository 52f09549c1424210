"""A conversation for a chat model: messages with roles, or the text of its turns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from icldiag.prompt.importers.importer import Import, Importer, MoreLabels, names

if TYPE_CHECKING:
    from icldiag.prompt.chats import Chats


def read(
    file: Annotated[
        Path, typer.Argument(metavar="[FILE]", help="JSON, JSONL, ChatML or Llama 3; '-' or nothing reads stdin.")
    ] = Path("-"),
    labels: MoreLabels = None,
) -> Import:
    """Import messages, or turns as ChatML or Llama 3 writes them, as a prompt with 'chat: true'."""
    from icldiag.inputs.files import read_standard_input, read_text
    from icldiag.prompt.chats import read_chats

    piped = str(file) in ("-", "/dev/stdin")
    text = read_standard_input() if piped else read_text(file)
    return as_import(read_chats(text, None if piped else file, names(labels)))


def as_import(chats: Chats) -> Import:
    from icldiag.prompt.chats import require_same_tokens

    def check(tokenizer: Any) -> str:
        return f"its turns are the same {require_same_tokens(chats, tokenizer)} tokens as those that were given"

    return Import(chats.prompt, chats.notes, check=check)


def recognises(path: Path) -> bool:
    from icldiag.errors import IcldiagError
    from icldiag.inputs.files import is_file, read_start, read_text
    from icldiag.prompt.chats import read_chats
    from icldiag.prompt.conversation import is_written_conversation
    from icldiag.prompt.turns import is_written

    if not is_file(path):
        return False
    try:
        start = read_start(path, 1 << 12).decode("utf-8-sig", errors="replace")
        if not is_written_conversation(start) and not is_written(start):
            return False
        read_chats(read_text(path), path)
    except (IcldiagError, OSError):  # it is told as what it is, where it is read
        return False
    return True


IMPORTER = Importer(read, guesses=True, recognises=recognises, in_turns=True)
