"""What can go wrong in a way that a user can act on: one sentence each, and an exit code.

docs/reliability.md says what each exit code means.

Anything else that is raised is a bug of ours and may show its traceback.
"""

from __future__ import annotations

from pathlib import Path

from icldiag.quoting import shortened, shortened_path
from icldiag.shipped import shown_name


class IcldiagError(Exception):
    """Base of all errors that are shown as one sentence. The message names the cure."""

    exit_code = 1


class UsageError(IcldiagError):
    """An argument or an option cannot be used as given."""

    exit_code = 2


class InputError(IcldiagError):
    """A file that is given to be read cannot be used as written.

    `line` counts from 1; `field` is the dotted path inside the file, such as `demonstrations[2].label`.
    """

    exit_code = 2

    def __init__(
        self, message: str, *, path: Path | str | None = None, line: int | None = None, field: str | None = None
    ) -> None:
        self.message, self.path, self.line, self.field = message, path, line, field
        shown = None if path is None else shortened_path(shown_name(path))
        place = ":".join(str(part) for part in (shown, line) if part is not None)
        super().__init__(": ".join(part for part in (place, field and shortened(field), message) if part))


class PromptError(InputError):
    """The prompt file, or a file that it names, cannot be used as written."""


class ModelError(IcldiagError):
    """The model or its tokenizer cannot be loaded, or cannot be instrumented exactly."""

    exit_code = 3


class AnalysisError(IcldiagError):
    """An analysis cannot be computed for this prompt and model."""

    exit_code = 4


class WrongRequest(UsageError, AnalysisError):
    """An analysis is asked for in words that mean none, whatever prompt and model."""


class WrongBeta(InputError, AnalysisError):
    """A saved re-weighting that cannot be used as its file is."""


class NotFinite(AnalysisError):
    """The model's scores are no finite numbers, so that nothing may be called its answer."""


class NotStored(AnalysisError):
    """A result is asked for without the model, and no earlier run computed it."""


class Cancelled(IcldiagError):
    """Raised by a progress callback to stop a computation between two layers or batches."""

    exit_code = 130
