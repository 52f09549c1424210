"""An explanation in words: what the whole prompt does, the main cause with its nats, and what turns the answer."""

from __future__ import annotations

from collections.abc import Sequence

from icldiag.analyses.contest import HALF, Counterfactual
from icldiag.analyses.estimates import auc_estimate
from icldiag.analyses.explanation.compute import Explanation
from icldiag.analyses.explanation.factors import CauseKind
from icldiag.analyses.explanation.favourite import Favourite
from icldiag.analyses.explanation.partial import PartialExplanation
from icldiag.analyses.explanation.ranking import Cause
from icldiag.analyses.explanation.relabelled import LIKELY
from icldiag.analyses.explanation.weights import MADE, is_made, name_of, together
from icldiag.analyses.overview.causes import PromptCause
from icldiag.analyses.overview.compute import Overview
from icldiag.analyses.overview.lean import LEAST_SHOWN
from icldiag.analyses.overview.origins import causes, names_counts
from icldiag.counting import all_are, counted, joined


def verdict(found: Favourite | None, labels: tuple[str, ...]) -> str:
    """What the answers to all queries show, before this one is looked at; empty where they show nothing."""
    if found is None:
        return ""
    label = labels[found.label]
    many = all_are(found.queries, "answer") if found.alike else f"{found.answers} of {found.queries} answers are"
    right = f", right for {found.right} of {found.labelled}" if found.labelled else ""
    often = ": it is answered too often" if found.right < found.labelled else ""
    opening = f"{many} {label}{right}{often}."
    if found.undone is None:
        return opening
    does = "fixes this answer too" if found.undone.mends else "does not fix this one"
    return f"{opening} Dividing out the {found.undone.kind} prior, which fixes more answers than it breaks, {does}."


_ALIKE: dict[str, tuple[CauseKind, ...]] = {  # the causes of one answer that a cause in the whole prompt can be
    "recency": ("recency", "order"),
    "majority": ("majority",),
    "demonstration": ("demonstration",),
}


def prompt_wide(found: PartialExplanation, overview: Overview | None) -> str:
    """What draws the answers to all queries to this label, and whether it is this answer's first cause too, where
    that is known.

    Empty where the overview is not computed, found nothing of the kind, or this answer is right.
    """
    told = () if overview is None else zip(overview.causes, causes(overview), strict=True)
    drawn = [(cause, said) for cause, said in told if cause.label == found.contest.answer]
    if overview is None or overview.stability is None or not drawn or found.contest.gold == found.contest.answer:
        return ""
    own = found.causes[0] if isinstance(found, Explanation) and found.causes else None
    alike = [said for cause, said in drawn if own is not None and _is_told(own, cause, overview)]
    said = alike[0] if alike else drawn[0][1]
    opening = f"Over {counted(len(overview.stability.queries), 'query')} (Overview): {said}"
    if own is None:
        return opening
    return f"{opening} {'So too for this query:' if alike else 'For this query another cause comes first:'}"


def doubted(found: PartialExplanation, overview: Overview | None) -> str:
    """Which label Overview doubts that bears on this answer: of a text that reads like the rival's, or of the answer's.

    Empty where there is none, it is this answer's first cause, or the answer is right.
    """
    own = found.causes[0].demonstration if isinstance(found, Explanation) and found.causes else None
    contest = found.contest
    if overview is None or contest.gold in (None, contest.answer):
        return ""
    for doubt in overview.doubts:
        shown = overview.shown[doubt.demonstration]
        if doubt.demonstration != own and (doubt.reads == contest.rival or shown == contest.answer):
            place, other = doubt.demonstration + 1, overview.labels[doubt.reads]
            return f"Demonstration {place} ({overview.labels[shown]}) reads like the queries of {other} (Overview)."
    return ""


def _is_told(own: Cause, cause: PromptCause, overview: Overview) -> bool:
    """Whether the sentence about what draws all answers names this answer's own cause."""
    kinds = _ALIKE[cause.kind]
    if cause.kind == "recency" and names_counts(overview) == cause.label:
        kinds = (*kinds, "majority")
    return own.kind in kinds and (own.demonstration is None or (own.demonstration,) == overview.harmful)


def reading(found: Explanation) -> str:
    """What explains the answer, in a few sentences; the prompt's own verdict comes first."""
    opening = verdict(found.favourite, found.labels)
    return f"{opening} {_of_query(found)}" if opening else _of_query(found)


def _of_query(found: Explanation) -> str:
    answer, rival = found.pair
    if found.causes:
        sentence = of_cause(found.causes[0], found)
        if found.contest.gold is None:
            return f"The right label is unknown. What the answer depends on: {sentence}"
        return sentence if found.contest.wrong else f"The answer is right. What would turn it: {sentence}"
    runs = found.tried
    turned = [run.change for run in runs if run.turned]
    if not turned:
        return f"{_made_of(found)}; none of {counted(len(runs), 'change')} makes the answer {rival}."
    makes = "makes" if len(turned) == 1 else "make"
    many = f"{len(turned)} of {counted(len(runs), 'change')} {makes} the answer {rival} ({_few(turned)})"
    return f"Nothing that adds to the lead of {answer} takes half of it alone, but it can be turned: {many}."


def _made_of(found: Explanation) -> str:
    """What most of a lead is that no one change explains."""
    parts, lead = found.shares, found.contest.lead
    if parts.rest >= HALF * lead:
        left = f"{in_nats(parts.rest, lead)} nats are left of the lead with all else neutral"
        return f"Mostly the query's text: {left}, {in_nats(lead, lead)} as it is"
    adding = sorted(
        ((factor, nats) for factor, nats in zip(parts.factors, parts.nats, strict=True) if nats > 0),
        key=lambda one: -one[1],
    )
    told = [f"{name_of(one.kind, one.demonstration)} {in_nats(nats, lead)}" for one, nats in adding]
    opening = "Mostly" if len(told) == 1 else "Several at once"
    return f"{opening}: {joined(told)} nats, of a lead of {in_nats(lead, lead)}"


def _few(changes: Sequence[str]) -> str:
    return "; ".join(changes[:3]) + ("; ..." if len(changes) > 3 else "")


def headline(found: Explanation) -> str:
    """What explains this answer, in one short sentence."""
    answer, rival = found.pair
    if found.contest.tie:
        return f"{answer} and {rival} are a tie: which of them is answered says nothing."
    if not found.causes:
        turned = [run.change for run in found.tried if run.turned]
        if turned:
            many = (
                f"{len(turned)} of {counted(len(found.tried), 'change')} {'turns' if len(turned) == 1 else 'turn'} it"
            )
            return f"No one cause: nothing that adds to the lead takes half of it alone. {many}: {_few(turned)}."
        return f"{_made_of(found)}; none of {counted(len(found.tried), 'change')} turns it."
    cause = found.causes[0]
    claim = _claim(cause, found)
    if found.contest.gold is None:
        return f"It depends on this: {claim}."
    if not found.contest.wrong:
        return f"Right; what would turn it: {cause.confirmed_by.change}."
    return f"{claim}." if cause.confirmed else f"No cause is confirmed; the closest: {claim}."


def of_cause(cause: Cause, found: Explanation) -> str:
    """A cause with its nats, what was changed to see it, and what else supports it."""
    opening = f"{_claim(cause, found)}{_share(cause, found)}"
    joint = "; " if cause.supported else ". No second test confirms it: "
    support = f"{joint}{cause.support}" if cause.support else ""
    return f"{opening}: {_result(cause.confirmed_by, found)}{together(cause, found)}{support}."


def _share(cause: Cause, found: Explanation) -> str:
    """Its share of the lead; confused classes have none."""
    if cause.nats is None:
        return ""
    if is_made(cause, found):
        return f"; {MADE}"
    lead = found.contest.lead
    own, whole = in_nats(cause.nats, lead), in_nats(lead, lead)
    number = f"{own} nats, more than the lead of {whole}" if cause.nats > lead else f"{own} of {whole} nats"
    return f"; the contextual prior's share is {number}" if cause.kind == "prior" else f" ({number})"


def in_nats(value: float, lead: float) -> str:
    """With one decimal, or two where the lead is below one nat."""
    return f"{value:.{1 if lead >= 1 else 2}f}"


def _claim(cause: Cause, found: Explanation) -> str:
    answer, rival = found.pair
    if cause.kind == "prior":
        return _claim_of_prior(found)
    if cause.kind == "demonstration":
        assert cause.demonstration is not None
        return f"Demonstration {cause.demonstration + 1} (label {answer}) {_of_label(cause, found)}"
    only = found.prior.counts[found.contest.answer] == 1
    scoring = f"The scoring of label words favours {answer} over {rival}"
    if found.overlap:
        scoring = f"{rival} can never win without a calibration: scored whole, its word begins with that of {answer}"
    return {
        "scoring": scoring,
        "template": "The query is written with another template than the demonstrations",
        "word": f"The label words of {answer} and {rival} are written in different forms",
        "name": "A label word is no part of its label's name",
        "majority": f"{answer} has more demonstrations than {rival}",
        "recency": f"{'The' if only else 'A'} demonstration of {answer} comes last",
        "order": f"The order of the demonstrations favours {answer}",
        "classes": f"The scores separate {answer} from {rival} {_how_well(found)}",
        "aggregation": f"The label words of {rival} {_gather(cause)} from their texts",
    }[cause.kind]


def _gather(cause: Cause) -> str:
    """That they gather too little only where the flow into them is small too: more may help anyway."""
    return "gather too little" if cause.supported else "would do better with more"


def _of_label(cause: Cause, found: Explanation) -> str:
    """What a demonstration is the cause of, as surely as the odds of a wrong label are known."""
    if not cause.supported:
        return "pulls this text to its label"
    likely = _probably_wrong(cause, found)
    return "probably carries a wrong label" if likely else "pulls this text to its label, which may be wrong"


def _probably_wrong(cause: Cause, found: Explanation) -> bool:
    """Whether a demonstration's label is wrong more than possibly.

    That other labels get likelier is not enough for this: so they do where the label of a demonstration near the end
    is what all answers follow. Its own text, asked while it is left out, must not speak for the label that it has.
    """
    effect = next(effect for effect in found.demonstrations if effect.index == cause.demonstration)
    return cause.weighs and effect.odds is not None and effect.odds >= LIKELY and (effect.likelihood or 0.0) >= 0


def _how_well(found: Explanation) -> str:
    """With the interval: of a dozen queries the number alone would say more than they do."""
    auc, queries = found.classes.auc, found.classes.auc_queries
    return "badly" if auc is None else f"with AUC {auc_estimate(auc, *queries)} only"


def _claim_of_prior(found: Explanation) -> str:
    """What was measured of the prior, and how: a query that says nothing was asked for two of the three kinds."""
    answer, rival = found.pair
    favour = [source for source in found.prior.sources if source.lean >= LEAST_SHOWN]
    free = ", ".join(f"{source.kind} {source.lean:.1f}" for source in favour if source.kind != "batch")
    if free:
        return f"The prompt favours {answer} over {rival} also where the query says nothing ({free} nats)"
    if favour:
        return f"The answers to all queries favour {answer} over {rival} (batch {favour[0].lean:.1f} nats)"
    return f"The label prior carries part of the lead of {answer}"


def _result(run: Counterfactual, found: Explanation) -> str:
    """What a change made of the answer."""
    answer, rival = found.pair
    before, after = (in_nats(lead, found.contest.lead) for lead in (found.contest.lead, run.lead))
    lead = f"lead of {answer} {before} -> {after} nats"
    still = " still" if run.answer == found.contest.answer else ""
    then = rival if run.turned else found.labels[run.answer] + still
    return f"with {run.change}, the answer is {then} (p of {rival} {run.probability:.2f}; {lead})"


def cautions(cause: Cause, found: Explanation) -> str:
    """What speaks against the cause's change, or is not known of it: that a label may be right, what others lose."""
    place = found.shares.place_of(cause.kind)
    relabels = place is not None and found.shares.factors[place].relabelled is not None
    doubt = "its label may be right: read it first" if relabels and not _probably_wrong(cause, found) else ""
    return "; ".join(filter(None, (doubt, cost_to_others(cause, found))))


def cost_to_others(cause: Cause, found: Explanation) -> str:
    """What the cause's change costs the other queries that it was tried on: of the two classes, or of all where that
    can be read off; where these lose nothing, that others were not asked."""
    place = found.shares.place_of(cause.kind)
    if place is None or (cause.kind == "prior" and found.shares.alone(place).change != cause.confirmed_by.change):
        return ""  # another measurement of the prior is divided out than was tried
    tried = found.checks[place]
    turned = tried and (tried.every or tried)
    if tried is None or turned is None:
        return ""
    unasked = len(found.labels) > 2 and tried.every is None
    if tried.gain >= 0 and turned.harmed <= turned.mended:
        return "queries of other labels are not asked" if unasked else ""
    if not (turned.harmed or turned.mended):
        return "other queries' right labels get less probable"
    which, rest = (" of the two labels", " (other labels are not asked)") if unasked else ("", "")
    return (
        f"of {counted(turned.queries, 'other query')}{which} it fixes {turned.mended} and breaks {turned.harmed}{rest}"
    )
