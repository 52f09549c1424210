"""What the panels share whose key applies a repair: the same key takes it off, and a line says what it did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual.binding import Binding, BindingType

from icldiag.tui.comparison import on_others, since, tried_on_others
from icldiag.tui.messages import EditUndone, RepairApplied, RepairTakenOff, ResultWanted
from icldiag.tui.panels.base import Line, Panel
from icldiag.tui.panels.cost import by_passes_so_far
from icldiag.tui.state import State
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.search.change import TryChange
    from icldiag.analyses.search.repair import Repair
    from icldiag.analyses.search.repairs import Repairs

APPLY_KEY: BindingType = Binding("t", "apply", "apply")
UNDO_KEY: BindingType = Binding("u", "undo", "undo")
SOON = 60.0  # seconds: what takes longer must not keep the panel's own questions waiting


class ApplyingPanel(Panel):
    """A panel with a repair to apply; it has APPLY_KEY and UNDO_KEY among its bindings."""

    FOLLOWED: ClassVar[tuple[str, ...]] = ()

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.unoffered: dict[str, Callable[[], RenderableType]] = {}  # draw lines that name the key without it

    def repair(self) -> tuple[Repair, str, Repairs | None] | None:
        """What the key would apply, what is known of its effect on other texts, and the table it is from, if any."""
        raise NotImplementedError

    def searched(self) -> Repairs | None:
        """What panel Repair found for the whole prompt."""
        from icldiag.analyses.repairs import FindRepairs

        return self.peek(FindRepairs())

    def too_few(self, query: int | None = None) -> str:
        """Why no repair of the prompt, or of a query, can be searched for; nothing where one can."""
        if self.state.prediction is None:  # until then nothing is imported for this
            return ""
        from icldiag.analyses.search.partition import lack

        return lack(self.prompt, query)

    @property
    def takes_off(self) -> bool:
        """Whether the key means the repair that is on."""
        return self.state.applied is not None

    @property
    def offers(self) -> bool:
        """Whether the key would apply something: what the panel says of it must come from here."""
        return not self.takes_off and self.repair() is not None

    def idle(self) -> set[str]:
        """The actions that would do nothing now."""
        works = {"apply": self.takes_off or self.offers, "undo": bool(self.state.undo)}
        return super().idle() | {name for name, does in works.items() if not does}

    def hinted(self) -> list[Binding]:
        name = "take off" if self.takes_off else "apply"
        return [replace(one, description=name) if one.action == "apply" else one for one in super().hinted()]

    def applied_line(self) -> Text:
        """The repair that is on, and the answers without it and with it."""
        applied, look = self.state.applied, self.state.look
        if applied is None:
            return Text("")
        told = (since(self.state, applied), *self._on_other_texts())
        said = [visible(line, look.ascii_only) for line in told]
        key = f" ({'' if self.takes_off else '[ ] to it, then '}t takes it off)"  # u takes back what was asked since
        head = Text.assemble(
            ("ON  ", look.chosen), (visible(applied.name, look.ascii_only), look.strong), (key, look.muted)
        )
        return head.append("".join(f"\n{line}" for line in said if line))

    def refresh_panel(self) -> None:
        """While what is drawn is of the prompt before a change, there is nothing of it to apply."""
        self._draw_and_try()
        if self.dimmed:
            for name, drawn in self.unoffered.items():
                self.query_one(name, Line).set(drawn())

    def _draw_and_try(self) -> None:
        """Have the change tried on other texts too. What is asked for last is computed first."""
        wanted = self._to_try()
        if wanted is None:
            super().refresh_panel()
            return
        soon = (by_passes_so_far(self, 2.0 * len(self.prompt.labelled)) or 0.0) <= SOON  # both prompts, at most
        if not soon:
            self.post_message(ResultWanted(wanted, self.state))
        super().refresh_panel()
        self.awaits = True
        if soon:
            self.post_message(ResultWanted(wanted, self.state))

    def _to_try(self) -> TryChange | None:
        """The same, as long as there is neither an answer nor a reason why not."""
        state = self.state
        trial = None if state.session is None or state.prediction is None else tried_on_others(state)
        return None if trial is None or trial in state.results or trial in state.failures else trial

    def _on_other_texts(self) -> Iterator[str]:
        """What the change that is on does to other texts than the queries, or how far that is."""
        trial, state = tried_on_others(self.state), self.state
        if known := on_others(state):
            yield known
        elif trial in state.failures:
            yield f"Not tried on other texts: {state.failures[trial]}."
        elif trial is not None and state.prediction is not None:
            yield f"On other texts it is being tried: {state.how_far(trial.job)}."

    def action_undo(self) -> None:
        self.post_message(EditUndone())

    def action_apply(self) -> None:
        if self.takes_off:
            self.post_message(RepairTakenOff())
            return
        found = self.repair()
        if found is None:
            yet = "" if self.settled() else " yet: this panel is still computing"
            yet = " yet: the changed prompt is not answered" if self.dimmed else yet or " here"
            self.notify(f"There is nothing to apply{yet}.", markup=False)
        else:
            self.post_message(RepairApplied(*found))
