"""What a report's JSON holds of the prompt as a whole."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from icldiag.analyses.analysis import Fields, SectionFields
from icldiag.analyses.overview.verdict import Kind, Separated


class EstimateFields(Fields):
    value: float
    low: float = Field(description="Of the 95 % interval.")
    high: float


class MeasuresFields(Fields):
    count: int = Field(description="Labelled queries.")
    right: int
    accuracy: EstimateFields
    balanced_accuracy: float
    balanced_interval: EstimateFields | None
    macro_f1: float
    macro_interval: EstimateFields | None
    commonest: str = Field(description="Gold label.")
    baseline: float = Field(description="Accuracy of always answering it.")
    balanced_baseline: float = Field(description="Balanced accuracy of always answering any one of the gold labels.")
    chance: float
    criterion: Literal["accuracy", "balanced accuracy"] = Field(description="What choices are made by.")


class LabelFields(Fields):
    label: str
    gold: int
    answered: int
    right: int
    one_vs_rest: float | None = Field(description="ROC-AUC of its probability.")
    nats: dict[str, float] = Field(description="Of its prior over the other labels' mean, by kind.")


class PairFields(Fields):
    labels: tuple[str, str]
    auc: EstimateFields


class SeparabilityFields(Fields):
    auc: EstimateFields = Field(description="Mean over the pairs of labels.")
    pairwise: list[list[float | None]]
    worst: PairFields | None
    pairs: int
    sample: int


class InsteadFields(Fields):
    text: str = Field(description="A token that begins no label word as it is written.")
    queries: int = Field(description="How many have it as their first choice.")
    probability: float = Field(description="Its mean there.")


class WritingFields(Fields):
    mean_mass: float = Field(description="Probability of the label words' first tokens over the vocabulary.")
    elsewhere: int = Field(description="Queries whose likeliest token begins no label word, in any case or spacing.")
    instead: list[InsteadFields]
    respelled: list[InsteadFields] = Field(default=[], description="Tokens that begin one in another case or spacing.")


class GainFields(Fields):
    count: int
    right_before: int
    right_after: int
    mended: int
    broken: int
    p_value: float = Field(description="McNemar's exact test.")


class CalibratedFields(Fields):
    kind: str
    bias: list[float] = Field(description="Added to the label scores, fitted on all, to be applied.")
    gain: GainFields = Field(description="On queries that it was not fitted on.")


class PriorFields(Fields):
    kind: str
    texts: int
    probabilities: list[float]


class LeanFields(Fields):
    priors: list[PriorFields]
    calibrated: list[CalibratedFields]


class OrderFields(Fields):
    places: list[int] = Field(description="Of the demonstrations, from 0.")
    last: str
    predicted: list[int] = Field(description="Class index of the sample's queries.")
    accuracy: float | None


class LeftOutFields(Fields):
    without: list[int]
    label: str
    predicted: list[int]
    accuracy: float | None
    taken: list[float] = Field(description="Nats of the gold label's lead that they take from each query.")


class RecencyFields(Fields):
    last: float
    otherwise: float
    p_value: float


class PromptCauseFields(Fields):
    kind: str = Field(description="'recency', 'majority' or 'demonstration'.")
    label: str = Field(description="That answers are drawn to.")
    weight: float = Field(description="Share of the answers that it moves.")


class DoubtFields(Fields):
    demonstration: int
    reads: str = Field(description="The class that its text is likelier of than of its own.")
    nats: float = Field(description="By how much, in log-likelihood.")


class BalancedFields(Fields):
    places: list[int]
    predicted: list[int]
    accuracy: float | None


class StabilityFields(Fields):
    queries: list[int] = Field(description="The sample, from 0.")
    of: int
    seed: int
    flips: list[float] = Field(description="Per query, share of the orders that answer otherwise.")
    recency: RecencyFields | None
    orders: list[OrderFields]
    left_out: list[LeftOutFields]
    harmful: int | None = Field(description="Place in `left_out` of the one that stands out.")
    causes: list[PromptCauseFields] = Field(default=[], description="What the answers come from, the heaviest first.")
    doubts: list[DoubtFields] = Field(default=[], description="Labels that may be wrong, the surest first.")
    balanced: list[BalancedFields] = Field(default=[], description="With as many demonstrations of each class.")


class NextFields(Fields):
    finding: str
    repair: str | None
    confirmed: GainFields | None = Field(description="On texts that were left out of its fit and choice.")


class OverviewFields(SectionFields):
    verdict: Kind
    label: str | None = Field(description="Answered always, too often, or in most errors.")
    separated: Separated | None
    hidden_by: str | None = Field(description="The calibration that shows that a lean hides what the scores know.")
    lines: dict[str, str]
    measures: MeasuresFields | None
    labels: list[LabelFields]
    counts: list[list[int]] = Field(description="Queries by gold (row) and answer (column).")
    separability: SeparabilityFields | None
    writing: WritingFields
    lean: LeanFields
    stability: StabilityFields | None = Field(description="Null where there are no demonstrations.")
    next: NextFields
