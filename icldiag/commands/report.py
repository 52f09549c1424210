"""`icldiag report`: the analyses without the app."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from icldiag.commands.against import other, refuse_of_one, write_comparison
from icldiag.commands.completions import analyses, models, one_of
from icldiag.commands.endings import stop_code
from icldiag.commands.model_options import takes_model
from icldiag.commands.options import FigureType, PromptPath
from icldiag.errors import UsageError
from icldiag.quoting import did_you_mean, shortened

if TYPE_CHECKING:
    from icldiag.analyses.analysis import Context
    from icldiag.model.settings import ModelSettings

LossTarget = Literal["gold", "predicted"]
HeadSum = Literal["signed", "absolute"]
Against = Literal["predicted", "gold"]
IsolatedRows = Literal["renormalised", "zeroed"]
Positions = Literal["kept", "restart"]
Keys = Literal["as_attended", "position_free"]


FORMATS_OFFERED = ("json", "md", "html", "text", "latex", "csv", "figures")
FORMATS_HELP = (
    "json, md, html, text, latex (a file); csv, figures (a folder); else as -o ends, or json (text on a terminal)."
)
SCHEMA = "Print the JSON Schema of the JSON report and exit."


def schema(wanted: bool) -> None:
    """Print the schema and leave, before a prompt is asked for."""
    if wanted:
        import json

        from icldiag.report.schema import json_schema

        print(json.dumps(json_schema(), indent=1))
        raise typer.Exit


def analysis(text: str, **limits: Any) -> Any:
    """An option that analyses read: the help begins with their names."""
    return typer.Option(help=text, **limits)


def refuse_unread(context: typer.Context, names: Collection[str]) -> None:
    """Raise IcldiagError for an option on the command line that none of these analyses reads."""
    from icldiag.analyses import ANALYSES

    for option in context.command.params:
        readers = (getattr(option, "help", None) or "").partition(":")[0].split(", ")
        source = context.get_parameter_source(option.name or "")
        given = source is not None and source.name == "COMMANDLINE"
        if given and set(readers) <= set(ANALYSES) and not set(readers) & set(names):
            reason = f"{option.opts[0]} is for {' and '.join(readers)}, which --only leaves out"
            raise UsageError(f"{reason}; add {readers[0]} to --only, or remove {option.opts[0]}")


@contextmanager
def interruptible(stored: bool) -> Iterator[None]:
    """Say what Ctrl-C leaves: never half a report, but the answers that were complete, where they are stored."""
    try:
        yield
    except KeyboardInterrupt as stop:
        rest = "; what is computed is kept, and the same command continues" if stored else ""
        print(f"icldiag: stopped, no report is written{rest}", file=sys.stderr)
        raise typer.Exit(stop_code(stop)) from None


@takes_model
def report(
    prompt: PromptPath,
    *,
    context: typer.Context,
    model: ModelSettings,
    against: Annotated[
        str | None,
        typer.Option(metavar="MODEL", autocompletion=models, help="Another model, to compare with on the same prompt."),
    ] = None,
    format: Annotated[
        str | None, typer.Option(autocompletion=one_of(*FORMATS_OFFERED), help=FORMATS_HELP, show_default=False)
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(autocompletion=analyses, help="Analyses to compute, such as prediction,confusion."),
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A file, or a folder; - prints.")] = None,
    figure_type: FigureType = "svg",
    print_schema: Annotated[bool, typer.Option("--print-schema", callback=schema, is_eager=True, help=SCHEMA)] = False,
    beta: Annotated[Path | None, typer.Option(help="A saved beta, used in every analysis.")] = None,
    redact: Annotated[bool, typer.Option("--redact", help="Leave out all texts but label names and ids.")] = False,
    layer: Annotated[int | None, analysis("confusion: the anchors' layer; see 'icldiag docs confusion'.")] = None,
    keys: Annotated[Keys, analysis("confusion: keys as attended, or with rotary positions undone.")] = "position_free",
    loss_target: Annotated[LossTarget, analysis("saliency: the label that the loss is taken against.")] = "gold",
    head_sum: Annotated[HeadSum, analysis("saliency: heads' sum; 'absolute' as the paper's formula.")] = "signed",
    token_view: Annotated[str | None, analysis("saliency: layers whose flow is listed token by token, as 0-2.")] = None,
    isolate: Annotated[list[str] | None, analysis("isolation: also these layers, as in 0-2,5; repeatable.")] = None,
    top: Annotated[int, analysis("isolation, compression: word loyalty's k.", min=1)] = 5,
    isolated_rows: Annotated[
        IsolatedRows, analysis("isolation: 'zeroed' cuts after the softmax, as the paper's text.")
    ] = "renormalised",
    auc_against: Annotated[Against, analysis("extraction: labels that AUCROC is taken against.")] = "predicted",
    words_seed: Annotated[int, analysis("isolation: draws the control's random words.")] = 0,
    per_class: Annotated[int, analysis("reweighting: training examples per class.", min=1)] = 4,
    epochs: Annotated[int, analysis("reweighting: passes over the examples.", min=1)] = 10,
    learning_rate: Annotated[float, analysis("reweighting: Adam's.", min=0)] = 0.01,
    batch_size: Annotated[int, analysis("reweighting: examples a step; 0 takes all at once.", min=0)] = 1,
    patience: Annotated[int | None, analysis("reweighting: stop after so many epochs without gain.", min=1)] = None,
    examples_seed: Annotated[int, analysis("reweighting: draws the training examples.")] = 0,
    weighted_heads: Annotated[str | None, analysis("reweighting: only these heads, as 17.3,18.1, or anchor.")] = None,
    save_beta: Annotated[Path | None, analysis("reweighting: write the trained beta here (safetensors).")] = None,
    draws: Annotated[int, analysis("compression: how often random anchors are drawn.", min=1)] = 20,
    draws_seed: Annotated[int, analysis("compression: draws the random anchors.")] = 42,
    positions: Annotated[Positions, analysis("compression: of the query; 'restart' as the paper's code.")] = "kept",
    budget: Annotated[int, analysis("repairs: how many candidates are tried.", min=1)] = 40,
) -> None:
    """Compute the analyses without the app. The report goes to stdout, a file or a folder, progress to stderr."""
    from icldiag.inputs.sources import sources
    from icldiag.prompt.read import read_prompt

    with sources() as read:
        written = read_prompt(prompt)  # a wrong prompt is told before torch is imported
    read.refuse(output)
    read.refuse(save_beta)
    models = None if against is None else (model, other(model, against))

    from icldiag.analyses import ANALYSES
    from icldiag.analyses.reweighting.beta_file import require_beta
    from icldiag.analyses.reweighting.training import TrainingSettings
    from icldiag.counting import counted
    from icldiag.files import check_destination, is_stdout, write_document
    from icldiag.page.formats import FOLDERS, format_of
    from icldiag.page.terminal import print_page, print_part
    from icldiag.progress import progress_on_stderr
    from icldiag.report.document import chosen_sections, make_report
    from icldiag.report.identity import given_command
    from icldiag.report.models import COMPARED
    from icldiag.report.page import WORDS, page_of, part_of
    from icldiag.report.settings import ReportSettings, heads_from, layers_from
    from icldiag.report.write import FORMATS
    from icldiag.session import Session
    from icldiag.store import open_store
    from icldiag.visible import visible

    on_terminal = output is None and sys.stdout.isatty()  # where nobody reads thousands of lines of JSON
    format = format_of(format, output, "text" if on_terminal or models is not None else "json")
    if models is not None:
        refuse_of_one(format, beta, save_beta)
    if format not in (*FORMATS, *FOLDERS):
        known = (*FORMATS, *FOLDERS)
        raise UsageError(f"--format {shortened(format)}: {did_you_mean(format, known)}choose one of {', '.join(known)}")
    if format in FOLDERS and is_stdout(output):
        raise UsageError(f"--format {format} writes several files; name their folder with -o")
    check_destination(output, folder=format in FOLDERS)
    check_destination(save_beta)
    if beta is not None:
        require_beta(beta)
    wanted = None if only is None else [name.strip() for name in only.split(",")]
    names = chosen_sections(
        COMPARED if models and wanted is None else wanted
    )  # wrong names are told before the model is loaded
    refuse_unread(context, names)
    if wanted is None and models is None and sys.stderr.isatty():
        print(
            f"computing all {len(names)} analyses: minutes on a CPU, most of them for explanation, isolation, repairs "
            "and compression; --only overview,prediction takes less",
            file=sys.stderr,
        )
    settings = ReportSettings(
        layer=layer,
        keys=keys,
        loss_target=loss_target,
        heads=head_sum,
        token_layers=layers_from(token_view, "--token-view") if token_view else (),
        isolate=tuple(layers_from(layers) for layers in isolate or ()),
        top=top,
        random_words_seed=words_seed,
        renormalise=isolated_rows == "renormalised",
        against=auc_against,
        draws=draws,
        draws_seed=draws_seed,
        positions=positions,
        training=TrainingSettings(
            per_class, epochs, learning_rate, batch_size, patience, examples_seed, heads_from(weighted_heads)
        ),
        budget=budget,
    )
    if models is not None:
        with progress_on_stderr() as (stage, progress), interruptible(open_store(written, model) is not None):
            write_comparison(written, models, wanted, settings, format, output, figure_type, redact, stage, progress)
        return
    store = open_store(written, model)

    def section_begins(number: int, count: int) -> None:
        progress(f"section {number} of {count}: {ANALYSES[names[number - 1]].section.title}", 0, 0)

    streams = on_terminal and format == "text" and not redact  # each part is read while the next is computed
    printed: list[str] = []

    def section_ends(name: str, result: Any, context: Context) -> None:
        print_part(part_of(name, result, context))
        printed.append(name)

    with progress_on_stderr() as (stage, progress), interruptible(store is not None):
        session = Session(written, model, store=store)
        session.load(stage)
        if beta:
            session = session.with_saved_beta(beta)
        made = make_report(
            session,
            wanted,
            settings,
            progress,
            given_command(sys.argv[1:]),
            section_begins,
            section_ends if streams else lambda name, result, context: None,
        )
        if redact:
            made = made.redacted()
        if save_beta:
            session.save_beta(settings.training, save_beta)
        if format in FOLDERS and output is not None:
            files = FOLDERS[format](page_of(made), output, figure_type, progress)
        elif not (on_terminal and format == "text"):
            text = FORMATS[format](made)
    if on_terminal and format == "text":
        page = page_of(made)
        print_page(replace(page, parts=tuple(part for part in page.parts if part.name not in (*printed, WORDS))))
        return
    if format in FOLDERS:
        print(f"{counted(len(files), 'file')} written to {visible(str(output))}", file=sys.stderr)
        return
    write_document(text, output)
    if not is_stdout(output):
        print(f"report written to {visible(str(output))}", file=sys.stderr)
