"""What survives compression, and how much faster a query is: the paper's table 2 and its table of speed-ups."""

from __future__ import annotations

from collections.abc import Iterator

from icldiag.page.blocks import Block, Part, Table
from icldiag.sweeps.numbers import Numbers, number
from icldiag.sweeps.parts.shared import LOYALTIES, OVER_SEEDS, Row, percent, table_of

METHODS = {
    "full": "full prompt",
    "text_anchor": "Text_anchor",
    "hidden_random": "Hidden_random",
    "hidden_random_top": "Hidden_random-top",
    "hidden_anchor": "Hidden_anchor",
}
_SPEEDS = {
    "speed_up": ("speed-up over the whole prompt", 1),
    "speed_up_on_cache": ("speed-up over the full cache", 1),
    "demonstration_tokens": ("demonstrations' tokens", 0),
    "mean_query_tokens": ("a query's tokens", 0),
}


def part(numbers: Numbers) -> Part:
    mean: list[Row] = []
    each: list[Row] = []
    for model in numbers.models:
        for method, name in METHODS.items():
            of_method = [number(method, measure) for measure in LOYALTIES]
            mean.append((model, name, *(numbers.mean_spread(model, "compression", one).percent() for one in of_method)))
        for task in numbers.tasks:
            for method, name in METHODS.items():
                spreads = [numbers.spread(model, task, "compression", number(method, one)) for one in LOYALTIES]
                each.append((model, task.name, name, *(one.percent() for one in spreads)))
    measures = tuple(LOYALTIES.values())
    blocks: list[Block] = [
        table_of(
            numbers,
            "methods",
            f"Compression: loyalties and accuracy in percent, mean over prompts, then {OVER_SEEDS}.",
            ("model", "method", *measures),
            mean,
        ),
        table_of(
            numbers,
            "by-prompt",
            f"Compression, prompt by prompt, in percent, {OVER_SEEDS}.",
            ("model", "prompt", "method", *measures),
            each,
            place="folded",
        ),
        *_speed_ups(numbers),
    ]
    return Part("compression", "Context compression", " ".join(_readings(numbers)), tuple(blocks))


def _readings(numbers: Numbers) -> Iterator[str]:
    for model in numbers.models:
        kept, drawn = (
            numbers.mean_spread(model, "compression", number(method, "label_loyalty")).mean
            for method in ("hidden_anchor", "hidden_random")
        )
        if kept is not None and drawn is not None:
            yield (
                f"{model}: on label words and template alone {percent(kept)}% of the answers stay, with random words "
                f"for the label words {percent(drawn)}%."
            )


def _speed_ups(numbers: Numbers) -> Iterator[Table]:
    rows: list[Row] = []
    for model in numbers.models:
        for key, (name, digits) in _SPEEDS.items():
            spreads = [numbers.spread(model, task, "compression", number(key)) for task in numbers.tasks]
            if any(spread.values for spread in spreads):
                rows.append((model, name, *(spread.text(digits) for spread in spreads)))
    if rows:
        columns = ("model", "Hidden_anchor", *(task.name for task in numbers.tasks))
        yield table_of(numbers, "speed-up", f"A query on the compressed cache, {OVER_SEEDS}.", columns, rows)
