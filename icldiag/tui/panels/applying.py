"""What the panels share whose key applies a repair: the same key takes it off, and a line says what it did."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from icldiag.tui.comparison import since
from icldiag.tui.messages import EditUndone, RepairApplied, RepairTakenOff
from icldiag.tui.panels.base import Panel
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.search.repair import Repair
    from icldiag.analyses.search.repairs import Repairs

APPLY_KEY: BindingType = Binding("t", "apply", "apply")
UNDO_KEY: BindingType = Binding("u", "undo", "undo")


class ApplyingPanel(Panel):
    """A panel with a repair to apply; it has APPLY_KEY and UNDO_KEY among its bindings."""

    FOLLOWED: ClassVar[tuple[str, ...]] = ()

    def repair(self) -> tuple[Repair, str, Repairs | None] | None:
        """What the key would apply, what is known of its effect on other texts, and the table it is from, if any."""
        raise NotImplementedError

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
        said = [visible(since(self.state, applied), look.ascii_only), visible(applied.trial, look.ascii_only)]
        key = " (t takes it off)" if self.takes_off else ""
        head = Text.assemble(
            ("ON  ", look.chosen), (visible(applied.name, look.ascii_only), look.strong), (key, look.muted)
        )
        return head.append("".join(f"\n{line}" for line in said if line))

    def action_undo(self) -> None:
        self.post_message(EditUndone())

    def action_apply(self) -> None:
        if self.takes_off:
            self.post_message(RepairTakenOff())
            return
        found = self.repair()
        if found is None:
            self.notify("There is nothing to apply here.", markup=False)
        else:
            self.post_message(RepairApplied(*found))
