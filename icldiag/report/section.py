"""One analysis in the report, with everything that a rendering of it needs, under one name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from icldiag.page.blocks import Block

if TYPE_CHECKING:
    from icldiag.model.readout import Progress
    from icldiag.report.settings import ReportSettings
    from icldiag.session import Session

Question = Literal["What failed", "Why", "What mends it", "How the model reads the prompt"]
#: In the order of the summary.
QUESTIONS: tuple[Question, ...] = ("What failed", "Why", "What mends it", "How the model reads the prompt")


class Fields(BaseModel):
    """Base of the report's JSON shapes. Readers ignore fields that they do not know: a later version may have more."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class SectionFields(Fields):
    """What every section has."""

    reading: str | None = None  # absent from reports of icldiag before it was told


@dataclass(frozen=True)
class Section:
    """How to compute an analysis for a report, and what to show of it.

    `reading` and `blocks` also take None for the session, as in a notebook where the result stands alone: what they
    would need the prompt for is left out then.
    """

    title: str
    question: Question  # the reading answers it in the summary
    fields: type[SectionFields]  # the shape of `values`
    compute: Callable[[Session, ReportSettings, Progress], Any]
    values: Callable[[Any], dict[str, Any]]
    reading: Callable[[Any, Session | None], str]
    blocks: Callable[[Any, Session | None], Sequence[Block]]
    main: str  # the table that `to_frame` gives
