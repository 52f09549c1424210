"""Which causes cannot be asked about in a prompt, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator

from icldiag.analyses.explanation.compute import Explanation


def not_asked(found: Explanation) -> tuple[str, ...]:
    """Causes that cannot be asked about here, each with its reason."""
    return tuple(_not_asked(found))


def _not_asked(found: Explanation) -> Iterator[str]:
    answer, rival = found.pair
    classes = {effect.label for effect in found.demonstrations}
    if not classes:
        yield "anchors, and demonstrations, their labels, number and order (there are none that all queries share)"
    elif found.contest.answer in classes and len(classes) < 3:
        yield f"taking {answer} out (with one class left it proves nothing)"
    elif found.classes.removed is None:
        yield f"classes ({answer} has no demonstration)"
    if found.classes.auc is None:
        yield f"separation (no gold labels of both {answer} and {rival})"
    if not classes:
        return
    if found.order.turned is None:
        yield "order (there is no other one)"
    if not found.prior.balanced:
        shown, others = (found.prior.counts[label] for label in (found.contest.answer, found.contest.rival))
        yield f"more demonstrations of {answer} (it has {shown}, {rival} has {others})"
    if found.aggregation.doubled is None:
        yield f"aggregation ({rival} has no demonstration)"
