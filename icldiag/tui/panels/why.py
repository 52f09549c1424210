"""Panel Why: the answer and its lead, the main cause in nats, what turns the answer; enter shows the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.render.answer import answer_line
from icldiag.render.evidence import evidence_table
from icldiag.render.weights import weight_rows
from icldiag.tui.keys import choosing
from icldiag.tui.line import led
from icldiag.tui.messages import RepairWanted
from icldiag.tui.panels.applying import APPLY_KEY, UNDO_KEY, ApplyingPanel
from icldiag.tui.panels.base import Finding, Line
from icldiag.tui.panels.cause_offers import first_to_try, offer
from icldiag.tui.panels.parts import PartsPanel
from icldiag.tui.panels.repair_offer import offer_of_query
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.explanation import Explain, Explanation, PartialExplanation
    from icldiag.analyses.search.repair import Repair
    from icldiag.tui.changes import Applied


class WhyPanel(PartsPanel, ApplyingPanel):
    """What explains the selected query's answer, and what does not."""

    title, key, group = "Why", "1", "Diagnose"
    analysis = "explanation"
    job = "explanation"
    purpose = (
        "Why: the answer to the selected query and what explains it. Demonstrations are removed, hidden and reordered, "
        "classes removed, the label prior divided out; the lead of the answer over the right label (or, of an answer "
        "that is not wrong, over the runner-up) is divided among them in nats."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "evidence", "evidence"),
        Binding("escape", "stop", "stop"),
        Binding("s", "again", "again"),
        APPLY_KEY,
        *choosing("cause"),
        Binding("m", "repair", "repair"),
        UNDO_KEY,
    ]
    FOLLOWED: ClassVar[tuple[str, ...]] = ("opened",)

    def idle(self) -> set[str]:
        """The evidence is shown anyway until the causes are known, and where it has room."""
        idle = super().idle()
        idle |= {"mark(-1)", "mark(1)"} if "apply" in idle else set()
        idle |= {"repair"} if self.too_few(self._to_fix()) else set()
        return idle | (set() if self._found() is not None and not self.whole else {"evidence"})

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Line(id="applied", classes="body now")
        yield Finding(id="finding", classes="body now finding")
        yield Line(id="cause", classes="body")
        yield Line(id="doing", classes="body")
        yield Line(id="weights", classes="body gap")
        yield Line(id="not-asked", classes="body")
        yield Line(id="search", classes="body gap")
        yield Line(id="sentences", classes="body gap")
        yield Line(id="evidence", classes="body gap")
        yield Line(id="undefined", classes="body gap")

    def on_mount(self) -> None:
        self.opened = False  # the user wants the evidence in full
        self.whole = False  # it is in view anyway
        self.marked: int | None = None  # of the causes that have a cure, or -1 for the repair that is on
        self._applied: Applied | None = None  # that was on when it was drawn last

    def query_changed(self) -> None:
        self.opened = False
        self.marked = -1 if self.state.applied else None

    @property
    def takes_off(self) -> bool:
        return super().takes_off and self.marked == -1

    def _mark_what_is_on(self) -> None:
        """The repair that was just applied, so that the same key takes it off."""
        if self.state.applied is not self._applied:
            self._applied = self.state.applied
            self.marked = None if self._applied is None else -1

    def request(self) -> Explain:
        from icldiag.analyses.explanation import Explain

        return Explain(self.state.query)

    def show(self) -> None:
        from icldiag.analyses.explanation.not_asked import not_asked
        from icldiag.analyses.explanation.weights import legend, weights

        request = self.request()
        self._mark_what_is_on()
        self.query_one("#applied", Line).set(self.applied_line())
        self.query_one("#finding", Line).set(answer_line(self.prediction, self.state.query, self.state.look))
        found, known = self.known(request)
        self.query_one("#cause", Line).set("" if known is None else self._cause(known))
        self.query_one("#doing", Line).set("" if found is not None else self._doing(request))
        for name in ("#weights", "#not-asked", "#search", "#sentences", "#undefined"):
            self.query_one(name).display = found is not None
        if found is None:
            self.query_one("#evidence", Line).set("" if known is None else self._evidence(known))
            return
        rows, cures, look, room = weights(found), self._cures(found), self.state.look, self.room.width

        def drawn(offers: bool) -> RenderableType:
            return weight_rows(rows, self._actions(found, cures, offers), found.contest.lead, legend(rows), look, room)

        self.query_one("#weights", Line).set(drawn(True))
        self.unoffered = {"#weights": lambda: drawn(False)}
        self.query_one("#not-asked", Line).set(self._listed("n/a    ", ["; ".join(not_asked(found))]))
        self.query_one("#search", Line).set(Text(self._shown(offer_of_query(self)), look.muted))
        self.query_one("#finding").styles.padding = (0, 0, 1, 0)
        self._show_evidence(found)
        if not self.opened and not self.fits():  # a row more for the sum and what the signs mean
            self.query_one("#finding").styles.padding = 0

    def _show_evidence(self, found: Explanation) -> None:
        """All of it where the user opened it or the panel has room; else the first cause's, if that fits."""
        from icldiag.analyses.explanation import of_cause
        from icldiag.analyses.explanation.weights import opposed_prior

        sentences = [of_cause(cause, found) for cause in found.causes]
        first = [*sentences[:1], *filter(None, [opposed_prior(found)])]
        sentences = [*first, *sentences[1:]]
        parts = [self.query_one(name, Line) for name in ("#sentences", "#evidence", "#undefined")]
        whole = (self._joined(sentences), self._evidence(found), self._listed("Undefined: ", found.missing))
        for shown in (whole, (self._joined(first), "", ""), (self._joined(first[1:]), "", ""), ("", "", "")):
            for part, content in zip(parts, shown, strict=True):
                part.set(content)
            self.whole = shown is whole and self.fits()
            if self.opened or self.fits():
                break
        if self.opened and not self.whole:
            way = Text("enter goes back to the first page\n", self.state.look.muted)
            parts[0].set(way.append_text(self._joined(sentences)))

    def _doing(self, request: Explain) -> Text:
        """How far it is."""
        said = self.doing(request, "s explains it")
        return said if self.stopped or request in self.state.failures else said.append("; escape stops")

    def action_evidence(self) -> None:
        """Show the evidence in full, from its first line on, or the first page again."""
        if self.whole and not self.opened:
            return
        self.opened = not self.opened
        self.refresh_panel()
        self.call_after_refresh(self._turn_page)

    def _turn_page(self) -> None:
        if self.opened:
            lines = self.query("#sentences, #evidence").results(Line)
            first = next((line for line in lines if line.display), None)
            if first is not None:  # none is, where nothing is known yet
                self.scroll_to_widget(first, top=True, animate=False, force=True)
        else:
            self.scroll_home(animate=False)

    def left(self) -> None:
        """It goes on: what was asked of the model by then would be lost with the run."""

    def _found(self) -> Explanation | None:
        if not self.state.results:
            return None
        return self.peek(self.request())

    def _cures(self, found: Explanation) -> list[Repair | None]:
        """What the causes' own changes are, in the order of the causes."""
        from icldiag.analyses.explanation.cure import cure

        return [None if self.state.beta_on else cure(cause, found, self.prompt) for cause in found.causes]

    def repair(self) -> tuple[Repair, str, None] | None:
        found = self._found()
        if found is None:
            return None
        cures = self._cures(found)
        place = self._chosen(found, cures)
        mends = None if place is None else cures[place]
        return None if mends is None else (mends, "", None)

    def _chosen(self, found: Explanation, cures: Sequence[Repair | None]) -> int | None:
        """Of the causes the one whose cure the key tries."""
        places = [place for place, one in enumerate(cures) if one is not None]
        if self.marked is None or not places:
            return first_to_try(found, places)
        return places[max(0, min(self.marked, len(places) - 1))]

    def action_mark(self, step: int) -> None:
        found = self._found()
        if self.opened and self.scroll_y:  # the causes are out of view
            self.scroll_relative(y=step, animate=False)
        elif found is not None:
            cures = self._cures(found)
            place = self._chosen(found, cures)
            count = sum(one is not None for one in cures)
            marked = sum(one is not None for one in cures[:place]) if self.marked is None else self.marked
            first = 0 if self.state.applied is None else -1
            self.marked = self.stepped(min(marked, count - 1), step, first, count - 1)
            self.refresh_panel()

    def action_repair(self) -> None:
        """For this query, where it is known to be wrong; else for the prompt."""
        self.post_message(RepairWanted(self._to_fix()))

    def _to_fix(self) -> int | None:
        prediction, query = self.state.prediction, self.state.query
        return query if prediction is not None and prediction.is_wrong(query) else None

    def _shown(self, text: str) -> str:
        return visible(text, self.state.look.ascii_only)

    def _cause(self, found: PartialExplanation) -> Text:
        """The whole prompt's verdict and cause first, then what explains this answer, in a few words, once known."""
        from icldiag.analyses.explanation import Explanation
        from icldiag.analyses.explanation.reading import doubted, headline, prompt_wide, verdict
        from icldiag.analyses.explanation.weights import heavier
        from icldiag.analyses.overview import Summarise

        look = self.state.look
        overview = self.peek(Summarise())
        wide = prompt_wide(found, overview)
        verdicts = (verdict(found.favourite, found.labels), wide)
        lines = [led(Text(self._shown(said), look.strong)) for said in verdicts if said]
        if isinstance(found, Explanation):
            lines.append(Text(self._shown(headline(found)), look.chosen))
            if larger := heavier(found):
                lines.append(Text(self._shown(larger)))
        if doubt := doubted(found, overview):
            lines.append(Text(self._shown(doubt)))
        return Text("\n").join(lines)

    def _actions(self, found: Explanation, cures: Sequence[Repair | None], offers: bool) -> list[str]:
        """What is done about each cause: by this panel's key, where that applies anything now, or in another panel."""
        marked = None if self.takes_off else self._chosen(found, cures)
        after = -1 if marked is None else marked
        return [
            offer(cause, found, one, "" if place == marked else "] then " if place > after else "[ then ")
            if offers or one is None
            else ""
            for place, (cause, one) in enumerate(zip(found.causes, cures, strict=True))
        ]

    def _joined(self, sentences: list[str]) -> Text:
        return Text("\n").join(Text(self._shown(sentence), "default") for sentence in sentences)

    def _listed(self, opening: str, sentences: tuple[str, ...] | list[str]) -> RenderableType:
        if not any(sentences):
            return ""
        table = Table.grid()
        table.add_column(width=cell_len(opening))
        table.add_column(ratio=1)
        for sentence in sentences:
            table.add_row(Text(opening, self.state.look.muted), Text(self._shown(sentence)))
        return table

    def _evidence(self, found: PartialExplanation) -> RenderableType:
        from icldiag.analyses.explanation import Explanation, findings

        said = "evidence so far; no cause is named before all of it is weighed"
        if isinstance(found, Explanation):
            said = f"evidence, from {found.runs} changed prompts and passes"
        return Group(
            Text(said, self.state.look.muted), evidence_table(findings(found), self.room.width, self.state.look)
        )
