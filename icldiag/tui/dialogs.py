"""What opens over the screen to be read or chosen from: help, glossary, changes, jobs, palette."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from textual.app import SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from icldiag.config import Config
from icldiag.errors import PromptError
from icldiag.tui.autosave import Autosave
from icldiag.tui.desk import Desk
from icldiag.tui.edits import Edits
from icldiag.tui.export import Export, QuitScreen
from icldiag.tui.help import changes_text, glossary_page, help_page, settings_page
from icldiag.tui.jobs import Jobs
from icldiag.tui.jobs_screen import JobsScreen
from icldiag.tui.keys import in_force
from icldiag.tui.messages import PromptSaved
from icldiag.tui.navigation import Navigation
from icldiag.tui.palette import commands, help_sections, panel_rows
from icldiag.tui.settings_text import as_toml, bindings_beside
from icldiag.tui.sheet import Sheet
from icldiag.tui.textual_fixes.command_palette import Actions, Palette
from icldiag.tui.unsaved_screen import UnsavedScreen
from icldiag.visible import visible


class Dialogs(Navigation):
    """Keys that open a page or a list; the key that opened it closes it."""

    COMMANDS = {Actions}  # noqa: RUF012
    desk: Desk
    edits: Edits
    jobs: Jobs
    export: Export
    autosave: Autosave
    config: Config
    BINDINGS: ClassVar[list[BindingType]] = []

    async def action_quit(self) -> None:
        if self.export.running:
            self.push_screen(QuitScreen(self.export), self.export.quit)
        elif self.state.edits and not self.autosave.save():
            self.push_screen(UnsavedScreen(self.autosave.failure or ""), self._answered)
        else:
            self.leave()

    def _answered(self, leaves: bool | None) -> None:
        if leaves:
            self.leave()

    def leave(self, code: int = 0) -> None:
        """The app's."""
        raise NotImplementedError

    def on_prompt_saved(self, message: PromptSaved) -> None:
        self.edits.saved_as(message.path)

    def action_changes(self) -> None:
        """What the session changed, line by line."""
        try:
            lines = self.edits.changes()
        except PromptError as error:
            self.tell(visible(str(error)), severity="warning")
            return
        if lines is None:
            self.tell("The prompt file is another by now; r reads it again.")
        elif not lines:
            self.tell("The prompt is as in the file.")
        else:
            self.push_screen(Sheet([changes_text(lines, self.state.look)], self._keys_of("app.changes")))

    def action_jobs(self) -> None:
        self.push_screen(JobsScreen(self.jobs, self.desk.dismiss))

    def action_help(self) -> None:
        self.push_screen(Sheet(help_page(help_sections(self), panel_rows(self)), self._keys_of("app.help")))

    def action_glossary(self) -> None:
        self.push_screen(Sheet(glossary_page(self.panel), self._keys_of("app.glossary")))

    def action_settings(self) -> None:
        text = as_toml(self.config, bindings_beside(self.BINDINGS))
        self.push_screen(Sheet(settings_page(text, self.desk.settings.name), "escape"))

    def _keys_of(self, name: str) -> str:
        """Of a binding, by its id."""
        return next(binding.key for binding in in_force(self.BINDINGS, self.keys) if binding.id == name)

    def action_command_palette(self) -> None:
        """Not over a dialog, whose panel its commands would change."""
        if len(self.screen_stack) == 1:
            self.push_screen(Palette(id="--command-palette"))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every action of the panel in front and of the app, then Textual's own."""
        yield from commands(self)
        yield from super().get_system_commands(screen)
