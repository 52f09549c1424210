"""The end of every command that makes a prompt file: show what was made, ask where it was guessed, write."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from icldiag.errors import IcldiagError, PromptError
from icldiag.files import is_stdout, is_taken, write_document
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Prompt
from icldiag.prompt.write import as_its_ending_says, as_yaml
from icldiag.quoting import listed, quoted_path, shortened
from icldiag.visible import visible

_SHOWN = 3  # demonstrations
_LABELS = 100
_TEXT, _TEMPLATE = 300, 2000  # characters; a template is shown to be confirmed


def output_prompt(
    prompt: Prompt,
    told: Sequence[str],
    output: Path | None,
    *,
    ask: bool,
    force: bool,
    comments: Mapping[str, str] | None = None,
) -> None:
    """Show the prompt on stderr, and write it to a file or, without one, to stdout.

    Args:
        told: lines to show first.
        ask: whether to have it confirmed first, because the template was inferred.

    Raises:
        IcldiagError: it is not confirmed, cannot be because there is no terminal, or a file would be overwritten; or
            the prompt cannot be a file.
    """
    if output is not None and not is_stdout(output) and is_taken(output) and not force:
        raise IcldiagError(f"{quoted_path(output)} is there already; overwrite it with --force, or choose another -o")
    text = as_yaml(prompt, comments=comments)
    check_round_trip(text, prompt)
    for line in [*told, *summary(prompt)]:
        print(visible(line), file=sys.stderr)
    if ask:
        if not sys.stdin.isatty():
            raise IcldiagError("this template was inferred; if it is right, repeat the command with --yes")
        print("This template was inferred. Is it right? [Y/n] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("", "y", "yes"):  # input() would write to stdout
            raise IcldiagError("nothing was written")
    write_document(text if output is None else as_its_ending_says(text, output), output)
    if not is_stdout(output):
        print(f"prompt written to {visible(str(output))}", file=sys.stderr)


def summary(prompt: Prompt) -> list[str]:
    """The prompt's parts in a few lines, each as the model reads it; of a long text the beginning and the end."""
    lines = [f"  template        {shortened(prompt.template, _TEMPLATE)}"]
    if not prompt.chat:  # turns have none
        lines.append(f"  separator       {shortened(prompt.separator, _TEMPLATE)}")
    if prompt.opening:
        lines.append(f"  instruction     {shortened(prompt.opening, _TEMPLATE)}")
    lines.append(f"  label words     {listed((repr(label.word) for label in prompt.labels), _LABELS)}")
    lines.append(f"  demonstrations  {len(prompt.demonstrations)}")
    for example in prompt.demonstrations[:_SHOWN]:
        name = shortened(prompt.label_names[example.label or 0])
        lines.append(f"    {shortened(example.text, _TEXT)}  ->  {name}")
    if len(prompt.demonstrations) > _SHOWN:
        lines.append("    ...")
    lines.append(f"  queries         {len(prompt.queries)}, the first: {shortened(prompt.queries[0].text, _TEXT)}")
    if prompt.examples:
        lines.append(f"  examples        {len(prompt.examples)}")
    return lines


def check_round_trip(text: str, prompt: Prompt) -> None:
    """Raise PromptError unless the text, as a prompt file, is the prompt: nothing may be lost on the way into it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prompt.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            same = read_prompt(path).hash == prompt.hash
        except PromptError as error:
            raise PromptError(error.message, path=prompt.path, field=error.field) from None
    if not same:
        raise PromptError("this prompt cannot be written to a file and read back as it is", path=prompt.path)
