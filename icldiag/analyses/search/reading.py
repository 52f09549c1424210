"""Repairs in words, the same in the app, the report and the command. Names of repairs hold texts of the user."""

from __future__ import annotations

from icldiag.analyses.effect import SIGNIFICANT, Effect
from icldiag.analyses.search.repairs import Repairs
from icldiag.analyses.search.trials import Trial
from icldiag.counting import counted
from icldiag.prompt.adjustments import CalibrationKind

CALIBRATES: dict[CalibrationKind, str] = {  # what each kind does, for who has not met it
    "contextual": "label probabilities divided by those of texts that say nothing",
    "domain-context": "label probabilities divided by those of random words of the texts",
    "batch": "label probabilities divided by their mean over many texts",
    "full-label": "label words scored by token, then divided by those of texts that say nothing",
    "affine": "a scale and a bias for each label, fitted on labelled texts",
    "matrix": "each label's score made from those of all labels, fitted on labelled texts",
    "neighbours": "as matrix, and the examples most like a text vote for their labels",
}


def tried_kind(repairs: Repairs) -> str:
    """What was tried, in a word."""
    return "calibration" if len(repairs.calibrations) == len(repairs.trials) else "repair"


def finding(repairs: Repairs) -> str:
    """What came of it: the winner with its confirmed effect, or why there is none. A gain that may be chance says so
    first."""
    tried, texts = len(repairs.trials), len(repairs.selection)
    one = tried_kind(repairs)
    best = repairs.best
    query = "" if repairs.query is None else f"query {repairs.query + 1}"
    if best is None:
        if repairs.query is not None and repairs.mender is None:
            return f"None of {tried} {one}s fixes {query}."
        wanted = "gains on" if repairs.query is None else f"fixes {query} without losing on"
        none = (
            "None"
            if repairs.calibration is None
            else f"Compared with the {repairs.calibration} calibration in force, none"
        )
        return f"{none} of {tried} {one}s {wanted} the labelled texts that it was not made from.{_mender(repairs)}"
    chosen = f"{best.repair.name} ({signed(best.selection.net)} right of the {texts} texts it was compared on)"
    assert repairs.confirmed is not None
    others = _confirmed_on(repairs, repairs.confirmed)
    confirmed = in_short(repairs.confirmed)
    if repairs.query is not None:
        if repairs.holds:
            return f"First choice of {tried}: {chosen}. It fixes {query}. On {others}: {confirmed}."
        first = f"The first choice of {tried}, {chosen}, fixes {query} but loses on {others}"
        return f"No {one} holds. {first}: {confirmed}."
    if repairs.sure:
        return f"First choice of {tried}: {chosen}. On {others}: {confirmed}."
    if repairs.holds:
        return (
            f"No {one} is known to be better than chance. The first choice of {tried}, {chosen}, gains on {others}: "
            f"{confirmed}. {_more(repairs.confirmed)}"
        )
    return f"No {one} holds. The first choice of {tried}, {chosen}, gains nothing on {others}: {confirmed}."


def trial_in_short(repairs: Repairs, trial: Trial) -> str:
    """What is known of a repair's effect on other labelled texts than those it was chosen by, or that it is not."""
    if trial is repairs.best and repairs.confirmed is not None:
        return f"On {_confirmed_on(repairs, repairs.confirmed)}: {in_short(repairs.confirmed)}."
    count, net = trial.selection.count, signed(trial.selection.net)
    return f"{net} right of the {counted(count, 'labelled text')} it was compared on; not confirmed on others."


def _confirmed_on(repairs: Repairs, confirmed: Effect) -> str:
    """Some are the prompt's own queries: a change that was not searched for is tried on the others alone."""
    queries = f" ({'1 is a query' if repairs.queries == 1 else f'{repairs.queries} are queries'})"
    texts = f"{counted(confirmed.count, 'held-out text')}{queries if repairs.queries else NO_QUERIES}"
    return f"{texts}, each left out of fit and choice"


NO_QUERIES = " (none is a query)"
MORE = "Four times as many would halve the interval of the gain."


def _more(effect: Effect) -> str:
    """What further texts would buy."""
    low, high = effect.interval
    width = f"is {round(100 * (high - low))} points wide" if high > low else "is not known"
    return f"The gain's interval {width}; add labelled texts to 'examples'. {MORE}"


def _mender(repairs: Repairs) -> str:
    """The least harmful repair that mends the query although it does not win."""
    if repairs.mender is None:
        return ""
    trial = repairs.trials[repairs.mender]
    net = f"{signed(trial.selection.net)} of {trial.selection.count}"
    return f" The best that fixes it, {trial.repair.name}, {verdict(repairs, trial, repairs.query)} ({net})."


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
        return f"fixes this query {balance}" if changes else "fixes this query and changes nothing else"
    if not changes and not own:
        return "changes nothing"
    balance = {1: "fixes others", 0: "fixes as many as it breaks", -1: "breaks others"}[_sign(others)]
    if own < 0:
        return "breaks this query but fixes others" if others > 0 else "breaks this query"
    return f"{balance}, not this query" if mends is False and others >= 0 else balance


def in_short(effect: Effect) -> str:
    """Accuracy before and after, the gain with its interval, what changed, and the test of it."""
    if not effect.mended and not effect.broken:
        return f"{effect.right_before} right before and after, none fixed or broken"
    chance = "unlikely to be chance" if effect.p_value < SIGNIFICANT else "may be chance"
    looks = f", corrected for {effect.looks} looks" if effect.looks > 1 else ""
    return (
        f"{effect.right_before} right before, {effect.right_after} after ({points(effect)}; {len(effect.mended)} "
        f"fixed, {len(effect.broken)} broken, McNemar p = {p_text(effect.p_value)}{looks}: {chance})"
    )


def gain(effect: Effect, which: str = "") -> str:
    """The same in one line. A text is held out where it is left out of fit and choice."""
    if not effect.mended and not effect.broken:
        return f"{effect.right_before} of {counted(effect.count, 'held-out text')}{which} right before and after"
    chance = "unlikely to be chance" if effect.p_value < SIGNIFICANT else "may be chance"
    return f"{right_now(effect, which)} ({points(effect)}), {chance}"


def right_now(effect: Effect, which: str = "") -> str:
    """How many texts are answered right, before and after."""
    texts = counted(effect.count, "held-out text")
    return f"{effect.right_before} -> {effect.right_after} of {texts}{which} right"


def points(effect: Effect) -> str:
    """The gain and its interval, in points of accuracy."""
    low, high = effect.interval
    gain = round(100 * effect.net / effect.count)
    ends = " to ".join(map(_end, (low, high)))
    return f"{signed(gain)} {'point' if abs(gain) == 1 else 'points'}, 95 % interval {ends}"


def _end(share: float) -> str:
    """Whole points; tenths where these would be 0, as on which side of it the end is, says whether the gain is sure."""
    whole = round(100 * share)
    return signed(whole) if whole else f"{100 * share:+z.1f}".replace("+0.0", "0")


def sorted_by(repairs: Repairs) -> str:
    """What the order of the repairs is, and why the first stands before some that gain more."""
    texts = len(repairs.selection)
    by = (
        f"alike: points gained on the {texts} texts, each label counting alike"
        if repairs.uneven
        else f"net: of the {texts} texts, those fixed less those broken"
    )
    return f"First the choice: {_choice(repairs)}; then by {by}." if repairs.chosen_first else f"Sorted by {by}."


def _choice(repairs: Repairs) -> str:
    """What is true of any winner, or of a calibration that stands before others of the same prompt."""
    best = repairs.best
    assert best is not None
    rest = (trial for trial in repairs.trials if trial.rank < best.rank and trial.wins)
    if best.repair.calibration is not None and any(trial.repair.text == best.repair.text for trial in rest):
        return "of one prompt's calibrations that gain, the most general (neighbours, then matrix, affine, batch)"
    assert repairs.confirmed is not None
    mends = "" if repairs.query is None else f"fix query {repairs.query + 1} and "
    return f"the best of those that {mends}were tested on {repairs.confirmed.count} held-out texts"


def alike(effect: Effect) -> str:
    """What repairs are ranked by."""
    return signed(round(100 * effect.balanced_gain))


def p_text(p: float) -> str:
    return f"{p:.2f}" if p >= 0.01 else f"{p:.1g}"  # never 0.00


def signed(number: int) -> str:
    """With a plus where it is one."""
    return f"{number:+d}" if number else "0"


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
