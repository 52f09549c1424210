"""What the demonstrations are worth, in sentences that hold with two of them, with one query, without gold labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from icldiag.analyses.demonstrations.compute import NAMING, DemonstrationValues
from icldiag.analyses.effect import SIGNIFICANT
from icldiag.analyses.estimates import Estimate, mean_estimate, mean_test
from icldiag.analyses.overview.lean import LEAST_SHOWN
from icldiag.analyses.overview.stability import LeftOut, LeftOutSoFar, Stability
from icldiag.counting import counted
from icldiag.model.readout import FloatArray


def reading(found: DemonstrationValues) -> str:
    """Which demonstration gives most and which takes most, and what is answered without the latter."""
    count = len(found.values)
    if not count:
        return "There is one demonstration, or one class of many: nothing to divide the lead among."
    end = f"{counted(len(found.stability.queries), 'query')}, {_how(found)}"
    if found.early:
        return f"A first look: no demonstration is named before {NAMING} pairs of orders (mean of {end})."
    means = found.means
    most, least = int(means.argmax()), int(means.argmin())
    first = row_name(found, most)  # its first letter alone: a class is named as the user names it
    told = [f"{first[:1].upper()}{first[1:]} {_does(found, most)} of {found.stability.lead}{_interval(found, most)}"]
    if least != most:
        told.append(f"{row_name(found, least)} {_does(found, least)}{_interval(found, least)}{_accuracy(found, least)}")
    return f"{'; '.join(told)}; mean of {end}."


def _does(found: DemonstrationValues, row: int) -> str:
    mean = float(found.means[row])
    return f"{gives(found.stability, found.values[row])} {abs(mean):.2f} nats"


def gives(found: Stability, nats: FloatArray) -> str:
    """What is surely given to the mean lead (m,) of gold labels helps, what is taken harms; of answers nobody knows.

    Corrected for the number of rows, as it is the first or the last of them that is told of, and as Overview does it.
    """
    mean = float(nats.mean())
    does = "gives" if mean >= 0 else "takes"
    sure = abs(mean) >= LEAST_SHOWN and mean_test(nats, found.classes) * len(found.left_out) < SIGNIFICANT
    return f"{'helps' if mean >= 0 else 'harms'}: it {does}" if sure and found.judged else does


def _interval(found: DemonstrationValues, row: int) -> str:
    """Over the queries, and the standard error over the orders; which way it points is not sure where it holds 0."""
    one, error = found.estimates[row], float(found.mean_errors[row])
    told = [] if np.isnan(one.low) else [over_queries(one, sign=1 if one.value >= 0 else -1)]
    told += [] if found.exact or np.isnan(error) else [f"± {error:.2f} over orders"]
    return f" ({', '.join(told)})" if told else ""


def over_queries(one: Estimate, sign: int) -> str:
    """'0.30 to 0.74 over queries', of what is given (sign 1) or taken (-1)."""
    low, high = sorted((sign * one.low, sign * one.high))
    return f"{low:.2f} to {high:.2f} over queries{'' if low > 0 else ', so not surely'}"


def _accuracy(found: DemonstrationValues, row: int) -> str:
    before, after = found.accuracy, found.accuracies[row]
    if before is None or after is None:
        return ""
    return f", and without it {after:.0%} are right instead of {before:.0%}"


def _how(found: DemonstrationValues) -> str:
    if found.exact:
        return f"exact, from all {found.asked} sets"
    return f"from {counted(found.pairs, 'pair')} of orders"


def row_name(found: DemonstrationValues, row: int) -> str:
    """'demonstration 3 (Entity)', or of a class 'all 5 of Entity'."""
    run = found.stability.left_out[row]
    return name_of(found.labels, run.without, run.label)


def name_of(labels: Sequence[str], without: Sequence[int], label: int) -> str:
    if len(without) == 1:
        return f"demonstration {without[0] + 1} ({labels[label]})"
    return f"all {len(without)} of {labels[label]}"


def reading_of_left_out(found: Stability, labels: Sequence[str]) -> tuple[str, str]:
    """What leaving each out alone does, and whether one stands out as harmful."""
    taken = found.matrix.mean(axis=1)
    most, least = int(taken.argmax()), int(taken.argmin())

    def told(row: int, does: str = "") -> str:
        value, run = taken[row], found.left_out[row]
        one = mean_estimate(found.matrix[row], found.classes)
        beside = "" if np.isnan(one.low) else f" ({over_queries(one, 1 if value > 0 else -1)})"
        name = name_of(labels, run.without, run.label)
        return f"{name} {does or gives(found, -found.matrix[row])} {abs(value):.2f} nats of the lead{beside}"

    first = told(most)
    if len(taken) > 1 and taken[most] <= 0:
        first = f"none takes from the mean lead; {told(most, 'gives least,')}"
    if least != most:
        first += f"; {told(least)}"
    first += f"; mean of {counted(len(found.queries), 'query')}"
    stands = "It stands out: the mean lead surely grows without it, and more than without any other."
    second = "" if found.harmful is None else stands if found.harmful == most else ""
    return f"{first[0].upper()}{first[1:]}.", second


def reading_so_far(found: LeftOutSoFar, labels: Sequence[str]) -> tuple[str, str]:
    """The same of the rows that are there; what stands out is known of all of them alone."""
    if found.whole:
        return reading_of_left_out(found.stability, labels)
    told = reading_of_left_out(found.stability, labels)[0]
    return f"So far {len(found.stability.left_out)} of {found.of} left out. {told}", ""


def short_name(labels: Sequence[str], run: LeftOut) -> str:
    """Its number first: the column is narrow."""
    without = run.without
    return f"{without[0] + 1} {labels[run.label]}" if len(without) == 1 else f"all {len(without)} {labels[run.label]}"
