"""The `icldiag` command; its subcommands are in `commands/`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from icldiag.commands import COMMANDS, GROUPS
from icldiag.commands.defaults import give_defaults
from icldiag.commands.endings import ReaderGone, Stopped, sigterm_stops
from icldiag.commands.model_options import takes_model
from icldiag.commands.options import Ascii
from icldiag.commands.repetition import StrictCommand, StrictGroup
from icldiag.crash import last_words
from icldiag.errors import IcldiagError
from icldiag.foreign_errors import cure_of_import
from icldiag.quoting import brief, shortened
from icldiag.streams import echo_again, flush_output, give_up_output, is_of_output, prepare_streams, stop_echo
from icldiag.version import __version__, commit

if TYPE_CHECKING:
    from icldiag.model.settings import ModelSettings

# The base of all that can be wrong with arguments; typer brings a click of its own, or uses the one that is installed.
_WrongUse: Any = typer.BadParameter.__mro__[2]

app = typer.Typer(
    cls=StrictGroup,
    help="Shows why a few-shot prompt on a GPT-style model gives the wrong label. "
    "Without a command, opens a bundled sample that fails.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for name, command in COMMANDS.items():
    app.command(name, cls=StrictCommand)(command)
for group, (text, commands) in GROUPS.items():
    within = typer.Typer(cls=StrictGroup, help=text, no_args_is_help=True, rich_markup_mode=None)
    for name, command in commands.items():
        within.command(name, cls=StrictCommand)(command)
    app.add_typer(within, name=group)


@app.callback(invoke_without_command=True)
@takes_model
def start(
    context: typer.Context,
    *,
    model: ModelSettings,
    ascii_only: Ascii = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    print_config: Annotated[bool, typer.Option("--print-config", help="Print all settings and exit.")] = False,
) -> None:
    """Open the app on a bundled sample that fails. Options before a command are the command's."""
    if version:
        of_commit = commit()
        print(f"icldiag {__version__}" + (f" (commit {of_commit})" if of_commit else ""))
        raise typer.Exit
    if print_config:
        from icldiag.config import config_path, read_config
        from icldiag.tui.preferences import all_bindings, check_settings
        from icldiag.tui.settings_text import as_toml

        config = read_config()
        check_settings(config, config_path())
        print(f"# {config_path()}\n{as_toml(config, all_bindings())}", end="")
        raise typer.Exit
    if context.invoked_subcommand is not None:
        give_defaults(context, context.invoked_subcommand)
        return
    stop_echo()
    from icldiag.samples import DEFAULT_SAMPLE, sample_path
    from icldiag.tui.process import run_app

    raise typer.Exit(run_app(sample_path(DEFAULT_SAMPLE), model, ascii_only))


def main() -> None:
    """The `icldiag` command: errors that a user can act on become one sentence and an exit code."""
    prepare_streams()
    code = 0
    try:
        try:
            # Not in typer's standalone mode: its errors quote an argument as long as it is.
            with sigterm_stops():
                code = app(prog_name="icldiag", standalone_mode=False) or 0
        finally:
            echo_again()
            flush_output()
    except _WrongUse as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            raise SystemExit(error.exit_code) from None
        asked = error.ctx.command_path if getattr(error, "ctx", None) else "icldiag"
        _tell(f"{shortened(brief(error.format_message()).rstrip('.'), 160)}; see {asked} --help", error.exit_code)
    except IcldiagError as error:
        _tell(str(error), error.exit_code)
    except KeyboardInterrupt as stop:
        stopped = Stopped(stop)
        _tell(str(stopped), stopped.exit_code)
    except (BrokenPipeError, ReaderGone):  # silent, as of any command before `head`
        give_up_output()
        raise SystemExit(141) from None
    except Exception as error:  # the last boundary: whatever it is, one sentence
        if isinstance(error, OSError) and is_of_output(error):
            give_up_output()
            _tell(f"cannot write to standard output: {error.strerror}; send it elsewhere", 1)
        if cure := cure_of_import(error):
            _tell(cure, 1)
        _tell(last_words(error), 1)  # a fault of ours: a traceback would show the user's texts
    raise SystemExit(code)


def _tell(sentence: str, code: int) -> NoReturn:
    from icldiag.visible import visible

    print(f"icldiag: {visible(sentence)}", file=sys.stderr)
    raise SystemExit(code) from None
