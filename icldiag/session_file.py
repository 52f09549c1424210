"""What is kept of a session of the app on disk, so that it can be resumed: one JSON file for each.

The results are not in it; they are found by content in the store. Files are written whole and renamed, and only the
instance that holds a session's lock writes to it, so instances never harm each other. The last line is the SHA-256 of
the others: damage is told, and never taken for what the user did.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from icldiag.analyses.isolation.cuts import CutKind
from icldiag.errors import IcldiagError, InputError
from icldiag.files import replace_whole
from icldiag.inputs.files import check_path, read_bytes
from icldiag.inputs.values import whole_number
from icldiag.model.settings import ModelSettings
from icldiag.own_files import drop_lock, is_locked, is_whole, sealed, sweep_up, take_lock, writing
from icldiag.prompt.fields import reason_of
from icldiag.prompt.schema import Prompt
from icldiag.prompt.template import complaint, in_braces
from icldiag.quoting import listed, quoted, shortened

_CURE = "icldiag resume --list shows those there are"

_NAMES = r"[A-Za-z0-9_-]+-[0-9a-f]{4}"
KEPT = 50  # sessions; of those that are not open, the oldest go first


class SessionError(InputError):
    """A saved session is not there or cannot be used."""


def _whole(prompt: Prompt) -> Prompt:
    """A prompt that `read_prompt` could have made."""
    if not (prompt.labels and prompt.queries):
        raise ValueError("labels and queries must not be empty")
    if wrong := complaint(prompt.template, prompt.fields):
        raise ValueError(wrong)
    own = [shown for query in (*prompt.queries, *prompt.examples) for shown in query.demonstrations]
    for example in (*prompt.demonstrations, *own, *prompt.queries, *prompt.examples):
        if {name for name, _ in example.fields or (("text", ""),)} != set(prompt.fields):
            raise ValueError(f"an example has not the texts of {in_braces(prompt.fields)}")
    if any(example.label is None for example in (*prompt.demonstrations, *own)):
        raise ValueError("every demonstration needs a label")
    for path in (prompt.path, prompt.beta.path if prompt.beta else None):
        if path is not None:
            _possible(path)
    return prompt


def _possible(path: Path) -> Path:
    """A path that a file can have."""
    try:
        check_path(path)
    except OSError as error:
        raise ValueError(error.strerror) from None
    return path


_STRICT = ConfigDict(extra="forbid", frozen=True)
SavedPrompt = Annotated[Prompt, AfterValidator(_whole)]
ViewValue = Annotated[int, Field(ge=-1, strict=True)] | Annotated[bool, Field(strict=True)] | str | None


class SavedRepair(BaseModel):
    """A repair that was applied, and can be taken off when what was changed after it is undone."""

    model_config = _STRICT
    name: str
    trial: str = ""  # what was known of its effect on other texts
    searched: Annotated[int, Field(ge=0)] | None = None  # the query that it was searched for, None for the prompt
    has_beta: bool = False  # which cannot be trained again, and is looked for where the search is kept
    change: Annotated[int, Field(ge=0)]  # its place among the changes of `undo`


class SavedState(BaseModel):
    """One prompt and what intervenes."""

    model_config = _STRICT
    prompt: SavedPrompt
    undo: tuple[SavedPrompt, ...] = ()  # what the prompt was before each change made in place
    of_file: str | None = None  # hash of the prompt that the file held; None in sessions saved before it was kept
    query: Annotated[int, Field(ge=0)] = 0
    marked: tuple[Annotated[int, Field(ge=0)], ...] = ()  # queries that the user marked
    cut_kind: CutKind = "text_to_label"
    cut_layers: tuple[Annotated[int, Field(ge=0)], ...] = ()
    cut_heads: tuple[tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]], ...] = ()  # (layer, head)
    repairs: tuple[SavedRepair, ...] = ()
    narrowed: tuple[Annotated[int, Field(ge=0)], ...] = ()  # the queries left of the last prompt in `undo`; () for all
    beta: dict[str, int | float | Literal["anchor"] | tuple[()] | None] | None = None  # in force: `TrainingSettings`
    trained_on: SavedPrompt | None = None  # the earlier prompt that a re-weighting was trained on, in force or not

    @property
    def edits(self) -> int:
        """How many changes the prompt is away from the one that its file held; reading the file again is none."""
        of_file = self.of_file or (self.undo[0] if self.undo else self.prompt).hash
        return changes_since(of_file, self.prompt, self.undo)


def changes_since(of_file: str | None, prompt: Prompt, undo: Sequence[Prompt]) -> int:
    """How many steps of undo lead from a prompt to the one with this hash; all of them where none does."""
    before = [prompt, *reversed(undo)]
    return next((steps for steps, one in enumerate(before) if one.hash == of_file), len(undo))


class SavedSession(BaseModel):
    """Everything that is needed to go on."""

    model_config = _STRICT
    format: Literal["icldiag-session/1"] = "icldiag-session/1"
    saved: datetime = datetime.fromtimestamp(0, UTC)  # set when it is written
    prompt_file: Annotated[Path, AfterValidator(_possible)]
    model: ModelSettings
    against: ModelSettings | None = None  # the other model that the prompt is asked too, in place of a pinned state
    beside: bool = True  # its answers are shown
    panel: str
    views: dict[str, dict[str, ViewValue]] = {}  # chosen layer and the like, by panel
    filter: str = ""
    now: SavedState
    pinned: SavedState | None = None
    sha256: Annotated[str | None, Field(exclude=True)] = None  # of the file; it is compared there

    def to_json(self) -> str:
        """As it is written, with the time."""
        timed = self.model_copy(update={"saved": datetime.now(UTC).replace(microsecond=0)})
        return sealed(timed.model_dump_json(indent=1))


def state_folder() -> Path:
    """`$ICLDIAG_STATE`, or icldiag's place among the user's state files."""
    import platformdirs

    given = os.environ.get("ICLDIAG_STATE")
    return Path(given) if given else platformdirs.user_state_path("icldiag") / "sessions"


@dataclass
class SessionFile:
    """The place of one session, and the lock that says that it is open."""

    id: str
    folder: Path
    lock: IO[bytes] | None = field(default=None, repr=False)

    @property
    def path(self) -> Path:
        return self.folder / f"{self.id}.json"

    @staticmethod
    def new(stem: str, folder: Path | None = None) -> SessionFile:
        """A place that no other instance has, named after the prompt file. Raises OSError."""
        folder = folder or state_folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:24] or "prompt"
        while True:
            found = SessionFile(f"{name}-{secrets.token_hex(2)}", folder)
            if not found.path.exists() and found.take():
                return found

    @property
    def lock_path(self) -> Path:
        return self.folder / f"{self.id}.lock"

    def take(self) -> bool:
        """Lock it for this process; False where another instance has it open. Raises OSError."""
        self.lock = take_lock(self.lock_path)
        return self.lock is not None

    @property
    def is_open(self) -> bool:
        """Whether some instance has it open at the moment."""
        return self.lock is not None or is_locked(self.lock_path)

    def read(self) -> SavedSession:
        """Raises SessionError: the file is gone, cannot be read, is damaged, or is not a session."""
        try:
            content = read_bytes(self.path)
            session = SavedSession.model_validate_json(content)
        except FileNotFoundError:
            raise SessionError(f"there is no session {quoted(self.id)}; {_CURE}") from None
        except OSError as error:
            raise SessionError(f"cannot be read ({error.strerror}); fix or remove it", path=self.path) from None
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            if first["loc"] == ("format",) and is_whole(content):
                raise SessionError(
                    "this is no session of this version of icldiag; resume it with the version that saved it, or "
                    "remove it",
                    path=self.path,
                ) from None
            place = ".".join(shortened(str(part)) for part in first["loc"])
            reason = f"{place}: {reason_of(first)}" if place else reason_of(first)
            raise SessionError(f"this saved session is broken ({reason}); fix or remove it", path=self.path) from None
        except IcldiagError as error:  # of a prompt or of settings, which look at their own fields
            raise SessionError(f"this saved session is broken ({error}); fix or remove it", path=self.path) from None
        if session.sha256 is not None and not is_whole(content):  # None: as an earlier icldiag wrote them
            reason = (
                "this saved session is damaged (its content does not match its SHA-256); remove it, "
                'or its line "sha256" if you changed it by hand'
            )
            raise SessionError(reason, path=self.path)
        return session.model_copy(update={"sha256": None})

    def write(self, session: SavedSession) -> None:
        """Whole or not at all. Raises OSError."""
        with writing(self.folder):
            replace_whole(session.to_json(), self.path)

    def close(self) -> None:
        """Let others open it."""
        if self.lock is not None:
            drop_lock(self.lock, self.lock_path)
            self.lock = None


def session_files(folder: Path | None = None) -> list[SessionFile]:
    """All that are saved, the latest first."""
    folder = folder or state_folder()
    dated = []
    for path in folder.glob("*.json"):
        with suppress(OSError):  # pruned by another instance
            dated.append((path.stat().st_mtime_ns, path.stem))
    return [SessionFile(name, folder) for _, name in sorted(dated, reverse=True)]


def find_session(which: str, folder: Path | None = None) -> SessionFile:
    """By its number in the list (from 1), its id, or how the id begins. Raises SessionError."""
    files = session_files(folder)
    if not which.strip():
        raise SessionError(f"an empty id names no session; {_CURE}")
    number = whole_number(which)
    if number is not None and 1 <= number <= len(files):
        return files[number - 1]
    found = [file for file in files if file.id == which] or [file for file in files if file.id.startswith(which)]
    if len(found) == 1:
        return found[0]
    if found:
        raise SessionError(f"{len(found)} sessions begin with {quoted(which)}: {listed(file.id for file in found)}")
    raise SessionError(f"there is no session {quoted(which)}; {_CURE}")


def prune(folder: Path, kept: int = KEPT) -> None:
    """Remove the oldest sessions beyond `kept` that no instance has open, and what killed instances left behind."""
    for file in session_files(folder)[kept:]:
        with suppress(OSError):
            if file.take():
                with suppress(OSError):
                    file.path.unlink()
                file.close()
    sweep_up(folder, rf"{_NAMES}\.json")
    for path in folder.glob("*.lock"):
        with suppress(OSError):
            if re.fullmatch(_NAMES, path.stem) and path.is_file() and (lock := take_lock(path)):
                drop_lock(lock, path)
