"""Commands and arguments only; everything heavy is imported inside the command that needs it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from icldiag import __version__
from icldiag.errors import IcldiagError

app = typer.Typer(
    help="Shows why a few-shot prompt on a GPT-style model gives the wrong label. "
    "Without a command, opens a bundled sample that fails.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

PromptPath = Annotated[Path, typer.Argument(metavar="PROMPT", help="A prompt file (YAML or JSON).")]
Model = Annotated[str, typer.Option(help="'bundled', a Hugging Face name, or a local folder.")]
OptionalModel = Annotated[str | None, typer.Option("--model", help="As in the other commands; none by default.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Dtype = Annotated[str, typer.Option(help="auto, float32, float16, bfloat16, float64.")]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.")]
Trust = Annotated[bool, typer.Option("--trust-remote-code", help="Run model code from the hub. Off by default.")]
Ascii = Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")]
LossTarget = Literal["gold", "predicted"]
Positions = Literal["kept", "restart"]


def analysis(text: str, **limits: Any) -> Any:
    """An option that analyses read: the help begins with their names."""
    return typer.Option(help=text, **limits)


def _settings(model: str, device: str, dtype: str, revision: str | None, trust: bool):  # type: ignore[no-untyped-def]  # noqa: ANN202
    from icldiag.model.load import ModelSettings

    return ModelSettings(model, device, dtype, revision, trust)


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    model: Model = "bundled",
    device: Device = "auto",
    dtype: Dtype = "auto",
    revision: Revision = None,
    trust_remote_code: Trust = False,
    ascii_only: Ascii = False,
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

        open_app(sample_path(DEFAULT_SAMPLE), model, device, dtype, revision, trust_remote_code, ascii_only)


@app.command("open")
def open_app(
    prompt: PromptPath,
    model: Model = "bundled",
    device: Device = "auto",
    dtype: Dtype = "auto",
    revision: Revision = None,
    trust_remote_code: Trust = False,
    ascii_only: Ascii = False,
) -> None:
    """Open the app on a prompt file."""
    from icldiag.tui.app import run_app

    raise typer.Exit(run_app(prompt, _settings(model, device, dtype, revision, trust_remote_code), ascii_only))


@app.command()
def report(
    prompt: PromptPath,
    model: Model = "bundled",
    format: Annotated[str, typer.Option(help="json or md.")] = "json",
    only: Annotated[str | None, typer.Option(help="Analyses to compute, such as prediction,confusion.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write here instead of printing.")] = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    revision: Revision = None,
    trust_remote_code: Trust = False,
    beta: Annotated[Path | None, typer.Option(help="A saved beta, in force in every analysis.")] = None,
    layer: Annotated[int | None, analysis("confusion: layer of the anchors' keys; two thirds up if not given.")] = None,
    loss_target: Annotated[LossTarget, analysis("saliency: the label that the loss is taken against.")] = "gold",
    isolate: Annotated[list[str] | None, analysis("isolation: also these layers, as in 0-2,5; repeatable.")] = None,
    top: Annotated[int, analysis("isolation, compression: word loyalty's k.", min=1)] = 5,
    words_seed: Annotated[int, analysis("isolation: draws the control's random words.")] = 0,
    per_class: Annotated[int, analysis("reweighting: training examples per class.", min=1)] = 4,
    epochs: Annotated[int, analysis("reweighting: passes over the examples.", min=1)] = 10,
    learning_rate: Annotated[float, analysis("reweighting: Adam's.", min=0)] = 0.01,
    batch_size: Annotated[int, analysis("reweighting: examples a step; 0 takes all at once.", min=0)] = 1,
    patience: Annotated[int | None, analysis("reweighting: stop after so many epochs without gain.", min=1)] = None,
    examples_seed: Annotated[int, analysis("reweighting: draws the training examples.")] = 0,
    save_beta: Annotated[Path | None, analysis("reweighting: write the trained beta here (safetensors).")] = None,
    draws: Annotated[int, analysis("compression: how often random anchors are drawn.", min=1)] = 20,
    draws_seed: Annotated[int, analysis("compression: draws the random anchors.")] = 42,
    positions: Annotated[Positions, analysis("compression: of the query; 'restart' as the paper's code.")] = "kept",
) -> None:
    """Compute the analyses without the app; the report goes to stdout or a file, progress to stderr."""
    from icldiag.prompt.schema import read_prompt

    written = read_prompt(prompt)  # a wrong prompt is told before torch is imported

    from icldiag.analyses.reweighting import TrainingSettings
    from icldiag.files import write_whole
    from icldiag.progress import progress_on_stderr
    from icldiag.report.document import chosen_sections, make_report
    from icldiag.report.settings import ReportSettings, layers_from
    from icldiag.report.write import FORMATS
    from icldiag.session import Session
    from icldiag.store import open_store

    if format not in FORMATS:
        raise IcldiagError(f"--format {format}: choose one of {', '.join(FORMATS)}")
    wanted = [name.strip() for name in only.split(",")] if only else None
    if save_beta and "reweighting" not in chosen_sections(wanted):  # wrong names are told before the model is loaded
        raise IcldiagError("--save-beta needs the analysis reweighting; add it to --only")
    settings = ReportSettings(
        layer=layer,
        loss_target=loss_target,
        isolate=tuple(layers_from(layers) for layers in isolate or ()),
        top=top,
        random_words_seed=words_seed,
        draws=draws,
        draws_seed=draws_seed,
        positions=positions,
        training=TrainingSettings(per_class, epochs, learning_rate, batch_size, patience, examples_seed),
    )
    with progress_on_stderr() as (stage, progress):
        chosen = _settings(model, device, dtype, revision, trust_remote_code)
        session = Session(written, chosen, store=open_store(written, chosen))
        session.load(stage)
        if beta:
            session = session.with_saved_beta(beta)
        made = make_report(session, wanted, settings, progress)
        if save_beta:
            session.save_beta(settings.training, save_beta)
        text = FORMATS[format](made)
    if output is None:
        sys.stdout.write(text)
    else:
        write_whole(text, output)
        print(f"report written to {output}", file=sys.stderr)


@app.command()
def check(
    prompt: PromptPath,
    model: OptionalModel = None,
    revision: Revision = None,
    trust_remote_code: Trust = False,
) -> None:
    """Validate a prompt file; with a model, also show how it tokenizes."""
    from icldiag.prompt.schema import read_prompt

    written = read_prompt(prompt)
    if model is None:
        from icldiag.check import describe

        print(describe(written))
        return
    from icldiag.check import describe, describe_tokens

    print(describe(written))
    print(describe_tokens(written, _settings(model, "cpu", "auto", revision, trust_remote_code)))


@app.command()
def doctor(
    model: OptionalModel = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    revision: Revision = None,
    trust_remote_code: Trust = False,
) -> None:
    """Show versions, devices, memory and terminal; with a model, whether icldiag computes exactly what it computes."""
    from icldiag.doctor import diagnose_model, diagnose_place

    print(diagnose_place())
    if model is not None:
        print(diagnose_model(_settings(model, device, dtype, revision, trust_remote_code)))


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
