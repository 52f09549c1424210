"""A state set aside, to compare the present one with."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from icldiag.counting import counted
from icldiag.tui.changes import Applied
from icldiag.tui.state import State

if TYPE_CHECKING:
    from icldiag.analyses.prediction.compute import Prediction
    from icldiag.analyses.search.change import TryChange
    from icldiag.prompt.schema import Prompt


def pin(state: State) -> State:
    """A copy that later changes of the state do not reach."""
    return replace(
        state,
        doing={},
        results=dict(state.results),
        failures=dict(state.failures),
        undo=list(state.undo),
        pinned=None,
    )


def other_model(now: State) -> str | None:
    """The name of the pinned state's model, where it is another one."""
    pinned = now.pinned
    if pinned is None or pinned.session is None or now.session is None:
        return None
    name = pinned.session.facts.name
    return None if name == now.session.facts.name else Path(name).name


def same_query(now: State, pinned: State) -> int | None:
    """The pinned state's query with the selected query's texts."""
    if now.prompt is None or pinned.prompt is None:
        return None
    texts = now.prompt.queries[now.query].texts
    if now.query < len(pinned.prompt.queries) and pinned.prompt.queries[now.query].texts == texts:
        return now.query
    return next((index for index, query in enumerate(pinned.prompt.queries) if query.texts == texts), None)


class Turned(NamedTuple):
    """An answer that is another than it was: `+` right by now, `-` wrong by now, `~` neither."""

    sign: str
    was: str


class Baseline(NamedTuple):
    """What all answers in the list of queries are compared with."""

    name: str
    prompt: Prompt
    prediction: Prediction


def baseline(now: State) -> Baseline | None:
    """The pinned state, or else the file where something is changed or in force that is not in it."""
    pinned = now.pinned
    if pinned is not None and pinned.prompt is not None and pinned.prediction is not None:
        return Baseline(other_model(now) or "pinned", pinned.prompt, pinned.prediction)
    if now.plain is None or not (now.edits or now.beta is not None):
        return None
    return Baseline("in the file", *now.plain)


def turned(now: State) -> dict[int, Turned]:
    """By query, against the baseline; a query that this lacks is new."""
    against, new = baseline(now), now.prediction
    if against is None or now.prompt is None or new is None:
        return {}
    old, found = against.prediction, {}
    for query, before in _shared(now.prompt, against.prompt).items():
        was, answer = old.labels[old.predicted[before]], new.labels[new.predicted[query]]
        gold = new.gold[query]
        wanted = None if gold is None else new.labels[gold]
        if was != answer:
            found[query] = Turned({answer: "+", was: "-"}.get(wanted or "", "~"), was)
    return found


def difference(now: State) -> str:
    """One sentence: what the present state answers otherwise than the pinned one, to the queries that both have.

    Where some are marked, to those alone.
    """
    pinned, query = now.pinned, now.query
    if pinned is None or pinned.prediction is None or now.prediction is None:
        return ""
    if now.prompt is None or pinned.prompt is None:
        return ""
    old, new, pairs = pinned.prediction, now.prediction, _shared(now.prompt, pinned.prompt)
    this = (
        f"{_answer(old, pairs[query])} -> {_answer(new, query)}" if query in pairs else "not among the pinned queries"
    )
    some = now.marked & set(pairs)
    if some:
        pairs = {at: pairs[at] for at in sorted(some)}
    changed = sum(old.labels[old.predicted[before]] != new.labels[new.predicted[at]] for at, before in pairs.items())
    judged = [at for at, before in pairs.items() if new.gold[at] is not None and old.gold[before] is not None]
    before, after = (
        sum(not of.is_wrong(at) for at in places) for of, places in ((old, [pairs[at] for at in judged]), (new, judged))
    )
    right = f"{before} -> {after} of {len(judged)} right, " if judged else ""
    differ = "1 answer differs" if changed == 1 else f"{changed} answers differ"
    which = f" ({len(some)} marked)" if some else ""
    other, session = other_model(now), now.session
    sides = "Pinned -> now" if other is None or session is None else f"{other} -> {Path(session.facts.name).name}"
    return f"{sides}{which}: {right}{differ}. This one: {this}."


def _shared(now: Prompt, other: Prompt) -> dict[int, int]:
    """The present queries that the other prompt has too, and where there; of equal texts the one at the same place."""
    texts: dict[tuple[str, ...], int] = {}  # of each field: the same words may be parted otherwise
    there = other.queries
    for place, query in enumerate(there):
        texts.setdefault(query.texts, place)
    return {
        at: at if at < len(there) and there[at].texts == query.texts else texts[query.texts]
        for at, query in enumerate(now.queries)
        if query.texts in texts
    }


def since(now: State, applied: Applied) -> str:
    """What the answers are with a repair, against those without it; it changes no query.

    Where something was changed before it, the list of queries compares with another prompt, so this says with which.
    """
    old, new, query = applied.prediction, now.prediction, now.query
    if new is None:
        return "answering the queries again ..."
    gold = new.gold[query]
    now_is = _answer(new, query) + ("" if gold is None else ", wrong" if new.is_wrong(query) else ", right")
    if old is None:  # it was applied before the prompt was answered without it
        return f"this query: {now_is}"
    counts = f"{old.correct} -> {new.correct} of {len(new.labelled)}"
    right = f"fewer right: {counts}" if new.correct < old.correct else f"{counts} right"
    right = f"{right} ({_turned(old, new)}); " if new.labelled else ""
    first = applied.before.beta is None and (now.plain is None or applied.before.prompt.hash == now.plain[0].hash)
    sides = "" if first else "without it -> with it: "
    was = f"{_answer(old, query)} -> " if query < len(old) else ""  # else it was asked with the repair on
    return f"{sides}{right}this query: {was}{now_is}"


def counts_since(now: State, applied: Applied) -> str:
    """How many of the queries are right without a repair and with it; nothing where that is not known."""
    old, new = applied.prediction, now.prediction
    if old is None or new is None or not new.labelled:
        return ""
    counts = f"{old.correct} right without it, {new.correct} with it"
    return f"Of {counted(len(new.labelled), 'labelled query')} {counts} ({_turned(old, new)})."


def tried_on_others(now: State) -> TryChange | None:
    """Of the change that is on, where nothing was known of its effect on other texts when it was applied."""
    applied = now.applied
    if applied is None or applied.trial or applied.beta is not None or applied.before.beta is not None:
        return None
    from icldiag.analyses.search.change import TryChange

    return TryChange(applied.before.prompt)


def on_others(now: State) -> str:
    """What the change that is on does to other texts than the queries; nothing where that is not known."""
    from icldiag.analyses.search.reading import NO_QUERIES, gain

    applied, trial = now.applied, tried_on_others(now)
    if applied is not None and applied.trial:
        return applied.trial
    return f"{gain(now.results[trial], NO_QUERIES)}." if trial in now.results else ""


def _answer(prediction: Prediction, query: int) -> str:
    label = int(prediction.predicted[query])
    return f"{prediction.labels[label]} {prediction.probabilities[query][label]:.2f}"


def _turned(old: Prediction, new: Prediction) -> str:
    """How many answers of the same queries became right, and how many wrong."""
    broken = sum(new.is_wrong(query) and not old.is_wrong(query) for query in new.labelled)
    fixed = sum(old.is_wrong(query) and not new.is_wrong(query) for query in new.labelled)
    return f"{fixed} fixed, {broken} broken"


def with_differences(text: Text, other: Text) -> Text:
    """The text with the words underlined that the other one has not."""
    words, others = _words(text.plain), _words(other.plain)
    matcher = difflib.SequenceMatcher(None, [word for word, _ in words], [word for word, _ in others], autojunk=False)
    marked = text.copy()
    for kind, start, stop, _, _ in matcher.get_opcodes():
        if kind in ("replace", "delete"):
            for word, at in words[start:stop]:
                marked.stylize("underline", at, at + len(word))
    return marked


def _words(text: str) -> list[tuple[str, int]]:
    found, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        found.append((word, at))
        at += len(word)
    return found
