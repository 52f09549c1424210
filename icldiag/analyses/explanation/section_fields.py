"""What a report's JSON holds of explanations."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from icldiag.analyses.analysis import Fields, SectionFields
from icldiag.analyses.explanation.factors import CauseKind


class RunFields(Fields):
    """A counterfactual: what was changed, and what the model answered then."""

    change: str
    answer: str
    lead: float = Field(description="Of the answer over the rival, in nats.")
    probability_of_rival: float
    turned: bool = Field(description="Whether the rival is answered.")


class CauseFields(Fields):
    kind: CauseKind
    nats: float | None = Field(description="Its share of the lead; null of confused classes, no factor of it.")
    supported: bool = Field(description="A second test agrees.")
    support: str
    demonstration: int | None = Field(description="Index from 0.")
    confirmed_by: RunFields


class OthersFields(Fields):
    """What the change does to other labelled queries of the two classes."""

    queries: int
    gain: float = Field(description="Mean change of log p(gold) between the two labels, in nats.")
    error: float | None = Field(description="Its standard error.")
    auc: float = Field(description="Between the two classes, after the change.")
    mended: int
    harmed: int


class ShareFields(Fields):
    """A factor of the lead: shares and the rest make up the lead."""

    kind: CauseKind
    nats: float
    demonstration: int | None = Field(description="Index from 0.")
    alone: RunFields = Field(description="With this factor neutral and no other.")
    others: OthersFields | None


class QueryFields(Fields):
    query: int = Field(description="Index from 0.")
    answer: str
    rival: str
    wrong: bool
    lead: float
    reading: str
    leans: str = Field(description="What the answers to all queries show; empty where they show no lean.")
    causes: list[CauseFields] = Field(description="Those that turn the answer or take half of the lead, best first.")
    shares: list[ShareFields] = Field(description="The lead by Shapley's division; see `icldiag docs explanation`.")
    rest: float = Field(description="The lead with all factors neutral: the query's text, in nats.")
    evidence: dict[str, Any] = Field(description="Of each kind; see `icldiag docs explanation`.")
    runs: int
    seed: int
    missing: list[str]


class ExplanationFields(SectionFields):
    queries: list[QueryFields]
