"""What a prompt's answers are to a server that chooses one token of its whole vocabulary: biases of its logits.

icldiag's answer is the label with the greatest z(y) + b(y), where z is the logit of the label word's first token and b
is the calibration, or nothing. A server that adds B(v) to the logit of every token v, and takes the greatest, answers
the same if B(y) = b(y) + c for the labels' tokens and 0 for all others, and c lifts the labels above those. APIs take
biases up to 100: c is what brings the greatest B there, so that the labels are lifted as far as they can be.
"""

from __future__ import annotations

from collections.abc import Sequence

from icldiag.errors import AnalysisError
from icldiag.prompt.adjustments import Calibration
from icldiag.prompt.schema import Prompt
from icldiag.quoting import listed

LIMIT = 100.0  # of a bias, either way, in the API that OpenAI defined and others took over
USE = "icldiag predict and icldiag.Classifier answer with it"
_DIGITS = 6


def label_biases(prompt: Prompt, label_tokens: Sequence[Sequence[int]]) -> dict[int, float]:
    """For each label's first token its bias in logits, at most `LIMIT`, labels in the prompt's order.

    Raises:
        AnalysisError: no bias can: a re-weighting or a retrieval is in force, the calibration does more than add a
            number to each label's score, these numbers lie further apart than an API takes, or a label's tokens are
            scored together.
    """
    require_added(prompt)
    calibration = prompt.calibration
    long = [label.name for label, ids in zip(prompt.labels, label_tokens, strict=True) if len(ids) > 1]
    if prompt.scoring == "terminated" or (prompt.whole_words and long):
        raise AnalysisError(
            f"a server's one token cannot score label words of several tokens ({listed(long) or prompt.scoring}); "
            f"write words of one token, or set 'scoring: first' if that answers as well; {USE} as it is"
        )
    own = [0.0] * len(prompt.labels) if calibration is None else list(calibration.bias)
    offset = LIMIT - max(own)
    biases = [round(bias + offset, _DIGITS) for bias in own]
    if min(biases) < -LIMIT:
        raise AnalysisError(f"the calibration moves labels by more than a bias may ({2 * LIMIT:g}); {USE}")
    return {ids[0]: bias for ids, bias in zip(label_tokens, biases, strict=True)}


def require_added(prompt: Prompt) -> None:
    """Raise AnalysisError where answers come of more than a text and a number added to each label's score."""
    require_text_alone(prompt)
    if prompt.calibration is not None and not adds_alone(prompt.calibration):
        raise AnalysisError(
            f"the {prompt.calibration.kind} calibration multiplies scores, which no bias of logits does; a contextual, "
            "domain-context or batch one adds alone: icldiag repair ranks them, and --take RANK --as logit-bias writes "
            f"one; {USE} as it is"
        )


def require_text_alone(prompt: Prompt) -> None:
    """Raise AnalysisError where answers come of more than one text for all queries: a re-weighting, a retrieval."""
    if prompt.retrieval is not None or prompt.per_query:
        raise AnalysisError(f"each query is shown examples of its own, which one text cannot hold; {USE}")
    if prompt.beta is not None:
        raise AnalysisError(f"a re-weighting scales attention, which other programs do not; {USE}")


def adds_alone(calibration: Calibration | None) -> bool:
    """Whether all that a calibration does is to add a number to each label's score."""
    return calibration is None or (calibration.scale is None and calibration.matrix is None)
