"""Evidence: whose texts does a demonstration pull to its label, those of its own class or those of another?

Every demonstration of the answer's class is hidden from the target of other queries (see `demonstrations`). What their
lead of the answer over the rival loses is its pull on them. One whose label is right pulls the texts of its own class
at least as much as the rival's; one that pulls the rival's texts more (Welch's t test, one-sided) says to the model
what the rival's texts say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from icldiag.analyses.effect import SIGNIFICANT
from icldiag.analyses.explanation.contest import Contest
from icldiag.analyses.explanation.demonstrations import hiding
from icldiag.analyses.explanation.others import Others
from icldiag.analyses.lab import Inquiry, Lab
from icldiag.model.readout import FloatArray


@dataclass(frozen=True, eq=False)
class Pull:
    """Of one demonstration of the answer's class, in nats on each of some other queries."""

    demonstration: int
    own: FloatArray  # on those whose gold label is the answer
    rival: FloatArray  # on those whose gold label is the rival

    @property
    def contrast(self) -> float:
        """How much more it pulls the rival's texts."""
        return float(self.rival.mean() - self.own.mean())

    @property
    def sure(self) -> bool:
        """Whether that is more than chance."""
        if min(len(self.own), len(self.rival)) < 2:
            return False
        from scipy.stats import ttest_ind  # slow to import

        return bool(ttest_ind(self.rival, self.own, equal_var=False, alternative="greater").pvalue < SIGNIFICANT)


def pulls_of(lab: Lab, contest: Contest, others: Others) -> Inquiry[tuple[Pull, ...]]:
    """Hide each demonstration of the answer from the other queries; none where these are not of both classes."""
    places = [place for place, shown in enumerate(lab.prompt.demonstrations) if shown.label == contest.answer]
    if not others.both or len(places) < 2:  # without the only one its class is not shown
        return ()
    queries = [lab.prompt.queries[place] for place in others.queries]
    answers = yield [lab.question(queries, target_edits=hiding(lab, place)) for place in places]
    own = np.array(others.own)
    leads = [scores[:, contest.answer] - scores[:, contest.rival] for scores in (others.scores, *answers)]
    lost = [leads[0] - after for after in leads[1:]]
    return tuple(Pull(place, nats[own], nats[~own]) for place, nats in zip(places, lost, strict=True))
