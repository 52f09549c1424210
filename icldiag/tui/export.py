"""What leaves the app: reports, and the text of a panel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from icldiag.files import free_path, make_folder, replace_whole, write_whole
from icldiag.session_file import state_folder
from icldiag.tui.comparison import counts_since, on_others
from icldiag.tui.export_screen import Content, ExportChoice
from icldiag.tui.loading import on_prompt
from icldiag.tui.run import Run
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.clients.write import ClientForm
    from icldiag.model.readout import Progress
    from icldiag.report.document import Report
    from icldiag.report.repaired import Repaired
    from icldiag.session import Session
    from icldiag.tui.desk import Desk
    from icldiag.tui.panels.base import Panel
    from icldiag.tui.state import State


class Export:
    """The report of the state that was shown when it began; it goes on whatever the user looks at or changes then."""

    def __init__(self, desk: Desk, leave: Callable[[], object]) -> None:
        self.desk, self._leave, self._tell = desk, leave, desk.screen.tell
        self.choice = ExportChoice()  # the last one
        self.written: list[str] = []  # where, in words
        self.then_quit = False  # when it has ended
        self.writing = threading.Lock()  # held while a file is written, so that none is left half

    @property
    def running(self) -> bool:
        return "export" in self.desk.jobs.running

    @property
    def so_far(self) -> str:
        return self.desk.state.doing.get("export", "")

    def ready(self) -> bool:
        """Whether an export can begin; why not is told."""
        state = self.desk.state
        if self.running:
            self._tell("An export is running; escape stops it.")
        elif state.stored:
            self._tell("These are answers of an earlier run; they can be exported when the model is loaded.")
        elif state.session is None or state.prediction is None:
            self._tell("Nothing to export until the model has answered.")
        else:
            return True
        return False

    def start(self, choice: ExportChoice, analysis: str) -> None:
        """Write what was chosen; `analysis` is that of the panel in front."""
        state, session = self.desk.state, self.desk.state.session
        if not self.ready() or session is None:
            return
        self.choice, self.written = choice, []
        folder, stem = choice.folder or Path.cwd(), state.path.stem
        content = Content(choice.scope, analysis, state.query, choice.redact)
        state.doing["export"] = "exporting"
        self.desk.screen.show("top")
        repaired, before = repair_on(state), self._before(session)
        beside = self.desk.other.session if self.desk.other is not None else None

        def work(progress: Progress) -> None:
            make_folder(folder)
            where = folder, stem, choice.formats, content, progress, self.written.append, self.writing
            write_reports(session, *where, repaired, before())
            if beside is not None:
                from icldiag.tui.export_two import write_two

                write_two((session, beside), *where)

        self.desk.jobs.start(Run("export", object(), state, session), work)

    def _before(self, session: Session) -> Callable[[], Report | None]:
        """What was found of the causes without the repair that is on now. It is asked in a job: it may read a file."""
        applied, texts = self.desk.state.applied, session.prompt.queries[self.desk.state.query].texts
        if applied is None or applied.prediction is None:
            return lambda: None
        prompt, _, beta = applied.before
        kept = self.desk.kept.get(prompt, beta)
        query = next((place for place, one in enumerate(prompt.queries) if one.texts == texts), None)

        def found() -> Report | None:
            from icldiag.report.document import causes

            return causes(on_prompt(session, prompt, beta) if kept is None else kept.session, query)

        return found

    def for_clients(self, made: Callable[[], Session], form: ClientForm, target: Path) -> None:
        """Write a prompt for other programs, the logit biases after they were tried."""
        from icldiag.clients.text import PLACEHOLDER
        from icldiag.clients.write import write_for_clients

        state, session = self.desk.state, self.desk.state.session
        if not self.ready() or session is None:
            return
        self.written = []
        state.doing["export"] = "exporting"
        self.desk.screen.show("top")

        def work(progress: Progress) -> None:
            self.written.append(write_for_clients(made(), form, target, PLACEHOLDER, progress))

        self.desk.jobs.start(Run("export", object(), state, session), work)

    def stop(self) -> bool:
        """False where none runs."""
        running = self.running
        self.desk.jobs.cancel("export")
        return running

    def finished(self) -> None:
        self._tell("\n".join(map(visible, self.written)), "Written", seconds=10)
        if self.then_quit:
            self._leave()

    def failed(self, error: str | None) -> None:
        """With an error, or (None) because it was stopped."""
        self.then_quit = False
        written = "\n".join(["Written before:", *map(visible, self.written)] if self.written else [])
        if error is None:
            kept = written or "Nothing was written. What was computed is kept."
            self._tell(kept, "Export stopped", seconds=10)
        else:
            told = "\n".join(filter(None, (visible(error), written)))
            self._tell(told, "Not written", "error", 10)

    def quit(self, answer: str | None) -> None:
        """What the user chose when asked whether to wait for it."""
        if answer == "wait" and self.running:
            self.then_quit = True
            self._tell("icldiag quits when the export is written. Escape stops the export.")
        elif answer is not None:
            self._leave()


def repair_on(state: State) -> Repaired | None:
    """What is known of the repair that is on, for a report of the prompt with it."""
    applied = state.applied
    if applied is None:
        return None
    from icldiag.report.repaired import Repaired

    effect = " ".join(filter(None, (counts_since(state, applied), on_others(state))))
    changes = state.since_file
    earlier = tuple(one.name for one in changes if one is not None and one is not applied)
    return Repaired(applied.name, effect, applied.tried, earlier, changes.count(None))


def write_reports(
    session: Session,
    folder: Path,
    stem: str,
    formats: Sequence[str],
    content: Content,
    progress: Progress,
    wrote: Callable[[str], object],
    writing: AbstractContextManager[object],
    repaired: Repaired | None = None,
    before: Report | None = None,
) -> None:
    """Compute what is not there yet, and write each format into the folder, as a file or as a folder of files.

    What is there already stays: the name then gets a number.

    Args:
        wrote: told where each one is, in words, as soon as it is there.
        writing: held while files are written.
        repaired: the repair that is on.
        before: what was found of the causes without it.

    Raises IcldiagError.
    """
    from icldiag.page.formats import write_new
    from icldiag.report.document import make_report
    from icldiag.report.page import page_of
    from icldiag.report.write import as_json

    section = "exporting"

    def each(number: int, count: int) -> None:
        nonlocal section
        section = f"exporting {number} of {count}"

    def told(what: str, done: int, total: int) -> None:
        progress(f"{section}: {what}", done, total)

    report = make_report(
        session,
        content.sections,
        progress=told,
        each_section=each,
        query=None if content.scope == "everything" else content.query,
        computed=content.scope == "computed",
        repaired=repaired,
        before=before,
    )
    if content.redact:
        report = report.redacted()
    section = "exporting"
    page = page_of(report)
    for name in formats:
        told(f"writing {name}", 0, 0)
        with writing:
            if name == "json":
                place = free_path(folder / f"{stem}-report.json")
                write_whole(as_json(report), place)
                wrote(str(place))
            else:
                wrote(write_new(page, name, folder / f"{stem}-report", folder / stem, told))


class QuitScreen(ModalScreen[str]):
    """Asks whether to wait for the export: dismissed with "wait", "now", or None to stay."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w,enter", "answer('wait')", "wait for it, then quit"),
        Binding("q,ctrl+q,ctrl+c", "answer('now')", "quit now, without it"),
        Binding("escape", "answer('')", "stay"),
    ]

    def __init__(self, export: Export) -> None:
        super().__init__()
        self.export = export

    def compose(self) -> ComposeResult:
        with Vertical(id="ask"):
            yield Static("The export is not written yet", classes="title", markup=False)
            yield Static(visible(self.export.so_far), id="so-far", markup=False)
            yield Static("w  wait for it, then quit\nq  quit now, without it\nescape  stay", markup=False)

    def on_mount(self) -> None:
        self.set_interval(0.5, self.look)

    def look(self) -> None:
        """How far it is by now."""
        text = self.export.so_far if self.export.running else "It is written now."
        self.query_one("#so-far", Static).update(visible(text))

    def action_answer(self, answer: str) -> None:
        self.dismiss(answer or None)


def panel_text(state: State, panel: Panel) -> str:
    """All that a panel shows, under the prompt's name and the query."""
    text = panel.plain_text()
    if state.prompt is not None:
        text = f"{visible(state.prompt.name)}: {visible(state.prompt.queries[state.query].text)}\n\n{text}"
    return text


def keep_copied(text: str) -> Path:
    """Write what was copied last into icldiag's own folder, where it is in nobody's way. Raises OSError."""
    folder = state_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / "copied.txt"
    replace_whole(text, target)
    return target
