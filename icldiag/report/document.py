"""The report as plain values, ready for JSON: names are part of the schema, undefined numbers are None."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from icldiag.analyses import ANALYSES
from icldiag.analyses.analysis import Context
from icldiag.analyses.request import Request, SoFar
from icldiag.arguments import Index, checked
from icldiag.errors import AnalysisError, WrongRequest
from icldiag.model.readout import Progress, silent, step_of
from icldiag.page.blocks import Piece
from icldiag.prompt.encode import query_tokens
from icldiag.prompt.write import as_yaml
from icldiag.quoting import did_you_mean, quoted
from icldiag.render.tokens import token_pieces
from icldiag.report.identity import command_of, environment, in_its_file, weights_hash
from icldiag.report.redaction import Redaction
from icldiag.report.repaired import CAUSES, COMPARED, NOT_YET, Repaired
from icldiag.report.settings import ReportSettings
from icldiag.report.subject import model_values, prompt_values
from icldiag.session import Session
from icldiag.version import __version__

SCHEMA = "icldiag-report/1"
#: The app's names of the panels that are called otherwise than what they show: either name may be asked for.
PANELS = {
    "why": "explanation",
    "labels": "confusion",
    "flow": "saliency",
    "isolate": "isolation",
    "extract": "extraction",
    "heads": "circuits",
    "patch": "patching",
    "repair": "repairs",
    "reweight": "reweighting",
    "compress": "compression",
}


def chosen_sections(only: Sequence[str] | None) -> list[str]:
    """The sections to compute, in the report's order. Raises AnalysisError for an unknown name."""
    if only is None:
        return list(ANALYSES)
    only = [PANELS.get(name.lower(), name.lower()) for name in only]
    for name in only:
        if name not in ANALYSES:
            wrong = f"there is no analysis {quoted(name)}" if name else "the name of an analysis is missing"
            raise WrongRequest(f"{wrong}; {did_you_mean(name, [*ANALYSES, *PANELS])}choose from {', '.join(ANALYSES)}")
    return [name for name in ANALYSES if name in only]


@dataclass(frozen=True)
class Report:
    """Results of the chosen analyses of one session, by section name."""

    session: Session
    results: dict[str, Any]
    settings: ReportSettings = field(default_factory=ReportSettings)
    left_out: dict[str, str] = field(default_factory=dict)  # why an analysis is not there
    command: str | None = None  # that computes the same; None for a prompt made in memory
    unsaved: str | None = None  # the prompt as a file, where it has changes that are in none
    weights: str | None = None  # see `weights_hash`
    made: str = ""  # when, in UTC
    query: int | None = None  # the one that it speaks of, where not of all
    redaction: Redaction | None = None  # where the texts are left out
    repaired: Repaired | None = None  # a repair that is on in the session's prompt
    before: Report | None = None  # what was found of the causes without it

    @cached_property
    def context(self) -> Context:
        """What the sections are told of the prompt."""
        context = replace(context_of(self.session, self.settings), query=self.query)
        return context if self.redaction is None else self.redaction.context(context)

    def redacted(self) -> Report:
        """The same without the user's texts: ids, label names and numbers."""
        redaction = Redaction(self.session.prompt)
        shown, before = redaction.shown(self.results), None if self.before is None else self.before.redacted()
        return replace(self, results=shown, command=None, unsaved=None, redaction=redaction, before=before)

    def reading(self, name: str) -> str:
        """Of a section; what was found without the repair that is on says so."""
        said = ANALYSES[name].section.reading(self.results[name], self.context)
        earlier = name == "repairs" and self.repaired is not None and self.repaired.tried is not None
        return f"{COMPARED} {said}" if earlier else said

    def sections(self) -> dict[str, Any]:
        """What was found, by section."""
        found = self.results.items()
        return {
            name: {"reading": self.reading(name), **ANALYSES[name].section.values(result)} for name, result in found
        }

    def values(self) -> dict[str, Any]:
        """Everything as JSON values."""
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "icldiag": __version__,
            "made": self.made,
            "command": self.command,
            "environment": environment(),
            "model": {**model_values(self.session), "weights_sha256": self.weights},
            "prompt": prompt_values(self.session, self.context.prompt),
            "unsaved": self.unsaved,
            "redacted": self.redaction is not None,
            "settings": {**asdict(self.settings), "beta": self.session.beta},
        }
        if self.repaired is not None:
            before = None if self.before is None else self.before.sections()
            told = {name: getattr(self.repaired, name) for name in ("name", "effect", "earlier")}
            document["repaired"] = {**told, "before": before}
        document |= self.sections()
        if self.left_out:
            document["left_out"] = self.left_out
        if self.redaction is not None:
            document = self.redaction.shown(document)
        return plain(document)  # type: ignore[no-any-return]


@checked
def make_report(
    session: Session,
    only: Sequence[str] | None = None,
    settings: ReportSettings | None = None,
    progress: Progress = silent,
    command: str | None = None,
    each_section: Callable[[int, int], object] = lambda number, count: None,
    each_result: Callable[[str, Any, Context], object] = lambda name, result, context: None,
    query: Index | None = None,
    computed: bool = False,
    repaired: Repaired | None = None,
    before: Report | None = None,
) -> Report:
    """Compute the chosen analyses.

    Of all, which is the default, those that this prompt cannot have are left out and named with their reason; an
    analysis that was asked for by name and cannot be computed raises its AnalysisError. `each_section` is told the
    number of each, from 1, and how many there are, before it is computed; `each_result` its result.

    Args:
        query: what can be asked about one query is asked about this one alone.
        computed: take only answers that are there already, about all queries or else about `query`; compute none.
        repaired: the repair that is on in the session's prompt. Its table is taken where `computed` finds no other.
        before: the report of the prompt without it, see `causes`.
    """
    settings = settings or ReportSettings()
    results: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    earlier = False  # the repairs are those of `repaired`
    names = chosen_sections(only)
    settings.check(session.model.n_layers, session.model.n_heads)
    session.prediction(progress)  # first: the context has it
    context = replace(context_of(session, settings), query=None if computed else query)
    for number, name in enumerate(names, start=1):
        each_section(number, len(names))
        section = ANALYSES[name].section
        try:
            if computed:
                results |= _computed(session, name, (context, replace(context, query=query)))
                if name == "repairs" and name not in results and repaired is not None and repaired.tried is not None:
                    results[name], earlier = repaired.tried, True
                elif name not in results:
                    left_out[name] = "not computed yet" if repaired is None else NOT_YET
                continue
            requests = section.requests(context)
            answers = [
                session.ask(
                    request, step_of(progress, request.job, done, len(requests)) if len(requests) > 1 else progress
                )
                for done, request in enumerate(requests)
            ]
            results[name] = section.gather(answers, context)
            each_result(name, results[name], context)
        except AnalysisError as error:
            if only is not None and not computed:
                raise
            left_out[name] = str(error)
    unsaved = None if command is not None or in_its_file(session.prompt) else as_yaml(session.prompt)
    return Report(
        session,
        results,
        settings,
        left_out,
        command or command_of(session, list(results) if computed else only, settings, saved=unsaved is None),
        unsaved,
        weights_hash(session.model, progress),
        datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        query,
        repaired=repaired if repaired is None or earlier else replace(repaired, tried=None),
        before=before,
    )


def causes(session: Session, query: int | None) -> Report | None:
    """What was computed already of the causes: about all queries, or else about one; None where nothing was."""
    found = make_report(session, CAUSES, query=query, computed=True)
    return found if found.results else None


def _computed(session: Session, name: str, contexts: Sequence[Context]) -> dict[str, Any]:
    """The section's result by its name, from answers that are there, for the first of the contexts that has them."""
    section = ANALYSES[name].section
    for context in contexts:
        requests = section.requests(context)
        answers = [answer for request in requests if (answer := _kept(session, request)) is not None]
        if answers and (section.partial or len(answers) == len(requests)):
            return {name: section.gather(answers, context)}
    return {}


def _kept(session: Session, request: Request[Any]) -> Any:
    """The answer, or the last part of one that was stopped; None where neither is there."""
    found = session.peek(request)
    if found is not None or session.store is None or not request.keeps_parts:
        return found
    return session.store.get(SoFar(request.resolved(session)))


def context_of(session: Session, settings: ReportSettings) -> Context:
    """What sections may use of a session; answers its queries."""
    encoded, decode = session.encoded, session.model.tokenizer.decode

    def pieces(query: int) -> tuple[Piece, ...]:
        return token_pieces(encoded, query_tokens(encoded, session.model.tokenizer, query), query)

    def token_texts(query: int) -> tuple[str, ...]:
        ids = (*encoded.prefix, *encoded.queries[query].ids)
        return tuple(str(decode([token], clean_up_tokenization_spaces=False)) for token in ids)

    spans = tuple(demonstration.texts for demonstration in encoded.demonstrations)
    return Context(session.prompt, session.prediction(), session.model.n_layers, settings, pieces, token_texts, spans)


def plain(value: Any) -> Any:
    """NumPy and tuples to lists and numbers; NaN and infinities to None."""
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(member) for member in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
