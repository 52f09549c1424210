"""`icldiag check`: what a prompt file says, and how a model's tokenizer cuts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from icldiag.counting import counted
from icldiag.model.load import load_config, load_tokenizer
from icldiag.model.settings import ModelSettings
from icldiag.model.sliding import sliding_window_of
from icldiag.prompt.encode import encode, query_tokens
from icldiag.prompt.encoded_prompt import Span, Token
from icldiag.prompt.same_texts import same_text_warnings
from icldiag.prompt.schema import Prompt
from icldiag.prompt.spaces import space_warnings
from icldiag.prompt.template import warnings_of
from icldiag.quoting import shortened
from icldiag.shipped import shown_name
from icldiag.visible import visible

_PIECES = 20  # tokens of a label word that are listed


def describe(prompt: Prompt) -> str:
    """The prompt in a few lines, without the warnings; reading it has validated it."""
    shown = Counter(prompt.label_names[example.label] for example in prompt.demonstrations if example.label is not None)
    gold = sum(query.label is not None for query in prompt.queries)
    lines = [
        f"{visible(prompt.name if prompt.path is None else shown_name(prompt.path))}: a valid prompt",
        f"  name            {visible(prompt.name)}",
        f"  template        {visible(prompt.template)}",
        "  turns           written by the model's chat template"
        if prompt.chat
        else f"  separator       {visible(prompt.separator)}",
        f"  scoring         {prompt.scoring}",
        f"  anchor          {prompt.anchor}",
        f"  queries         {len(prompt.queries)}, {gold} with a gold label",
        f"  examples        {len(prompt.examples)}",
        f"  demonstrations  {len(prompt.demonstrations)}",
        "  label words, and how often each is demonstrated:",
    ]
    width = max(len(shortened(name)) for name in prompt.label_names)
    for label in prompt.labels:
        lines.append(f"    {shortened(label.name):{width}}  {shortened(label.word)!r}  {shown[label.name]}")
    return "\n".join(lines)


def describe_warnings(prompt: Prompt) -> str:
    """What is worth a warning whatever the model; `describe_tokens` tells it too."""
    warnings = [*same_text_warnings(prompt), *space_warnings(prompt)]
    warnings += [*warnings_of(prompt.template, prompt.instruction, prompt.fields), *prompt.notes]
    return "".join(f"\n  warning: {visible(warning)}" for warning in warnings)


def describe_tokens(prompt: Prompt, settings: ModelSettings) -> str:
    """Label tokens, spans, and every token with its position and role; loads the tokenizer, not the weights."""
    reader = load_tokenizer(settings)
    tokenizer, window, _ = reader
    encoded = encode(prompt, *reader)
    limit = f" of the context window's {window}" if window else ""
    lines = [
        "",
        f"tokenized by {visible(settings.name)}",
        f"  demonstrations  {counted(len(encoded.prefix), 'token')}",
        f"  longest prompt  {encoded.longest} tokens{limit}",
        "  label tokens:",
    ]
    for label, ids in zip(prompt.labels, encoded.label_tokens, strict=True):
        pieces = " + ".join(f"{visible(tokenizer.decode([token]))!r} ({token})" for token in ids[:_PIECES])
        pieces += f" + {len(ids) - _PIECES} more" if len(ids) > _PIECES else ""
        scored = "" if len(ids) == 1 else f"   scored on {'the first' if prompt.scoring == 'first' else 'all'}"
        if encoded.terminated is not None:
            end = encoded.terminated[prompt.label_names.index(label.name)][-1]
            scored = f"   scored with {visible(tokenizer.decode([end]))!r} ({end}) after it"
        lines.append(f"    {shortened(label.name)}: {pieces}{scored}")
    if prompt.demonstrations:
        lines.append("  spans [start, stop) of the demonstrations:")
    for number, place in enumerate(encoded.demonstrations, start=1):
        lines.append(
            f"    {number}: {list(place.span)}  {_spans(prompt, place.texts)}  label word {list(place.label)} "
            f"= {visible(prompt.label_names[place.label_class])}"
        )
    lines += ["  tokens, a role in each bracket:"] if encoded.prefix else []
    lines += [*_strip(encoded.tokens, 0, encoded.prefix)]
    after = ", after the demonstrations" if prompt.demonstrations else ""
    lines += [f"  the first query{after}; its last token is the target position:"]
    lines += _strip(query_tokens(encoded, tokenizer, 0), len(encoded.prefix), encoded.queries[0].ids)
    lines += [f"  warning: {visible(warning)}" for warning in encoded.warnings]
    sliding = sliding_window_of(load_config(settings).get_text_config())
    cut = None if sliding is None else sliding.warning(encoded)
    lines += [f"  warning: {visible(cut)}"] if cut else []
    foreign = prompt.calibration and prompt.calibration.warning(settings.name)
    lines += [f"  warning: {visible(foreign)}"] if foreign else []
    if getattr(tokenizer, "chat_template", None) and not prompt.chat:
        lines.append(
            "  note: this model has a chat template, and the prompt is plain text; 'chat: true' asks in its turns"
        )
    lines += [f"  note: {visible(note)}" for note in reader.notes]
    return "\n".join(lines)


def _spans(prompt: Prompt, texts: Sequence[Span]) -> str:
    """Of each field of the template."""
    return "  ".join(f"{visible(name)} {list(span)}" for name, span in zip(prompt.fields, texts, strict=True))


def _strip(tokens: tuple[Token, ...], start: int, ids: tuple[int, ...]) -> list[str]:
    """Runs of tokens of one role, a line each: positions, role, and the tokens parted by `|`."""
    lines: list[str] = []
    run: list[str] = []
    for index, token in enumerate(tokens):
        run.append(visible(token.text) if token.text else f"#{ids[index]}")
        last = index + 1 == len(tokens)
        if last or _part(tokens[index + 1]) != _part(token):
            first = start + index + 1 - len(run)
            lines.append(f"    {first:5} {'[' + (token.field or token.role) + ']':13} {'|'.join(run)}")
            run = []
    return lines


def _part(token: Token) -> tuple[str, int | None, str | None]:
    return token.role, token.demonstration, token.field


def describe_answers(prompt: Prompt, settings: ModelSettings) -> str:
    """What the model does with the prompt: the labels' mass, what it would write, whether the scoring counts."""
    from icldiag.analyses import ANALYSES
    from icldiag.session import Session

    session = Session(prompt, settings)
    lines = ["", f"answered by {visible(settings.name)}"]
    for result, name in (
        (session.prediction(), "prediction"),
        (session.generation(), "generation"),
        (session.scorings(), "scoring"),
    ):
        lines.append(f"  {name:15} {visible(ANALYSES[name].section.reading(result, None))}")
    return "\n".join(lines)
