"""The app: compose, bindings, handlers. Nothing here imports torch: the session is made in a job."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual import events
from textual._compositor import CompositorUpdate
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Footer, Tab, Tabs

from icldiag.config import Config, config_path, read_config
from icldiag.errors import IcldiagError, PromptError
from icldiag.files import free_path, write_whole
from icldiag.model.load import ModelSettings
from icldiag.prompt.edit import ask
from icldiag.prompt.schema import Prompt, read_prompt
from icldiag.render.bars import probability_line
from icldiag.render.hints import Hints
from icldiag.render.look import DARK, LIGHT, PLAIN, SIXTEEN, Look
from icldiag.render.visible import visible
from icldiag.store import open_store
from icldiag.tui.ask import AskScreen
from icldiag.tui.difference import Screenful
from icldiag.tui.help import HelpScreen
from icldiag.tui.jobs import Jobs
from icldiag.tui.keys import in_force, named, pressed, shown
from icldiag.tui.matrix import Matrix
from icldiag.tui.messages import (
    BetaToggled,
    CancelWanted,
    JobFailed,
    JobFinished,
    JobProgressed,
    PredictionFound,
    Progress,
    PromptEdited,
    QueryChosen,
    QueryWanted,
    ResultWanted,
)
from icldiag.tui.panels import FIRST, PANELS, reweighting
from icldiag.tui.panels.base import Line, Panel
from icldiag.tui.pinned import difference, pin, same_query
from icldiag.tui.queries import Queries, QueryList
from icldiag.tui.settings import check_settings
from icldiag.tui.state import State

if TYPE_CHECKING:
    from icldiag.analyses.prediction import Prediction
    from icldiag.session import Session

NARROW = 100  # columns under which the queries fold away
WIDE = 150  # columns from which the pinned panel is beside the one in front
_PINNED = "pinned: "  # before the name of a job for the pinned state


class DiagnosisApp(App[None]):
    """One prompt on one model."""

    CSS_PATH = "app.tcss"
    TITLE = "icldiag"
    ENABLE_COMMAND_PALETTE = True

    BINDINGS: ClassVar[list[BindingType]] = named(
        "app",
        [
            *(
                Binding(str(number), f"panel({number - 1})", panel.title, show=False)
                for number, panel in enumerate(PANELS, start=1)
            ),
            Binding("n", "wrong(1)", "wrong"),
            Binding("N", "wrong(-1)", "previous wrong", show=False),
            Binding("slash", "filter", "filter", key_display="/"),
            Binding("o", "pick", "queries"),
            Binding("j", "step(1)", "next query", show=False),
            Binding("k", "step(-1)", "previous query", show=False),
            Binding("comma", "next_panel(-1)", "previous panel", show=False, key_display=","),
            Binding("full_stop", "next_panel(1)", "next panel", show=False, key_display="."),
            Binding("0", "normal", "no intervention", show=False),
            Binding("a", "ask", "ask"),
            Binding("p", "pin", "pin"),
            Binding("P", "swap_pinned", "pinned / now", show=False),
            Binding("e", "edit", "edit"),
            Binding("r", "reload", "reload", show=False),
            Binding("x", "export", "export"),
            Binding("y", "copy", "copy", show=False),
            Binding("question_mark,f1", "help", "help", key_display="?"),
            Binding("q,ctrl+q", "quit", "quit", key_display="q"),
        ],
    )

    def __init__(
        self, path: Path, settings: ModelSettings, ascii_only: bool = False, config: Config | None = None
    ) -> None:
        super().__init__()
        config = config or Config()
        self.keys = config.keys
        self.set_keymap(config.keys)
        self.theme = config.theme
        self.animation_level = "none"  # nothing moves unless the user or a computation made it move
        self.settings = settings
        self.ascii_only = ascii_only = ascii_only or config.ascii
        self.state = State(path=path)
        self.jobs = Jobs(self)
        self.screenful = Screenful()
        self.set_class(ascii_only, "-ascii")

    # ---- layout -----------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield Line(id="top")
        with Horizontal(id="main"):
            yield Queries(self.state, id="left")
            with Vertical(id="right"):
                tabs = (Tab(f"{n} {panel.title}", id=f"tab-{panel.title.lower()}") for n, panel in enumerate(PANELS, 1))
                yield Tabs(*tabs, active=f"tab-{FIRST.title.lower()}")
                yield Line(id="folded")
                yield Line(id="difference")
                with Horizontal(id="columns"):
                    with ContentSwitcher(initial=FIRST.title.lower(), id="panels"):
                        for panel in PANELS:
                            yield panel(self.state)
                    yield Vertical(Line(id="pinned-title", classes="title"), id="pinned-column")
                yield Line(id="hints")
        yield Footer(compact=True)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Write what changed instead of what was updated; see `difference`."""
        if isinstance(renderable, CompositorUpdate) and not (self._batch_count or self.is_headless or self.is_inline):
            renderable = self.screenful.update(self.screen._compositor.render_strips())
        super()._display(screen, renderable)

    def on_mount(self) -> None:
        self.app_resume_signal.subscribe(self, lambda _: self.screenful.forget())
        self.state.look = self._look()
        self.theme_changed_signal.subscribe(self, self._theme_changed)
        self.query_one(Tabs).can_focus = False
        self.query_one(QueryList).focus()
        self._read_prompt()
        self._load_model()

    def _theme_changed(self, theme: Any) -> None:
        self.state.look = self._look()
        self._show_all()

    def _look(self) -> Look:
        """Styles that this terminal and theme can show."""
        look = LIGHT if not self.current_theme.dark else DARK
        if self.no_color:
            look = PLAIN
        elif self.console.color_system in ("standard", None) and not self.is_headless:
            look = SIXTEEN
        return look.in_ascii() if self.ascii_only else look

    def on_resize(self, event: events.Resize) -> None:
        self.screenful.forget()  # terminals reflow their content as they like
        self.set_class(event.size.width < NARROW, "-narrow")
        self.set_class(event.size.width < WIDE, "-one-column")
        self.call_after_refresh(self._show_all)

    @property
    def panel(self) -> Panel:
        """The panel in front."""
        switcher = self.query_one("#panels", ContentSwitcher)
        return switcher.get_child_by_id(str(switcher.current), Panel)

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def _show_all(self) -> None:
        self.query_one(Queries).fill()
        self._show_top()
        self._show_query()

    def _show_query(self) -> None:
        self.query_one(Queries).show_query()
        state = self.state
        if state.prediction is not None:
            chances, gold = state.prediction.probabilities[state.query].tolist(), state.prediction.gold[state.query]
            width = max(20, self.size.width - 2)
            predicted = int(state.prediction.predicted[state.query])
            self.query_one("#folded", Line).update(
                probability_line(state.prediction.labels, chances, predicted, gold, state.look, width)
            )
        self._show_panel()

    def _show_panel(self) -> None:
        self.panel.refresh_panel()
        self._show_pinned()
        self.query_one("#hints", Line).set(Hints(self._keys(self.panel.BINDINGS), self.state.look))

    def _show_pinned(self) -> None:
        """The same panel of the pinned state beside the one in front, differences marked in both."""
        pinned, columns = self.state.pinned, self.query("#pinned-panels")
        self.query_one("#difference", Line).set(Text(visible(difference(self.state))))
        if pinned is None or not columns:
            return
        other = columns.first(ContentSwitcher)
        other.current = self.panel.id
        beside = other.get_child_by_id(str(self.panel.id), Panel)
        query = same_query(self.state, pinned)
        found = "PINNED" if query is not None else "PINNED, without this query"
        self.query_one("#pinned-title", Line).set(f"{found}   {', '.join(_interventions(pinned)) or 'no intervention'}")
        pinned.look, pinned.query = self.state.look, pinned.query if query is None else query
        beside.follow(self.panel)
        beside.mark(self.panel)
        self.panel.mark(beside)

    def _show_top(self) -> None:
        """What the narrowest terminal must show comes first: interventions and work under way before the model."""
        state = self.state
        top = Text(f"icldiag   {visible(state.path.name)}", no_wrap=True, overflow="ellipsis")
        if state.prediction is not None and state.prediction.labelled:
            top.append(f"   {state.prediction.correct} of {len(state.prediction.labelled)} right")
        for intervention in _interventions(state):
            top.append("   ")
            top.append(intervention, "bold reverse")
        doing = next(iter(state.doing.values()), None)
        ready = "wrong prompt file" if state.prompt_error else "model failed" if state.model_error else "ready"
        top.append(f"   {visible(doing) if doing else ready}", "bold" if doing else "dim")
        if state.session is not None:
            model = state.session.model
            top.append(f"   {visible(Path(model.name).name)} ({model.n_layers} layers x {model.n_heads} heads)")
            top.append(f"   {model.device} {str(model.dtype).removeprefix('torch.')}")
        self.query_one("#top", Line).update(top)

    # ---- prompt and model -------------------------------------------------------------------------------------------

    def _read_prompt(self) -> None:
        state = self.state
        state.forget_results()
        state.session, state.beta_on = None, False
        state.undo.clear()
        try:
            state.prompt, state.prompt_error = read_prompt(state.path), None
            state.query = min(state.query, len(state.prompt.queries) - 1)
        except PromptError as error:
            state.prompt, state.prompt_error = None, str(error)
        self._show_all()

    def _load_model(self) -> None:
        """Make the session and the predictions in one job: without them no panel has much to show."""
        prompt = self.state.prompt
        if prompt is None:
            return
        self.state.model_error = None
        loaded, settings = self.loaded, self.settings

        def work(progress: Progress) -> Any:
            from icldiag.session import Session

            store = open_store(prompt, settings)
            session = Session(prompt, loaded if loaded is not None else settings, store=store)
            if loaded is None and (found := session.stored_prediction()) is not None:
                self.post_message(PredictionFound(found))
            session.load(lambda stage: progress(f"loading: {stage}", 0, 0))
            return session, session.prediction(progress)

        self.state.doing["session"] = "loading the model"
        self._show_top()
        self.jobs.start("session", prompt.hash, work)

    loaded: Any = None  # the instrumented model, kept when the prompt is read again

    # ---- jobs -------------------------------------------------------------------------------------------------------

    def on_result_wanted(self, message: ResultWanted) -> None:
        state, session = message.state, message.state.session
        if session is None or message.key in state.results or state not in (self.state, self.state.pinned):
            return
        state.doing.setdefault(message.job, message.job)
        job = message.job if state is self.state else _PINNED + message.job
        self.jobs.start(job, message.key, lambda progress: message.compute(session, progress))
        self._show_top()

    def _state_of(self, job: str) -> State:
        """The state that a job computes for."""
        pinned = self.state.pinned if job.startswith(_PINNED) else None
        return self.state if pinned is None else pinned

    def on_cancel_wanted(self, message: CancelWanted) -> None:
        self.jobs.cancel(message.job)

    def on_job_progressed(self, message: JobProgressed) -> None:
        if message.job in self.jobs.running:
            self._state_of(message.job).doing[message.job.removeprefix(_PINNED)] = message.text
            self._show_top()
            self._show_panel_if_waiting()

    def _show_panel_if_waiting(self) -> None:
        """A panel that shows numbers already is not drawn again for another job's progress."""
        self.panel.progressed()

    def on_job_finished(self, message: JobFinished) -> None:
        self.jobs.ended(message.job, message.key)
        state = self._state_of(message.job)
        state.doing.pop(message.job.removeprefix(_PINNED), None)
        if message.job == "session":
            self._session_made(*message.value)
            return
        if state is self.state or state is self.state.pinned:
            state.results[message.key] = message.value
        self._show_top()
        self._show_panel()

    def on_prediction_found(self, message: PredictionFound) -> None:
        """What an earlier run of icldiag computed can be read while the model loads."""
        prompt = self.state.prompt
        if self.state.session is None and prompt is not None and len(message.prediction) == len(prompt.queries):
            self.state.prediction = message.prediction
            self.state.query = telling_query(message.prediction, self.state.query)
            self._show_all()

    def _session_made(self, session: Session, prediction: Prediction) -> None:
        state = self.state
        first = state.session is None
        kept = state.session is not None and session.same_demonstrations(state.session)
        trained = {key: state.results[key] for key in (reweighting.KEY,) if kept and key in state.results}
        state.forget_results()
        state.results.update(trained)
        state.session, state.prediction, state.beta_on = session, prediction, session.beta is not None
        self.loaded = session.model
        if first:
            state.query = telling_query(prediction, state.query)
        self._show_all()

    def on_job_failed(self, message: JobFailed) -> None:
        superseded = message.cancelled and message.job in self.jobs.running
        if superseded and self.jobs.running[message.job][0] != message.key:
            return  # a newer one of the same job runs on
        self.jobs.ended(message.job, message.key)
        state = self._state_of(message.job)
        state.doing.pop(message.job.removeprefix(_PINNED), None)
        if message.job == "session" and self.state.session is None:
            self.state.model_error = message.error
        elif message.job == "session" and not message.cancelled:
            self._not_answered(message.error)
        elif not message.cancelled:
            state.failures[message.key] = message.error
        self._show_top()
        self._show_panel()

    def _not_answered(self, error: str) -> None:
        """A change that the model cannot take, such as two label words with the same first token, is undone."""
        self.notify(visible(error), severity="error", markup=False)
        if self.state.undo:
            self._use_prompt(self.state.undo.pop(), None)

    def on_beta_toggled(self, message: BetaToggled) -> None:
        session = self.state.session
        if session is None:
            return
        self.jobs.cancel_all()
        changed = session.without_beta() if message.beta is None else session.with_beta(message.beta)
        self.state.doing["session"] = "answering again"
        key = ("beta", message.beta is not None)
        self.jobs.start("session", key, lambda progress: (changed, changed.prediction(progress)))
        self._show_top()

    def on_cut_changed(self) -> None:
        self._show_top()
        self._show_panel()

    def action_normal(self) -> None:
        """Every intervention off: no layer cut, no beta."""
        self.state.cut_layers = frozenset()
        if self.state.beta_on:
            self.on_beta_toggled(BetaToggled(None))
        self.on_cut_changed()

    # ---- the pinned state -------------------------------------------------------------------------------------------

    async def action_pin(self) -> None:
        """Set the present state aside to compare with, or drop the one that is set aside."""
        column = self.query_one("#pinned-column")
        await self.query("#pinned-panels").remove()
        if self.state.pinned is not None or self.state.prediction is None:
            self.state.pinned = None
            self.remove_class("-pinned", "-swapped")
        else:
            self.state.pinned = pin(self.state)
            panels = [panel(self.state.pinned) for panel in PANELS]
            for panel in panels:
                panel.can_focus = False  # keys are for the panel in front
            await column.mount(ContentSwitcher(*panels, initial=self.panel.id, id="pinned-panels"))
            self.add_class("-pinned")
        self._show_all()

    def action_swap_pinned(self) -> None:
        """Where there is no room for both side by side: the one or the other."""
        self.toggle_class("-swapped")

    # ---- changes in place -------------------------------------------------------------------------------------------

    def on_prompt_edited(self, message: PromptEdited) -> None:
        if self.state.prompt is not None:
            self.state.undo.append(self.state.prompt)
            self._use_prompt(message.prompt, message.query)

    def on_edit_undone(self) -> None:
        if self.state.undo:
            self._use_prompt(self.state.undo.pop(), None)
        else:
            self.notify("Nothing to undo.", markup=False)

    def _use_prompt(self, prompt: Prompt, query: int | None) -> None:
        """Answer a changed prompt with the loaded model; what was computed for the old one is forgotten."""
        session, state = self.state.session, self.state
        state.prompt, state.prediction = prompt, None
        state.query = min(state.query if query is None else query, len(prompt.queries) - 1)
        if session is None:
            self._load_model()
        else:
            self.jobs.cancel_all()
            state.doing["session"] = "answering again"
            changed = session.with_prompt(prompt)
            self.jobs.start("session", prompt.hash, lambda progress: (changed, changed.prediction(progress)))
        self._show_all()

    def action_ask(self) -> None:
        def asked(text: str | None) -> None:
            if text and self.state.prompt is not None:
                self.on_prompt_edited(PromptEdited(ask(self.state.prompt, text), len(self.state.prompt.queries)))

        if self.state.prompt is not None:
            self.push_screen(AskScreen("a new query"), asked)

    # ---- queries ----------------------------------------------------------------------------------------------------

    def on_query_chosen(self, message: QueryChosen) -> None:
        if message.query != self.state.query:
            self.state.query = message.query
            for panel in self.query(Panel):
                panel.query_changed()
            self._show_query()

    def on_query_wanted(self, message: QueryWanted) -> None:
        self.query_one(Queries).select(message.query)

    def on_option_list_option_selected(self) -> None:
        self.remove_class("-picking")
        self.panel.focus()

    def action_step(self, step: int) -> None:
        listing = self.query_one(QueryList)
        listing.action_cursor_down() if step > 0 else listing.action_cursor_up()

    def action_wrong(self, step: int) -> None:
        if not self.query_one(Queries).step_wrong(step):
            self.notify("No wrong query in the list.", markup=False)

    def action_filter(self) -> None:
        self.add_class("-picking")
        self.query_one(Queries).open_filter()

    def action_pick(self) -> None:
        self.toggle_class("-picking")
        picking = self.has_class("-picking") or not self.has_class("-narrow")
        (self.query_one(QueryList) if picking else self.panel).focus()

    # ---- panels -----------------------------------------------------------------------------------------------------

    def on_tabs_tab_activated(self, message: Tabs.TabActivated) -> None:
        self.query_one("#panels", ContentSwitcher).current = str(message.tab.id).removeprefix("tab-")
        self.call_after_refresh(self._show_panel)
        self.refresh_bindings()

    def action_panel(self, number: int) -> None:
        self.query_one(Tabs).active = f"tab-{PANELS[number].title.lower()}"
        self.remove_class("-picking")
        if self.has_class("-narrow"):
            self.call_after_refresh(lambda: self.panel.focus())

    async def on_key(self, event: events.Key) -> None:
        """Keys of the panel in front work from anywhere, unless what has the focus takes them."""
        if self.focused is not None and self.panel in self.focused.ancestors_with_self:
            return  # the key has found its binding by itself
        for binding in in_force(self.panel.BINDINGS, self.keys):
            if pressed(binding, event.key) and len(self.screen_stack) == 1:
                event.stop()
                await self.run_action(binding.action, self.panel)

    def action_next_panel(self, step: int) -> None:
        titles = [panel.title.lower() for panel in PANELS]
        here = titles.index(str(self.panel.id))
        self.action_panel((here + step) % len(titles))

    # ---- the file ---------------------------------------------------------------------------------------------------

    def action_reload(self) -> None:
        self.jobs.cancel_all()
        self._read_prompt()
        self._load_model()

    def action_edit(self) -> None:
        editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
        try:
            with self.suspend():
                subprocess.run([*editor, str(self.state.path)], check=False)
        except OSError as error:
            self.notify(f"{editor[0]}: {error.strerror}; set EDITOR", severity="error", markup=False)
            return
        self.action_reload()

    def action_export(self) -> None:
        session = self.state.session
        if session is None or self.state.prediction is None:
            self.notify("Nothing to export yet.", markup=False)
            return
        target = Path.cwd() / f"{self.state.path.stem}-report"

        def work(progress: Progress) -> Any:
            from icldiag.report.document import make_report
            from icldiag.report.write import FORMATS

            report = make_report(session, progress=progress)
            paths = [target.with_suffix(f".{name}") for name in FORMATS]
            for path, render in zip(paths, FORMATS.values(), strict=True):
                write_whole(render(report), path)
            self.call_from_thread(self.notify, f"Written: {', '.join(map(str, paths))}", markup=False)
            return paths

        key = ("export", object())
        self.state.doing["export"] = "writing the report"
        self._show_top()
        self.jobs.start("export", key, work)

    def action_copy(self) -> None:
        """Through the terminal (OSC 52), and always to a file too: clipboards fail silently over SSH and tmux."""
        prompt, query = self.state.prompt, self.state.query
        text = self.panel.plain_text()
        if prompt is not None:
            text = f"{visible(prompt.name)}: {visible(prompt.queries[query].text)}\n\n{text}"
        target = free_path(Path.cwd() / f"{self.state.path.stem}-{self.panel.id}.txt")
        self.copy_to_clipboard(text)
        try:
            write_whole(text, target)
        except IcldiagError as error:
            self.notify(f"Copied, but not saved: {visible(str(error))}", severity="warning", markup=False)
        else:
            self.notify(f"Copied; also in {visible(str(target))}", markup=False)

    # ---- the rest ---------------------------------------------------------------------------------------------------

    def action_help(self) -> None:
        sections = {
            "Keys": self._keys(self.BINDINGS) + self._keys(QueryList.BINDINGS),
            f"In the panel {self.panel.title}": self._keys(self.panel.BINDINGS),
            "In a matrix": self._keys(Matrix.BINDINGS),
        }
        self.push_screen(HelpScreen(sections, list(self.query("#panels Panel").results(Panel))))

    def _keys(self, bindings: Iterable[BindingType]) -> list[tuple[str, str]]:
        """Key and description of every binding, as hints and help show them."""
        return [(shown(binding), binding.description) for binding in in_force(bindings, self.keys)]

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Textual's own, and every action of the app and of the panel in front."""
        yield from super().get_system_commands(screen)
        places: list[tuple[str, Any, list[BindingType]]] = [
            (self.panel.title, self.panel, self.panel.BINDINGS),
            ("icldiag", self, self.BINDINGS),
        ]
        for place, target, bindings in places:
            for binding in in_force(bindings, self.keys):
                title = f"{place}: {binding.description}"
                yield SystemCommand(title, f"key {shown(binding)}", self._runs(binding.action, target))

    def _runs(self, action: str, target: Any) -> Callable[[], Any]:
        async def run() -> None:
            await self.run_action(action, target)

        return run

    async def action_quit(self) -> None:
        self.jobs.cancel_all()
        self.exit()


def _interventions(state: State) -> Iterator[str]:
    if state.undo:
        times = "" if len(state.undo) == 1 else f" {len(state.undo)}x"
        yield f"EDITED{times}"
    if state.cut_layers:
        yield f"CUT {', '.join(map(str, sorted(state.cut_layers)))} (0: off)"
    if state.beta_on:
        yield "RE-WEIGHTED (0: off)"


def telling_query(prediction: Prediction, otherwise: int) -> int:
    """The most confidently wrong query of the pair of labels that is mixed up most; `otherwise` if none is wrong."""
    counts = prediction.counts
    mixed = {query: _mixed(counts, prediction, query) for query in prediction.wrong}
    return max(mixed, key=mixed.__getitem__) if mixed else otherwise  # of equals the first, the most confident


def _mixed(counts: Any, prediction: Prediction, query: int) -> int:
    gold, predicted = prediction.gold[query], prediction.predicted[query]
    return int(counts[gold, predicted] + counts[predicted, gold])


def run_app(path: Path, settings: ModelSettings, ascii_only: bool = False) -> int:
    """Run the app until the user leaves; returns the exit code. Raises ConfigError for wrong settings."""
    config = read_config()
    check_settings(config, config_path())
    app = DiagnosisApp(path, settings, ascii_only, config)
    app.run()
    if app.jobs.running:  # a thread inside torch cannot be interrupted, and nothing of it is wanted any more
        os._exit(app.return_code or 0)
    return app.return_code or 0
