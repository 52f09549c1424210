"""The prompt as the model reads it: demonstrations, label words, forerunners and the target, by sign and colour.

^   before a forerunner: the token from which a label would be read
[ ] around a label word (the paper's anchor)
@   before the target: the last token, where the model answers
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from rich.table import Table
from rich.text import Text

from icldiag.page.blocks import Kind, Piece
from icldiag.prompt.parts import plain_parts
from icldiag.render.look import Look
from icldiag.visible import visible

if TYPE_CHECKING:
    from icldiag.prompt.encoded_prompt import EncodedPrompt, Token
    from icldiag.prompt.schema import Prompt

Detail = Literal["text", "boundaries", "positions"]
DETAILS: tuple[Detail, ...] = ("text", "boundaries", "positions")


def plain_pieces(prompt: Prompt, query: int) -> tuple[Piece, ...]:
    """What can be shown before a tokenizer is loaded."""
    parts = plain_parts(prompt.with_queries([prompt.queries[query]]))
    written = (*parts.shown, *parts.queries[0])
    return tuple(Piece(part.text, part.role, part.demonstration) for part in written if part.text)


def token_pieces(encoded: EncodedPrompt, own: Sequence[Token], query: int) -> tuple[Piece, ...]:
    """Every token of the prompt that ends with `query`, whose own tokens are `own`.

    Earlier results may have the query's parts alone, which are shown without positions.
    """
    forerunners = {demonstration.forerunner for demonstration in encoded.demonstrations}
    own_ids = encoded.queries[query].ids
    known = len(own) == len(own_ids)
    tokens = [*encoded.tokens, *(own if known else ())]
    ids = [*encoded.prefix, *(own_ids if known else ())]
    pieces = []
    for position, (token, token_id) in enumerate(zip(tokens, ids, strict=True)):
        kind: Kind = token.role
        if position in forerunners:
            kind = "forerunner"
        elif known and position == len(tokens) - 1:
            kind = "target"
        number = token.demonstration if position < len(encoded.tokens) else None
        pieces.append(Piece(token.text, kind, number, position, token_id))
    return (*pieces, *(Piece(part.text, part.role, None) for part in (() if known else own)))


def legend(look: Look, with_tokens: bool) -> Text:
    line = Text()
    line.append("[word]", look.label_word)
    line.append(" label word   ", look.muted)
    if with_tokens:
        line.append("^", look.forerunner)
        line.append(" forerunner, just before a label word   ", look.muted)
        line.append("@", look.target)
        line.append(" target, where the model answers", look.muted)
    return line


def prompt_table(pieces: Sequence[Piece], look: Look, detail: Detail = "text", marked: int | None = None) -> Table:
    """A numbered row for each demonstration, the marked one with a sign, and one for the query."""
    table = Table.grid(padding=(0, 1))
    table.add_column(width=5, no_wrap=True)
    table.add_column(overflow="fold")
    for number, group in _groups(pieces):
        head = f"{number + 1:>5}" if number is not None else "query" if group[-1].kind != "separator" else "instr"
        style = look.muted if number is not None else look.chosen
        if number is not None and number == marked:
            head, style = f">{head[1:]}", look.strong
        table.add_row(Text(head, style), token_strip(group, look, detail))
    return table


def token_strip(pieces: Iterable[Piece], look: Look, detail: Detail = "text") -> Text:
    """The pieces one after another; a line break in the prompt is shown and starts a new line, but not at the end."""
    line = Text()
    shown = list(pieces)
    open_label = False
    for number, piece in enumerate(shown):
        if piece.kind == "label" and not open_label:
            line.append("[", look.label_word)
            open_label = True
        line.append_text(_piece(piece, look, detail, joined=number > 0))
        following = shown[number + 1].kind if number + 1 < len(shown) else None
        if open_label and following != "label":
            line.append("]", look.label_word)
            open_label = False
        if piece.text.endswith("\n") and following is not None:
            line.append("\n")
    return line


def _groups(pieces: Sequence[Piece]) -> list[tuple[int | None, list[Piece]]]:
    groups: list[tuple[int | None, list[Piece]]] = []
    for piece in pieces:
        if not groups or groups[-1][0] != piece.demonstration:
            groups.append((piece.demonstration, []))
        groups[-1][1].append(piece)
    return groups


def _piece(piece: Piece, look: Look, detail: Detail, joined: bool) -> Text:
    style = {
        "label": look.label_word,
        "forerunner": look.forerunner,
        "target": look.target,
        "text": "",
    }.get(piece.kind, look.muted)
    text = visible(piece.text, look.ascii_only)
    result = Text()
    sign = {"forerunner": "^", "target": "@"}.get(piece.kind, "")
    if detail == "positions" and piece.position is not None:
        result.append(f"{' ' if joined else ''}{piece.position}:", look.muted)
        result.append(f"{sign}{text or '(no text)'}", style)
        result.append(f"#{piece.token_id} ", look.muted)
        return result
    if detail == "boundaries" and joined:
        result.append("|", look.muted)
    result.append(f"{sign}{text}", style)
    return result


def strongest(weights: Sequence[float], count: int = 5) -> list[int]:
    """The places of the heaviest weights, heaviest first; none without a weight."""
    order = sorted(range(len(weights)), key=lambda index: -weights[index])
    return [index for index in order[:count] if weights[index] > 0]


def strongest_names(pieces: Sequence[Piece], weights: Sequence[float], look: Look, count: int = 3) -> str:
    """'lost (1), delivery (2), declined (3)': in a long prompt the tokens themselves may be out of sight."""
    names = (visible(pieces[index].text, look.ascii_only).strip() or "blank" for index in strongest(weights, count))
    return ", ".join(f"{name} ({rank})" for rank, name in enumerate(names, start=1))


def weighted_strip(pieces: Sequence[Piece], weights: Sequence[float], look: Look) -> Text:
    """The pieces shaded by weight relative to the heaviest; the five heaviest are followed by their rank, (1) first."""
    heaviest = max(weights, default=0.0)
    ranks = {index: rank for rank, index in enumerate(strongest(weights), start=1)}
    line = Text()
    for index, piece in enumerate(pieces):
        share = weights[index] / heaviest if heaviest > 0 else 0.0
        line.append(visible(piece.text, look.ascii_only), look.heat_of(share) if share > 0.02 else look.muted)
        if index in ranks:
            line.append(f"({ranks[index]})", look.strong)
        if piece.kind == "separator":
            line.append("\n")
    return line


def signed_strip(pieces: Sequence[Piece], weights: Sequence[float], look: Look) -> Text:
    """The pieces shaded by how far above 0 they are, underlined where far below; the three furthest of each are ranked,
    (+1) and (-1) first.
    """
    furthest = max(map(abs, weights), default=0.0)
    ranks = {place: f"(+{rank})" for rank, place in enumerate(strongest(weights, 3), start=1)}
    against = [-weight for weight in weights]
    ranks |= {place: f"(-{rank})" for rank, place in enumerate(strongest(against, 3), start=1)}
    line = Text()
    for index, piece in enumerate(pieces):
        share = weights[index] / furthest if furthest > 0 else 0.0
        style = look.heat_of(share) if share > 0.05 else look.muted
        if share < -0.05:
            style = f"underline {look.gold}" if share < -0.3 else "underline"
        line.append(visible(piece.text, look.ascii_only), style)
        if index in ranks:
            line.append(ranks[index], look.strong)
        if piece.kind == "separator":
            line.append("\n")
    return line
