"""The app: bindings and handlers. What is computed is in `desk.py`; nothing here imports torch."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from icldiag.config import Config
from icldiag.crash import Facts
from icldiag.model.settings import ModelSettings
from icldiag.prompt.schema import Prompt
from icldiag.tui.autosave import SECONDS, Autosave, Resumption
from icldiag.tui.comparison import pin
from icldiag.tui.desk import Desk
from icldiag.tui.dialogs import Dialogs
from icldiag.tui.editor import Editor
from icldiag.tui.edits import Edits
from icldiag.tui.export import Export, keep_copied, panel_text
from icldiag.tui.export_screen import ExportChoice, ExportScreen
from icldiag.tui.interventions import toggle
from icldiag.tui.jobs import Jobs
from icldiag.tui.keys import with_ids
from icldiag.tui.messages import (
    BetaToggled,
    CancelWanted,
    ClientsWanted,
    JobFailed,
    JobFinished,
    JobPart,
    JobProgressed,
    PromptEdited,
    RepairApplied,
    ResultWanted,
)
from icldiag.tui.panels import FIRST, PANELS
from icldiag.tui.queries import QueryList
from icldiag.tui.saved import restore
from icldiag.tui.texts import query_screen
from icldiag.tui.textual_fixes.timers import MOMENT as MOMENT  # no timer waits for less
from icldiag.visible import visible


class DiagnosisApp(Dialogs):
    """One prompt on one model."""

    CSS_PATH = "app.tcss"
    TITLE = "icldiag"
    ENABLE_COMMAND_PALETTE = True

    BINDINGS: ClassVar[list[BindingType]] = with_ids(
        "app",
        [
            *(Binding(panel.key, f"panel('{panel.title.lower()}')", panel.title, show=False) for panel in PANELS),
            Binding("n", "wrong(1)", "wrong"),
            Binding("N", "wrong(-1)", "previous wrong", show=False),
            Binding("slash", "filter", "filter", key_display="/"),
            Binding("o", "pick", "queries"),
            Binding("S", "sort", "sort the queries", show=False),
            Binding("plus", "mark", "mark the query", show=False, key_display="+"),
            Binding("asterisk", "mark_listed", "mark all listed", show=False, key_display="*"),
            Binding("A", "only_marked", "only the marked queries", show=False),
            Binding("j", "step(1)", "next query", show=False),
            Binding("k", "step(-1)", "previous query", show=False),
            Binding("comma", "next_panel(-1)", "previous panel", show=False, key_display=","),
            Binding("full_stop", "next_panel(1)", "next panel", show=False, key_display="."),
            Binding("ctrl+d", "scroll_panel(1)", "scroll down", show=False),
            Binding("ctrl+u", "scroll_panel(-1)", "scroll up", show=False),
            Binding("0", "normal", "no intervention", show=False),
            Binding("a", "ask", "ask"),
            Binding("p", "pin", "pin"),
            Binding("P", "swap_pinned", "pinned / now", show=False),
            Binding("e", "edit", "edit"),
            Binding("r", "reload", "reload", show=False),
            Binding("x", "export", "export"),
            Binding("escape", "stop_export", "stop", show=False),
            Binding("y", "copy", "copy", show=False),
            Binding("D", "changes", "changes", show=False),
            Binding("J", "jobs", "jobs", show=False),
            Binding("i", "glossary", "glossary", show=False),
            Binding("question_mark,f1", "help", "help", key_display="?"),
            Binding("q,ctrl+q,ctrl+c", "quit", "quit", key_display="q"),
        ],
    )

    def __init__(
        self,
        path: Path,
        settings: ModelSettings,
        ascii_only: bool = False,
        config: Config | None = None,
        resumed: Resumption | None = None,
        against: ModelSettings | None = None,
    ) -> None:
        super().__init__()
        self.config = config = config or Config()
        self.keys = config.keys
        self.set_keymap(config.keys)
        self.theme = config.theme
        self.animation_level = "none"  # nothing moves unless the user or a computation made it move
        self.ascii_only = ascii_only
        self.jobs = Jobs(self)
        self.desk = Desk(self, self.jobs, path, settings, against)
        self.state = self.desk.state
        self.edits = Edits(self.desk)
        self.resumed = resumed
        panels = {panel.title.lower() for panel in PANELS}
        self.first = resumed.session.panel if resumed and resumed.session.panel in panels else FIRST[0].title.lower()
        self.autosave = Autosave(self.desk, resumed.file if resumed else None, partial(self.call_later, self.caught))
        self.editor = Editor(self, self.edits, self.autosave.look)
        self.export = Export(self.desk, self.leave)
        self.set_class(ascii_only, "-ascii")

    def on_mount(self) -> None:
        self.state.look = self._look()
        self.theme_changed_signal.subscribe(self, self._theme_changed)
        self.query_one(QueryList).focus()
        if self.resumed is None:
            self.desk.read_prompt()
            if self.state.prompt is not None and len(self.state.prompt.queries) == 1:
                self.action_panel(FIRST[1].title.lower())
        else:
            restore(self.desk, self.resumed.session)
        self.desk.load_model()
        self.set_interval(SECONDS, self.autosave.look)
        self.is_made()

    # ---- jobs -------------------------------------------------------------------------------------------------------

    def on_result_wanted(self, message: ResultWanted) -> None:
        self.desk.want(message.request, message.state, message.each)

    def on_cancel_wanted(self, message: CancelWanted) -> None:
        if message.job in self.jobs.running:
            self.jobs.cancel(message.job)
        else:
            self.export.stop()

    def on_job_progressed(self, message: JobProgressed) -> None:
        if not self.closing:
            self.desk.progressed(message.run, message.text)

    def on_job_finished(self, message: JobFinished) -> None:
        if self.closing or not self.desk.ended(message.run):
            return
        if message.run.job == "export":
            self.export.finished()
        else:
            self.desk.finished(message.run, message.value)
        self.show_top()

    def on_job_failed(self, message: JobFailed) -> None:
        if self.closing or not self.desk.ended(message.run):
            return
        if message.run.job == "export":
            self.export.failed(None if message.failure.cancelled else message.failure.error)
        else:
            self.desk.failed(message.run, message.failure)
        self.show_top()

    def on_job_part(self, message: JobPart) -> None:
        if not self.closing:
            self.desk.took_part(message.run, message.value)

    def refused(self, prompt: Prompt | None) -> None:
        self.editor.refused(prompt)

    # ---- interventions ----------------------------------------------------------------------------------------------

    def on_beta_toggled(self, message: BetaToggled) -> None:
        self.edits.use_beta(message.beta)

    def on_cut_changed(self) -> None:
        self.jobs.cancel("isolation")  # of the layers that were cut before
        self.show_top()
        self.show_panel()

    def action_normal(self) -> None:
        """Every intervention off: no layer cut, no beta, no calibration; then back on."""
        self.tell(toggle(self.edits))
        self.on_cut_changed()

    # ---- the pinned state -------------------------------------------------------------------------------------------

    async def action_pin(self) -> None:
        """Set the present state aside to compare with, or drop the one that is set aside; or the other model's."""
        if self.desk.other is not None:
            self.desk.other.toggle()
            return
        if self.state.pinned is not None:
            self.state.pinned = None
        elif self.state.prediction is not None and not self.state.stored:
            self.state.pinned = pin(self.state)
        else:
            self.tell("Nothing to pin until the model has answered.")
            return
        await self.show_pinned_state()

    def action_swap_pinned(self) -> None:
        """Where there is no room for both side by side: the one or the other."""
        self.toggle_class("-swapped")

    # ---- changes in place -------------------------------------------------------------------------------------------

    def on_prompt_edited(self, message: PromptEdited) -> None:
        self.edits.change(message.change)

    def on_repair_applied(self, message: RepairApplied) -> None:
        self.edits.apply(message.repair, message.trial, message.tried)

    def on_repair_taken_off(self) -> None:
        if not self.edits.take_off():
            self.tell("No repair is on.")

    def on_edit_undone(self) -> None:
        if not self.edits.undo():
            self.tell("Nothing to undo.")

    def action_only_marked(self) -> None:
        """Panels, reports and comparisons are then of the marked queries; the same key brings the others back."""
        if not self.edits.only_marked():
            self.tell("No query is marked; + marks the selected one, * all that are listed.")

    def action_ask(self) -> None:
        if self.state.prompt is not None:
            self.push_screen(query_screen(self.state.prompt), self.edits.ask)

    # ---- the file ---------------------------------------------------------------------------------------------------

    def action_reload(self) -> None:
        self.edits.reload()

    def action_edit(self) -> None:
        self.editor.edit()

    def action_export(self, only: str = "") -> None:
        """What and where to is asked for; a format may be chosen already."""
        if self.export.ready():
            last, number = self.export.choice, self.state.query + 1
            choice = replace(last, formats=(only,)) if only else last
            self.push_screen(ExportScreen(choice, self.panel.title, number), self._export)

    def _export(self, choice: ExportChoice | None) -> None:
        if choice is not None:
            self.export.start(choice, self.panel.analysis)

    def on_clients_wanted(self, message: ClientsWanted) -> None:
        self.export.for_clients(message.made, message.form, message.target)

    def action_stop_export(self) -> None:
        self.export.stop()

    def action_copy(self) -> None:
        """Through the terminal (OSC 52), and kept in a file too: clipboards fail silently over SSH and tmux."""
        text = panel_text(self.state, self.panel)
        self.copy_to_clipboard(text)
        try:
            target = keep_copied(text)
        except OSError as error:
            self.tell(f"Sent to the terminal's clipboard alone; not kept in a file: {error.strerror}")
        else:
            self.tell(f"Sent to the terminal's clipboard; also in {visible(str(target))}")

    # ---- the end ----------------------------------------------------------------------------------------------------

    def leave_soon(self, code: int) -> None:
        """`leave`, asked for by a signal: as soon as the event loop comes to it."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.leave, code)

    def leave(self, code: int = 0) -> None:
        """Stop the jobs, save the session, and give the terminal back, whatever goes wrong with the others."""
        try:
            self.jobs.cancel_all()
            self.editor.tidy()
            self.autosave.close()
        finally:
            self.exit(return_code=code)

    def save_session(self) -> None:
        self.autosave.save()

    def crash_facts(self) -> Facts:
        """What may be written about a user's prompt: its hash, and numbers."""
        state = self.state
        facts: dict[str, str | int | None] = {
            "session": self.autosave.on_disk,
            "query": state.query,
            "edits": state.edits,
        }
        if state.prompt is not None:
            facts["prompt"] = state.prompt.hash
            for name in ("labels", "demonstrations", "queries", "examples"):
                facts[name] = len(getattr(state.prompt, name))
        return facts | {"jobs": len(self.jobs.running), "width": self.size.width, "height": self.size.height}
