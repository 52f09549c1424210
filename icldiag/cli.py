"""The `icldiag` command; its subcommands are in `commands/`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from icldiag import __version__
from icldiag.commands import COMMANDS, GROUPS
from icldiag.commands.open import open_app
from icldiag.commands.options import Ascii, Compile, Device, DeviceMap, Dtype, Model, Quantize, Revision, Trust
from icldiag.crash import last_words
from icldiag.errors import IcldiagError

app = typer.Typer(
    help="Shows why a few-shot prompt on a GPT-style model gives the wrong label. "
    "Without a command, opens a bundled sample that fails.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for name, command in COMMANDS.items():
    app.command(name)(command)
for group, (text, commands) in GROUPS.items():
    within = typer.Typer(help=text, no_args_is_help=True, rich_markup_mode=None)
    for name, command in commands.items():
        within.command(name)(command)
    app.add_typer(within, name=group)


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    model: Model = "bundled",
    device: Device = "auto",
    dtype: Dtype = "auto",
    revision: Revision = None,
    trust_remote_code: Trust = False,
    ascii_only: Ascii = False,
    device_map: DeviceMap = None,
    quantize: Quantize = None,
    compiled: Compile = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    print_config: Annotated[bool, typer.Option("--print-config", help="Print all settings and exit.")] = False,
) -> None:
    """Open the app on a bundled sample that fails."""
    if version:
        print(f"icldiag {__version__}")
        raise typer.Exit
    if print_config:
        from icldiag.config import config_path, read_config
        from icldiag.tui.settings import as_toml, check_settings

        config = read_config()
        check_settings(config, config_path())
        print(f"# {config_path()}\n{as_toml(config)}", end="")
        raise typer.Exit
    if context.invoked_subcommand is None:
        from icldiag.samples import DEFAULT_SAMPLE, sample_path

        where = (device_map, quantize, compiled)
        open_app(sample_path(DEFAULT_SAMPLE), model, device, dtype, revision, trust_remote_code, ascii_only, *where)


def main() -> None:
    """The `icldiag` command: errors that a user can act on become one sentence and an exit code."""
    from icldiag.render.visible import visible

    try:
        app()
    except IcldiagError as error:
        print(f"icldiag: {visible(str(error))}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        print("icldiag: stopped", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:  # the reader of our output, such as `head`, has gone
        sys.stderr.close()
        raise SystemExit(141) from None
    except Exception as error:  # a fault of ours: a traceback would show the user's texts
        print(last_words(error), file=sys.stderr)
        raise SystemExit(1) from None
