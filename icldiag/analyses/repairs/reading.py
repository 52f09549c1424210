"""Repairs in words, the same in the app, the report and the command. Names of repairs hold texts of the user."""

from __future__ import annotations

from icldiag.analyses.repairs.compute import Repairs, Trial
from icldiag.analyses.repairs.effect import Effect

SIGNIFICANT = 0.05


def finding(repairs: Repairs) -> str:
    """What came of it: the winner with its confirmed effect, or why there is none."""
    tried, texts = len(repairs.trials), len(repairs.selection)
    best = repairs.best
    if best is None:
        if repairs.query is not None and repairs.mender is None:
            return f"None of {tried} repairs mends this query."
        wanted = "gains on" if repairs.query is None else "mends this query without losing on"
        return (
            f"None of {tried} repairs {wanted} the {texts} labelled texts that they were compared on.{_mender(repairs)}"
        )
    chosen = f"{best.repair.name} ({_signed(best.selection.net)} of {texts})"
    if repairs.confirmed is None:
        return (
            f"Best of {tried} tried: {chosen}. There are too few labelled texts to confirm it on others, "
            "so this gain promises too much; add labelled texts to 'examples'."
        )
    others = f"the {repairs.confirmed.count} labelled texts that it was neither made from nor chosen by"
    mends = "" if repairs.query is None else "It mends this query. "
    if repairs.holds:
        return f"Best of {tried}: {chosen}. {mends}On {others}: {in_short(repairs.confirmed)}."
    lost = "gains nothing" if repairs.query is None else "mends this query but loses"
    return f"No repair holds. The best of {tried}, {chosen}, {lost} on {others}: {in_short(repairs.confirmed)}."


def _mender(repairs: Repairs) -> str:
    """The least harmful repair that mends the query although it does not win."""
    if repairs.mender is None:
        return ""
    trial = repairs.trials[repairs.mender]
    net = f"{_signed(trial.selection.net)} of {trial.selection.count}"
    return f" The best that mends it, {trial.repair.name}, {verdict(repairs, trial, repairs.query)} ({net})."


def verdict(repairs: Repairs, trial: Trial, query: int | None) -> str:
    """What a repair does to a query, and to the other labelled texts on balance."""
    mends = None if query is None else repairs.mends(trial, query)
    own = 0 if query is None else (query in trial.queries.mended) - (query in trial.queries.broken)
    others = trial.selection.net + trial.queries.net - own
    changes = len(trial.selection.mended + trial.selection.broken + trial.queries.mended + trial.queries.broken) - abs(
        own
    )
    if mends:
        balance = {1: "and others", 0: "and as many others as it breaks", -1: "but breaks others"}[_sign(others)]
        return f"mends this query {balance}" if changes else "mends this query and changes nothing else"
    if not changes and not own:
        return "changes nothing"
    balance = {1: "mends others", 0: "mends as many as it breaks", -1: "breaks others"}[_sign(others)]
    if own < 0:
        return "breaks this query but mends others" if others > 0 else "breaks this query"
    return f"{balance}, not this query" if mends is False and others >= 0 else balance


def in_short(effect: Effect) -> str:
    """Accuracy before and after, what changed, and the test of it."""
    if not effect.mended and not effect.broken:
        return f"{effect.right_before} right before and after, none mended or broken"
    p = effect.p_value
    chance = "unlikely to be chance" if p < SIGNIFICANT else "may be chance"
    written = f"{p:.2f}" if p >= 0.01 else f"{p:.1g}"  # never 0.00
    return (
        f"{effect.right_before} right before, {effect.right_after} after "
        f"({len(effect.mended)} mended, {len(effect.broken)} broken, McNemar p = {written}: {chance})"
    )


def _signed(number: int) -> str:
    return f"{number:+d}" if number else "0"


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
