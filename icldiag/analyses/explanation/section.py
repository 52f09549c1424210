"""The section on explanations: why each wrong query failed, and what confirms it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from icldiag.analyses.analysis import Analysis, Context, Section
from icldiag.analyses.contest import Counterfactual
from icldiag.analyses.explanation import Explain, Explanation, findings, of_cause, weights
from icldiag.analyses.explanation import reading as reading_of_query
from icldiag.analyses.explanation.others import Check
from icldiag.analyses.explanation.reading import verdict
from icldiag.analyses.explanation.section_fields import ExplanationFields
from icldiag.analyses.explanation.weights import NAMES, opposed_prior
from icldiag.counting import counted, is_or_are
from icldiag.page.blocks import Block, Figure, Heading, Items, Paragraph, Table, notes
from icldiag.page.figures import curves

MOST = 20  # wrong queries that are explained, the most confident first


def requests(context: Context) -> list[Explain]:
    """An explanation of every wrong query, up to `MOST`; of the first query where none is known to be wrong."""
    if context.query is not None:
        return [Explain(context.query)]
    return [Explain(query) for query in context.prediction.wrong[:MOST] or [0]]


def values(result: list[Explanation]) -> dict[str, Any]:
    """The section's JSON values; leads are in nats, positions of demonstrations count from 0."""
    return {"queries": [_values(found) for found in result]}


def _values(found: Explanation) -> dict[str, Any]:
    contest, labels, lens = found.contest, found.labels, found.depth.lens
    return {
        "query": contest.query,
        "answer": labels[contest.answer],
        "rival": labels[contest.rival],
        "wrong": contest.wrong,
        "lead": contest.lead,
        "reading": reading_of_query(found),
        "leans": verdict(found.favourite, labels),
        "causes": [
            {
                "kind": cause.kind,
                "nats": cause.nats,
                "supported": cause.supported,
                "support": cause.support,
                "demonstration": cause.demonstration,
                "confirmed_by": _run(found, cause.confirmed_by),
            }
            for cause in found.causes
        ],
        "shares": [
            {
                "kind": factor.kind,
                "nats": nats,
                "demonstration": factor.demonstration,
                "alone": _run(found, found.shares.alone(place)),
                "others": _others(found.checks[place]),
            }
            for place, (factor, nats) in enumerate(zip(found.shares.factors, found.shares.nats, strict=True))
        ],
        "rest": found.shares.rest,
        "evidence": {
            "classes": {
                "layers": found.classes.layers,
                "distance": found.classes.distance,
                "distance_rank": found.classes.distance_rank,
                "pairs": found.classes.distances,
                "cosine": found.classes.cosine,
                "auc": found.classes.auc,
                "auc_rank": found.classes.auc_rank,
                "removed": _run(found, found.classes.removed),
            },
            "prior": {
                "counts": found.prior.counts,
                "sources": [
                    {
                        "kind": source.kind,
                        "texts": source.texts,
                        "probabilities": source.probabilities,
                        "lean": source.lean,
                        "divided": _run(found, source.divided),
                    }
                    for source in found.prior.sources
                ],
                "balanced": [_run(found, run) for run in found.prior.balanced],
            },
            "demonstrations": [
                {
                    "index": effect.index,
                    "label": labels[effect.label],
                    "hidden": _run(found, effect.hidden),
                    "percentile": effect.percentile,
                    "called": labels[effect.called],
                    "text_lead": effect.text_lead,
                    "likelihood": effect.likelihood,
                    "odds": effect.odds,
                }
                for effect in found.demonstrations
            ],
            "relabelled": [
                {
                    "demonstration": one.demonstration,
                    "lead": one.run.lead,
                    "gain": one.check.gain,
                    "auc": one.check.auc,
                    "likelihood": one.likelihood,
                }
                for one in found.relabelled
            ],
            "order": {
                "turned": found.order.turned,
                "percentile": found.order.percentile,
                "lean_in_other_orders": found.order.lean(found.contest.answer),
                "last": None if found.order.last is None else labels[found.order.last],
                "runs": [_run(found, run) for run in found.order.runs],
                "same_end": found.order.alike,
            },
            "aggregation": {
                "layers": found.aggregation.layers,
                "flow": found.aggregation.flow
                and {labels[label]: value for label, value in found.aggregation.flow.items()},
                "doubled": _run(found, found.aggregation.doubled),
            },
            "format": {
                "label_mass": found.label_mass,
                "likeliest": found.likeliest.text,
                "probability": found.likeliest.probability,
            },
            "depth": {
                "lens": lens and lens.scores,
                "label_mass": lens and lens.mass,
                "readable": lens and lens.readable,
                "leads": lens and lens.scores[:, contest.answer] - lens.scores[:, contest.rival],
                "decided_after_layers": lens and lens.decided(contest.answer),
                "head_estimates": found.depth.estimates,
                "heads": [
                    {
                        "layer": head.layer,
                        "head": head.head,
                        "estimate": head.estimate,
                        "ablated": _run(found, head.ablated),
                    }
                    for head in found.depth.heads
                ],
            },
        },
        "runs": found.runs,
        "seed": found.seed,
        "missing": found.missing,
    }


def _others(checked: Check | None) -> dict[str, Any] | None:
    if checked is None:
        return None
    return {
        "queries": checked.queries,
        "gain": checked.gain,
        "error": checked.error,
        "auc": checked.auc,
        "mended": checked.mended,
        "harmed": checked.harmed,
    }


def _run(found: Explanation, run: Counterfactual | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {
        "change": run.change,
        "answer": found.labels[run.answer],
        "lead": run.lead,
        "probability_of_rival": run.probability,
        "turned": run.turned,
    }


def reading(result: list[Explanation], context: Context | None = None) -> str:
    """How many of the wrong answers each cause explains, and the first of them in words."""
    wrong = [found for found in result if found.contest.wrong]
    if not wrong:
        contest = result[0].contest
        said = f"Query {contest.query + 1}: {reading_of_query(result[0])}"
        return f"No answer that is explained here is known to be wrong. {said}"
    answer, rival = wrong[0].pair
    first = f"{wrong[0].contest.query + 1} ({answer}, not {rival}). {reading_of_query(wrong[0])}"
    if len(wrong) == 1:
        return f"Query {first}"
    kinds = Counter(NAMES[found.causes[0].kind] for found in wrong if found.causes)
    told = [f"{name} ({count})" for name, count in kinds.most_common()]
    unexplained = sum(not found.causes for found in wrong)
    told += [f"the query's text or several at once ({unexplained})"] if unexplained else []
    which = "most confident" if context is not None and _are_first(wrong[:1], context) else "first"
    return f"What explains {len(wrong)} wrong answers: {', '.join(told)}. The {which} is query {first}"


def _are_first(result: Sequence[Explanation], context: Context) -> bool:
    """Whether these are the most confident wrong queries, in their order. Of what was computed so far they need not."""
    return tuple(found.contest.query for found in result) == context.prediction.wrong[: len(result)]


def _which(result: Sequence[Explanation], context: Context) -> list[Block]:
    """Which of the wrong queries are explained; nothing where all are."""
    count, wrong = len(context.prediction.wrong), sum(found.contest.wrong for found in result)
    if wrong == count:
        return []
    if wrong < len(result):
        known = f"{wrong or 'none'} of them known to be wrong; in all {count} {is_or_are(count)}"
        return [Paragraph(f"Explained here: {counted(len(result), 'query')}, {known}.")]
    if not _are_first(result, context):
        return [Paragraph(f"Explained here: {wrong} of {count} wrong queries.")]
    return [Paragraph(f"The {f'{wrong} ' if wrong > 1 else ''}most confident of {count} wrong queries.")]


def blocks(result: list[Explanation], context: Context | None = None) -> list[Block]:
    """Per query the answer, the named cause, further ones and the evidence; where the first was decided."""
    shown: list[Block] = []
    if context is not None:
        shown += _which(result, context)
    lens, contest = result[0].depth.lens, result[0].contest
    if lens is not None:
        answer, rival = result[0].pair
        leads = lens.leads(contest.answer, contest.rival)
        caption = (
            f"Lead of {answer} over {rival} after each layer (logit lens, nats), for the first query below, where the "
            "lens can be read."
        )
        series = [(f"{answer} over {rival}", leads)]
        shown.append(
            Figure("leads", caption, lambda: curves(series, "layers passed", "lead (nats)", floor=None, reference=0.0))
        )
    for found in result:
        shown += _query(found, context)
    shown.append(_evidence(result))
    return shown


def _query(found: Explanation, context: Context | None) -> list[Block]:
    answer, rival = found.pair
    verdict = f"{answer}, not {rival}" if found.contest.wrong else f"{answer}, next {rival}"
    query = found.contest.query
    shown: list[Block] = [
        Heading(f"Query {query + 1}" + ("" if context is None else f": {context.prompt.queries[query].text}")),
        Paragraph(f"{verdict}. {reading_of_query(found)}"),
    ]
    further = (*(of_cause(cause, found) for cause in found.causes[1:]), *filter(None, [opposed_prior(found)]))
    shown += [Items(further)] if further else []
    rows = weights(found)
    lines = tuple((weight.name, weight.nats, weight.note) for weight in rows)
    lines += (("lead", found.contest.lead, "the sum"),)
    divided = f"The lead of {found.contest.lead:.2f} nats over {rival}, divided."
    if any((weight.nats or 0.0) < 0 for weight in rows):
        divided += " What is below 0 works against the answer, so that others may be above the lead."
    shown.append(Table(f"shares-{query + 1}", divided, ("factor", "nats", "its change"), lines, place="folded"))
    evidence = tuple((row.name, row.number, row.scale, row.sentence) for row in findings(found))
    caption = f"Evidence on query {query + 1}."
    columns = ("evidence", "number", "among", "reading")
    return [*shown, Table(f"query-{query + 1}", caption, columns, evidence, place="folded"), *notes(found.missing)]


def _evidence(result: list[Explanation]) -> Table:
    """A row for each query, for files and frames."""
    rows = [
        (
            found.contest.query + 1,
            *found.pair,
            found.contest.lead,
            NAMES[found.causes[0].kind] if found.causes else None,
            found.causes[0].confirmed_by.change if found.causes else None,
            found.causes[0].confirmed_by.lead if found.causes else None,
        )
        for found in result
    ]
    columns = ("number", "answer", "rival", "lead", "cause", "confirmed by", "lead then")
    return Table("causes", "The first cause of each.", columns, tuple(rows), place="aside")


SECTION = Section(
    title="Why",
    question="Why",
    fields=ExplanationFields,
    requests=requests,
    partial=True,
    gather=lambda answers, context: list(answers),
    values=values,
    reading=reading,
    blocks=blocks,
    main="causes",
)

ANALYSIS = Analysis("explanation", (Explanation,), SECTION)
