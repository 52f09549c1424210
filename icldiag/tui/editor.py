"""Key e: the prompt in the user's editor. What they type is never written over, removed or forgotten.

The prompt file itself is opened where the session's prompt is what it holds. A prompt that was changed in the session
is opened as a draft, a file of its own in the working directory, and so is a sample that came with icldiag. A draft
that nobody has changed goes again.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App, SuspendNotSupported

from icldiag.errors import IcldiagError
from icldiag.files import free_path, write_whole
from icldiag.inputs.files import is_file, is_there, open_file
from icldiag.prompt.write import as_yaml
from icldiag.quoting import quoted_path
from icldiag.samples import is_sample
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.prompt.schema import Prompt
    from icldiag.tui.edits import Edits

_AT_ONCE = 1.0  # seconds in which nobody has written anything: an editor with a window of its own, which is still open


@dataclass
class Draft:
    """A file of ours for the editor. What it holds other than `seen` is the user's, and was not taken yet."""

    path: Path
    seen: bytes
    prompt: Prompt  # that the session took from it, or that was written to it
    ours: bool = True  # nobody has changed it

    @property
    def waits(self) -> bool:
        """Whether the user has written to it since it was looked at."""
        return is_file(self.path) and _content(self.path) != self.seen


class Editor:
    """Opens the editor, and makes what comes back a change of the prompt that undo takes back."""

    def __init__(self, app: App[None], edits: Edits, save: Callable[[], object]) -> None:
        self.app, self.edits, self._save = app, edits, save
        self._tell = edits.screen.tell
        self.draft: Draft | None = None
        self.open = False  # the terminal is the editor's
        self._taken: tuple[Path, Prompt] | None = None  # the last change, and where it stands
        self._again: Path | None = None  # a file that the session could not take: it is opened as it is

    def edit(self) -> None:
        try:
            path = self._to_open()
        except IcldiagError as error:
            self._tell(visible(str(error)), "Not opened", "error")
            return
        draft = self.draft if self.draft is not None and self.draft.path == path else None
        began = time.monotonic()
        if not self._run_editor(path):
            self.tidy()
            return
        content = _content(path)
        if draft is not None and content == draft.seen and path != self._again:
            if time.monotonic() - began < _AT_ONCE and draft.ours:
                text = f"{visible(str(path))} was not changed. If the editor is open, save there, then press e again."
                self._tell(text)
            else:
                self.tidy()
        elif is_file(path):
            self._take(path, content, draft)
        else:
            lost = "is no file any more" if is_there(path) else "is gone"
            text = f"{visible(str(path))} {lost}. The prompt here is kept: w in panel Prompt saves it."
            self._tell(text, "Not read", "warning", 15)

    def refused(self, prompt: Prompt | None) -> None:
        """The model cannot take this prompt: if it came from the editor, its text is opened again."""
        if self._taken is not None and self._taken[1] is prompt:
            self._again = self._taken[0]

    # ---- which file -------------------------------------------------------------------------------------------------

    def _to_open(self) -> Path:
        """Raises IcldiagError: a draft cannot be written."""
        state, draft = self.edits.state, self.draft
        if self._again is not None and is_file(self._again):
            return self._again
        if draft is not None and draft.waits:
            return draft.path
        own = is_sample(state.path)
        if state.prompt is None or (state.edits == 0 and not own):
            return state.path
        if draft is not None and is_file(draft.path) and draft.prompt == state.prompt:
            return draft.path
        return self._write_draft(state.prompt, "" if own else "-edited")

    def _write_draft(self, prompt: Prompt, ending: str) -> Path:
        name = f"{self.edits.state.path.stem}{ending}.yaml"
        text = as_yaml(prompt)
        if self.draft is not None and self.draft.ours and is_file(self.draft.path):
            places = [self.draft.path]
        else:
            places = [free_path(folder / name) for folder in _folders()]
        for number, path in enumerate(places, start=1):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(text, path)
            except (OSError, IcldiagError) as error:
                if number == len(places):
                    raise IcldiagError(f"cannot write {quoted_path(path)} for the editor: {error}") from None
            else:
                self.draft = Draft(path, text.encode(), prompt)
                return path
        raise AssertionError("there is always a place to try")

    # ---- the editor -------------------------------------------------------------------------------------------------

    def _run_editor(self, path: Path) -> bool:
        """Whether one was opened."""
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        failure: OSError | ValueError | None = None
        status = 0
        self._save()
        try:
            with self.app.suspend():
                self.open = True
                try:
                    status = subprocess.run([*shlex.split(editor), str(path)], check=False).returncode
                except (OSError, ValueError) as error:  # one that left this block would leave the app suspended
                    failure = error
        except SuspendNotSupported:
            self._tell("No editor can be opened in this terminal; edit the file elsewhere, then r.")
            return False
        finally:
            self.open = False
        if failure is not None:
            reason = failure.strerror if isinstance(failure, OSError) else failure
            self._tell(f"{visible(editor)}: {reason}; set EDITOR to the command of an editor", "Not opened", "error")
            return False
        if status:
            how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
            self._tell(f"{visible(editor)} {how}.", severity="warning")
        return True

    # ---- what came back ---------------------------------------------------------------------------------------------

    def _take(self, path: Path, content: bytes, draft: Draft | None) -> None:
        edits, state = self.edits, self.edits.state
        self._again = None
        if draft is not None:
            draft.seen, draft.ours = content, False
            if is_sample(state.path):  # from here on the user's copy is the session's file
                state.path = path
                state.of_file = draft.prompt.hash
        taken = edits.take_file(path)
        if taken is not None:
            self._taken = (path, taken)
        if draft is None:
            return
        if state.prompt is not None and taken is not None:
            draft.prompt = taken
        elif edits.wrong == path:
            self._again = path
        again = "; e opens it again." if self._again else ""
        self._tell(f"Your text is in {visible(str(path))}{again}", seconds=10)

    def tidy(self) -> None:
        """A draft that nobody has written to goes."""
        draft = self.draft
        if draft is not None and draft.ours and not draft.waits:
            with suppress(OSError):
                draft.path.unlink(missing_ok=True)
            self.draft = None


def _folders() -> list[Path]:
    import platformdirs

    return [Path.cwd(), platformdirs.user_data_path("icldiag") / "prompts"]


def _content(path: Path) -> bytes:
    """Of a file that may be gone, or never have been there."""
    with suppress(OSError), open_file(path) as file:
        return file.read()
    return b""
