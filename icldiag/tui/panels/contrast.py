"""Panel Contrast: which words push towards the answer and away from its rival, and what taking them out does."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from icldiag.render.pushes import pushes, pushing_words
from icldiag.render.tokens import signed_strip, token_pieces
from icldiag.tui.panels.base import Finding, Line, Panel
from icldiag.tui.panels.cost import cost
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.analyses.contrast import Contrast, Deletion
    from icldiag.model.readout import FloatArray

_PARTS = (
    "groups-title",
    "groups",
    "deletion-title",
    "deletion",
    "strip-title",
    "strip",
    "words-title",
    "words",
    "itself",
)
_LEAST = 5  # words of each side


class ContrastPanel(Panel):
    """Signed weights by demonstration and token by token, and the deletion curve."""

    title, key, group = "Contrast", "C", "Look inside"
    analysis = "contrast"
    FOLLOWED: ClassVar[tuple[str, ...]] = ("measure",)
    purpose = (
        "Contrast: which demonstration and which words push towards the answer and away from the right label, and "
        "whether the answer changes without these words."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "measure", "other measure"),
        Binding("s", "delete", "take words out"),
        Binding("escape", "stop", "stop"),
    ]

    def compose(self) -> ComposeResult:
        yield Line(classes="waiting")
        yield Finding(id="finding", classes="body finding")
        yield Line(id="groups-title", classes="body title")
        yield Line(id="groups", classes="body")
        yield Line(id="deletion-title", classes="body title")
        yield Line(id="deletion", classes="body")
        yield Line(id="strip-title", classes="body title")
        yield Line(id="strip", classes="body")
        yield Line(id="words-title", classes="body title")
        yield Line(id="words", classes="body")
        yield Line(id="itself", classes="body gap")

    def on_mount(self) -> None:
        self.measure = 0

    def show(self) -> None:
        from icldiag.analyses.contrast import ReadContrast
        from icldiag.analyses.contrast.compute import MEASURES
        from icldiag.analyses.contrast.reading import reading, reading_of_deletion, reading_of_itself

        request = ReadContrast(self.state.query)
        found = self.result(request)
        for name in _PARTS:
            self.query_one(f"#{name}").display = found is not None
        if found is None:
            self.query_one("#finding", Line).set(self.trouble(request))
            return
        measure, look = MEASURES[self.measure], self.state.look
        deletion = self._deletion()
        second = "" if deletion is None else reading_of_deletion(deletion)
        self.query_one("#finding", Line).set(self.two_sentences(reading(found, measure, deletion), second))
        answer, rival = (visible(found.labels[label], look.ascii_only) for label in (found.answer, found.rival))
        title = f"{measure}, nats to first order: towards {rival} at the left, {answer} at the right"
        self.query_one("#groups-title", Line).set(title)
        self.query_one("#groups", Line).set(pushes(found, measure, self.room.width, look))
        itself = Text(reading_of_itself(found) if measure == "flow" else "", look.muted)
        self.query_one("#itself", Line).set(itself)
        self._show_deletion(deletion)
        self._show_strip(found)
        words = self.query_one("#words", Line)
        self.query_one("#words-title", Line).set(f"words of texts and labels that push most, {measure}, nats")
        under = self.rows_of([self.query_one("#itself")])
        rows = max(_LEAST, self.room_under(words) - under - 1)
        words.set(pushing_words(found, measure, rows, self.room.width, look))

    def _deletion(self) -> Deletion | None:
        from icldiag.analyses.contrast import DeleteWords

        return self.peek(DeleteWords(self.state.query))

    def _show_deletion(self, found: Deletion | None) -> None:
        """The lead by how many words are taken out, or what to press."""
        from icldiag.analyses.contrast import DeleteWords
        from icldiag.analyses.contrast.compute import MEASURES

        title, lines = self.query_one("#deletion-title", Line), self.query_one("#deletion", Line)
        request = DeleteWords(self.state.query)
        if found is None:
            title.set("")
            going = request in self.state.failures or request.job in self.state.doing
            lines.set(self.trouble(request) if going else self._offer())
            return
        title.set("lead without the words of the texts that push most, nats")
        rows = [("words taken out", ["0", *map(str, found.sizes), "mean", "more than random"])]
        for measure in MEASURES:
            more, leads = found.more(measure), found.leads[measure]
            beside = "" if more is None else f"{more.value:+.1f} ({more.low:+.1f} to {more.high:+.1f})"
            rows.append((measure, [*_nats(found.contrast.lead, *leads, *_mean(leads)), beside]))
        drawn = found.random.mean(axis=0)
        rows.append((f"random, mean of {found.draws}", _nats(found.contrast.lead, *drawn, *_mean(drawn))))
        head = max(len(name) for name, _ in rows)
        text = "\n".join(
            f" {name:<{head}}" + "".join(f"{cell:>6}" if len(cell) < 6 else f"  {cell}" for cell in cells)
            for name, cells in rows
        )
        lines.set(Text(text, no_wrap=True))

    def _offer(self) -> str:
        from icldiag.analyses.contrast.compute import MEASURES
        from icldiag.analyses.contrast.deletion import DRAWS, SIZES

        prompts, encoded = len(SIZES) * (len(MEASURES) + DRAWS), self.session.encoded
        query = max(1, len(encoded.queries[self.state.query].ids))
        passes = prompts * (1 + len(encoded.prefix) / query)  # each changes the demonstrations too
        what = f"Press s to take the words that push most out, and random ones, up to {prompts} changed prompts."
        return f"{what} {cost(self, passes)}"

    def _show_strip(self, found: Contrast) -> None:
        from icldiag.analyses.contrast.compute import MEASURES

        session, query, look = self.session, self.state.query, self.state.look
        pieces = token_pieces(session.encoded, session.query_tokens(query), query)
        weights = found.tokens(MEASURES[self.measure]).tolist()
        answer, rival = (visible(found.labels[label], look.ascii_only) for label in (found.answer, found.rival))
        self.query_one("#strip-title", Line).set(
            f"token by token: shaded (+1) towards {answer}, underlined (-1) towards {rival}"
        )
        known = len(pieces) == len(weights)
        self.query_one("#strip", Line).set(signed_strip(pieces, weights, look) if known else "")

    def idle(self) -> set[str]:
        return {"delete"} if "deletion" in self.state.doing else {"stop"}

    def action_measure(self) -> None:
        from icldiag.analyses.contrast.compute import MEASURES

        self.measure = (self.measure + 1) % len(MEASURES)
        self.refresh_panel()

    def action_delete(self) -> None:
        from icldiag.analyses.contrast import DeleteWords

        if self.state.session is not None:
            self.start(DeleteWords(self.state.query))

    def action_stop(self) -> None:
        from icldiag.analyses.contrast import DeleteWords

        self.cancel(DeleteWords.job)


def _nats(*leads: float) -> list[str]:
    return [f"{lead:+.1f}" for lead in leads]


def _mean(leads: FloatArray) -> list[float]:
    """Over the words taken out; none where none were."""
    return [float(leads.mean())] if leads.size else []
