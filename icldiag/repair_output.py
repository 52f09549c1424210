"""What `icldiag repair` prints and writes."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TextIO

from icldiag.analyses.repairs import (
    FindRepairs,
    Repair,
    Repairs,
    Trial,
    alike,
    finding,
    p_text,
    sorted_by,
    tried_kind,
    verdict,
)
from icldiag.analyses.reweighting.beta_file import save_beta
from icldiag.analyses.search.biases import adds_alone
from icldiag.clients.write import ClientForm
from icldiag.counting import counted
from icldiag.errors import AnalysisError, IcldiagError, UsageError, WrongRequest
from icldiag.files import free_path, is_stdout, write_document
from icldiag.inputs.files import is_there
from icldiag.inputs.values import whole_number
from icldiag.model.readout import Progress
from icldiag.prompt.adjustments import SavedBeta
from icldiag.prompt.read import read_prompt
from icldiag.prompt.rewrite import rewritten, write_prompt
from icldiag.prompt.schema import Prompt
from icldiag.quoting import quoted, shortened
from icldiag.session import Session
from icldiag.shipped import shown_name
from icldiag.visible import visible

_NUMBERS = re.compile(r"[+-] {4,}[^:]+:(?: -?[\d.e+-]+)?$")  # of a calibration, by class
_SHOWN = 8  # such lines that stand side by side in a diff


def chosen_query(prompt: Prompt, wanted: str) -> int:
    """The query of this number, counted from 1, or the only one whose text holds the words. Raises AnalysisError."""
    if wanted.isdecimal():
        number = whole_number(wanted)
        if number is None or not 1 <= number <= len(prompt.queries):
            raise WrongRequest(f"--query {shortened(wanted)}: there are queries 1 to {len(prompt.queries)}")
        return number - 1
    found = [place for place, query in enumerate(prompt.queries) if wanted.casefold() in query.text.casefold()]
    if len(found) != 1:
        places = ", ".join(str(place + 1) for place in found[:8])
        which = f"queries {places} hold this text; give a number" if found else "no query holds this text"
        raise WrongRequest(f"--query {quoted(wanted)}: {which}")
    return found[0]


@contextmanager
def closing_words(to: TextIO) -> Iterator[list[str]]:
    """Lines that are printed at the end, however it comes: a reader that left early (`| head`) costs no file."""
    told: list[str] = []
    try:
        yield told
    finally:
        if told:
            print("\n".join(told), file=to)


def search(session: Session, request: FindRepairs, progress: Progress) -> Repairs:
    """What is found; a new best is told in short on stderr, and Ctrl-C ends the search with what there is.

    Raises:
        KeyboardInterrupt: nothing was tried yet.
    """
    parts: list[Repairs] = []

    def tell(part: Repairs) -> None:
        if not parts or part.confirmed != parts[-1].confirmed:
            print(f"so far: {visible(_in_a_line(part))}", file=sys.stderr, flush=True)
        parts.append(part)

    try:
        return session.ask(request, progress, tell)
    except KeyboardInterrupt:
        if not parts:
            raise
        print(f"icldiag: stopped after {len(parts[-1].trials)} candidates; the best so far counts", file=sys.stderr)
        return parts[-1]


def _in_a_line(repairs: Repairs) -> str:
    """What leads, of a search that goes on: its end says the whole."""
    best, effect = repairs.best, repairs.confirmed
    if best is None or effect is None:
        return f"none of {len(repairs.trials)} {tried_kind(repairs)}s gains"
    texts = counted(effect.count, "held-out text")
    return f"{best.repair.name}, {effect.right_before} of {texts} right before, {effect.right_after} after"


def summary(repairs: Repairs) -> str:
    """The finding and what it rests on."""
    sizes = [len(part) for part in (repairs.fitting, repairs.selection, repairs.confirmation)]
    parts = (
        f"{counted(sizes[1], 'labelled text')} to choose by, and {sizes[0]} more for what is not made from them; "
        f"confirmed on {sizes[2]}, each left out of fit and choice"
    )
    shared = "; the prompt's queries are among them, as 'examples' has too few" if repairs.with_queries else ""
    return f"{visible(finding(repairs))}\n({parts}{shared})"


def ranking(repairs: Repairs, count: int) -> Iterator[str]:
    """The best repairs, a line each: net gain, mended and broken on the selection part, p, the queries, the cost."""
    if not count:
        return
    yield sorted_by(repairs)
    uneven = repairs.uneven
    heads = f"{'  alike' if uneven else ''}  repair (selection part: {len(repairs.selection)} examples)"
    yield f"rank  net   fixed broken      p  queries  tokens{heads}"
    for rank, trial in enumerate(repairs.trials[:count], start=1):
        effect = trial.selection
        of = "" if repairs.query is None else f": {verdict(repairs, trial, repairs.query)}"
        yield visible(
            f"{rank:4}  {effect.net:+3}  {len(effect.mended):6} {len(effect.broken):6} {p_text(effect.p_value):>6}  "
            f"{trial.queries.net:+7}  {trial.tokens - repairs.tokens_before:+6}  "
            f"{f'{alike(effect):>5}  ' if uneven else ''}{trial.repair.name}{of}"
        )


def chosen_trial(repairs: Repairs, rank: int | None) -> Trial | None:
    """The repair of a rank from 1 on, or else the winner if it holds. Raises IcldiagError: so many were not tried."""
    if rank is None:
        return None if repairs.holds is False else repairs.best
    if rank > len(repairs.trials):
        raise UsageError(f"--take {rank}: only {len(repairs.trials)} repairs were tried")
    return repairs.trials[rank - 1]


def repaired(session: Session, repairs: Repairs, trial: Trial, form: ClientForm, choice: str = "number {}") -> Session:
    """The same model on the repaired prompt, for use by other programs.

    Args:
        choice: how the user takes the repair of a rank.

    Raises:
        AnalysisError: the repair does what these cannot; it says which other one may be taken.
    """
    repair = trial.repair
    cannot = _beyond(repair, form)
    if cannot is not None:
        others = (place for place, other in enumerate(repairs.trials) if _beyond(other.repair, form) is None)
        place, cure = next(others, None), ""
        if place is not None:
            other = f"{choice.format(place + 1)}, {quoted(repairs.trials[place].repair.name)}"
            cure = f"; the best repair that does not is {other}"
        raise AnalysisError(f"the repair {quoted(repair.name)} {cannot}{cure}")
    return session.without_beta().with_prompt(repair.apply(session.prompt))


def repairs_nothing(repair: Repair, prompt: Prompt, form: ClientForm) -> bool:
    """Whether all that a repair changes is a calibration, which the form has no place for."""
    before, after = (replace(one, calibration=None).hash for one in (prompt, repair.apply(prompt)))
    return form != "logit-bias" and before == after


def _beyond(repair: Repair, form: ClientForm) -> str | None:
    """What a repair does that another program cannot."""
    if repair.beta is not None:
        return "scales attention, which other programs cannot"
    if repair.retrieval is not None:
        return "shows each query examples of its own, which one text cannot hold"
    if form == "logit-bias" and not adds_alone(repair.calibration):
        return "multiplies label scores, which logit biases cannot"
    return None


def repair_diff(session: Session, trial: Trial, output: Path | None) -> str:
    """What the repaired file changes in the old one."""
    prompt = session.prompt
    folder = _folder(output) if output is not None else (prompt.path.parent if prompt.path else Path.cwd())
    place = _beta_place(output or folder / "repaired.yaml")
    changed = trial.repair.apply(prompt, SavedBeta(place, ""))
    old, new = rewritten(prompt, changed, folder)
    names = prompt.name if prompt.path is None else shown_name(prompt.path), str(output or "repaired")
    lines = difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), *names)
    return "\n".join(_folded([visible(line.rstrip("\n")) for line in lines]))


def _folded(lines: list[str]) -> Iterator[str]:
    """A diff's lines, those of a matrix's numbers as one."""
    for is_numbers, found in groupby(lines, lambda line: _NUMBERS.match(line) is not None):
        run = list(found)
        yield from run if not is_numbers or len(run) <= _SHOWN else [f"{run[0][0]}    ... {len(run)} lines of numbers"]


def write_repair(session: Session, repair: Repair, output: Path) -> Prompt | None:
    """Write the repaired prompt file, and a beta beside it; the prompt as it is read back, None where it cannot be.

    `-` is stdout. Into it, and into a device or pipe, goes a prompt that names its files from the working directory.

    Raises:
        IcldiagError: a file cannot be written, or a beta has no place beside what is no file.
    """
    prompt = session.prompt
    if _is_no_file(output):
        if repair.beta is not None:
            raise IcldiagError(f"the repair {repair.name!r} needs a beta file beside the prompt; name a file with -o")
        write_document(rewritten(prompt, repair.apply(prompt), _folder(output))[1], output)
        return None
    saved = None
    if repair.beta is not None:
        place = _beta_place(output)
        save_beta(place, repair.beta, session.model.name, repair.apply(prompt))
        saved = SavedBeta.at(place)
    return write_prompt(rewritten(prompt, repair.apply(prompt, saved), output.parent)[1], output)


def verify(session: Session, repairs: Repairs, trial: Trial, output: Path, progress: Progress) -> str:
    """Open the written file and answer its queries: what it does, in a sentence.

    Raises:
        AnalysisError: it does not answer as the repair did.
    """
    opened = Session(read_prompt(output), session.model)
    answers = opened.prediction(progress)
    changed = int((answers.predicted != trial.predicted).sum())
    if changed:
        raise AnalysisError(f"{output}: {changed} answers differ from those that were verified; do not use this file")
    before = session.prediction(progress).correct
    return (
        f"Written to {visible(str(output))} and opened again: of the {len(answers.labelled)} labelled queries in this "
        f"file {before} were right before, {answers.correct} are now; {cost(repairs, trial)}."
    )


def _is_no_file(output: Path) -> bool:
    """Whether what is written there cannot be opened again: stdout, a device, a pipe."""
    return is_stdout(output) or (output.exists() and not output.is_file())


def _folder(output: Path) -> Path:
    """From where the written prompt names its files."""
    return Path.cwd() if _is_no_file(output) else output.parent


def _beta_place(output: Path) -> Path:
    """Beside the prompt file: the file's own earlier beta, or its name, or a free one where another file has that."""
    place = output.with_suffix(".safetensors")
    if not is_there(place):
        return place
    with suppress(IcldiagError):
        own = read_prompt(output).beta
        if own is not None and own.path.parent == place.parent and own.path.stem.startswith(place.stem):
            return own.path
    return free_path(place)


def cost(repairs: Repairs, trial: Trial) -> str:
    """What every query costs afterwards."""
    tokens = trial.tokens - repairs.tokens_before
    more = "as many tokens as before" if tokens == 0 else f"{abs(tokens)} tokens {'more' if tokens > 0 else 'less'}"
    return f"every prompt has {more}, and needs {trial.repair.needs}"
