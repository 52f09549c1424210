"""Token rows of one padded batch that each go on from earlier tokens of their own, with edits of their own.

A row's earlier tokens are pieces of what other passes have kept: of the prompt's demonstrations, and of a row that
changed them. What all rows of a batch have in common becomes its context, computed and held once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from icldiag.lazy import no_grad, torch
from icldiag.model.attention import Edit
from icldiag.model.edits import Edits
from icldiag.model.finite import require_finite
from icldiag.model.forward import InstrumentedModel
from icldiag.model.heads import Heads, KeyValues
from icldiag.model.memory import is_out_of_memory, release
from icldiag.model.padding import Batch, batch_of, padding_of
from icldiag.model.pasts import OwnPasts, Past, Piece, shared_tokens

if TYPE_CHECKING:
    from torch import Tensor

    from icldiag.model.label_words import LabelWords


T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Row:
    """New tokens after a past, at least one.

    edits: rows and columns count the tokens of the whole prompt; those of new tokens are done. What is done to the last
        token is done to the tokens of the label words after it, too.
    """

    past: Past
    ids: tuple[int, ...]
    edits: tuple[Edits, ...] = ()

    @property
    def length(self) -> int:
        return len(self.past) + len(self.ids)


class _PerLayer(Sequence[KeyValues]):
    """Keys and values that are put together when their layer's turn comes, and not all at once."""

    def __init__(self, layers: int, at: Callable[[int], KeyValues]) -> None:
        self._layers, self._at = layers, at

    def __len__(self) -> int:
        return self._layers

    def __getitem__(self, layer: int) -> KeyValues:  # type: ignore[override]
        return self._at(layer)


@no_grad
def run_rows(
    model: InstrumentedModel,
    rows: Sequence[Row],
    words: LabelWords,
    keep: Sequence[int] = (),
    before_layer: Callable[[int], None] | None = None,
) -> tuple[Tensor, list[Past]]:
    """Run all rows at once.

    Returns:
        The label scores (B, C) after each row, before a calibration, and the tokens of the rows `keep` as pasts of
        later rows.

    Raises:
        NotFinite: one of the scores is no finite number.
    """
    shared = shared_tokens([row.past for row in rows])
    layout = _Layout.of(rows, shared, words)
    context = rows[0].past.cut(0, shared)
    owns = [row.past.cut(shared, len(row.past)) for row in rows]
    kept: list[KeyValues] = []
    chosen = torch.tensor(list(keep), dtype=torch.long)

    def observe(layer: int, heads: Heads, output: Tensor) -> None:
        if keep:
            where, new = chosen.to(heads.key.device), slice(layout.past, layout.past + layout.new)
            found = heads.key_values
            kept.append(
                KeyValues(
                    found.keys[:, :, new][where],
                    found.values[:, :, new][where],
                    found.positions.expand(len(rows), -1)[:, new][where],
                    found.last,
                )
            )

    def in_common(layer: int) -> KeyValues:
        return replace(context.at(layer), last=shared - 1)

    own = OwnPasts.of(owns, layout.past, shared, model.device) if layout.past else None
    model.turns.give_way()
    run = model.run(
        words.after(layout.batch(rows, model)),
        context=_PerLayer(model.n_layers, in_common) if shared else None,
        past=None if own is None else _PerLayer(model.n_layers, own.at),
        edits=layout.edits(rows, words, model),
        observe=observe,
        keep=words.rows,
        tokens=words.vocabulary,
        before_layer=before_layer,
    )
    scores = words.plain_scores(run.logits, words.vocabulary)
    require_finite(scores, words.dtype)
    pasts = [
        Past((*rows[row].past.pieces, Piece(kept, place, layout.new - len(rows[row].ids), layout.new)))
        for place, row in enumerate(keep)
    ]
    return scores, pasts


@dataclass(frozen=True)
class _Layout:
    """Columns of a batch: the context, each row's own past, its new tokens, the label words' tokens.

    Own past and new tokens are padded at the left, each for itself.
    """

    shared: int
    past: int
    new: int
    words: int

    @staticmethod
    def of(rows: Sequence[Row], shared: int, words: LabelWords) -> _Layout:
        past = max(len(row.past) for row in rows) - shared
        return _Layout(shared, past, max(len(row.ids) for row in rows), len(words.given))

    def batch(self, rows: Sequence[Row], model: InstrumentedModel) -> Batch:
        """The new tokens."""
        device, pasts = model.device, [len(row.past) for row in rows]
        batch = batch_of([row.ids for row in rows], 0, device)
        positions = batch.positions + torch.tensor(pasts, device=device)[:, None]
        span = min(pasts), max(row.length for row in rows) - 1
        if not self.past:
            return replace(batch, positions=positions, span=span)
        return Batch(batch.ids, positions, padding_of(pasts, device), span, batch.padding)

    def columns(self, row: Row, count: int) -> Tensor:
        """Where the first `count` tokens of a row's prompt stand among all columns."""
        tokens = torch.arange(count)
        own_past = tokens + self.past + self.shared - len(row.past)
        new = tokens + self.shared + self.past + self.new - row.length
        return torch.where(tokens < self.shared, tokens, torch.where(tokens < len(row.past), own_past, new))

    def places(self, row: Row, token: int) -> Iterator[int]:
        """Where a new token stands among the batch's new columns, with the label words' after the last one."""
        if token >= len(row.past):
            yield self.new - row.length + token
        if token == row.length - 1:
            yield from range(self.new, self.new + self.words)

    def edits(self, rows: Sequence[Row], words: LabelWords, model: InstrumentedModel) -> Edits:
        """The edits of all rows as edits of the batch; the label words' tokens do not see each other's words.

        They are put together on the CPU, where a single entry costs no launch of a kernel.
        """
        found: dict[int, Edit] = {}
        made: dict[tuple[tuple[int, ...], ...], Edit] = {}  # most layers have the same edits
        for layer in range(model.n_layers):
            of_rows = [[edits[layer] for edits in row.edits if layer in edits] for row in rows]
            key = tuple(tuple(map(id, edits)) for edits in of_rows)
            if key not in made:
                made[key] = self._merged(rows, of_rows, words, model.n_heads).to(model.device)
            if len(made[key].rows):
                found[layer] = made[key]
        return found

    def _merged(self, rows: Sequence[Row], of_rows: Sequence[Sequence[Edit]], words: LabelWords, heads: int) -> Edit:
        lines = [
            (place, row, new, edit, line)
            for place, (row, edits) in enumerate(zip(rows, of_rows, strict=True))
            for edit in edits
            for line, token in enumerate(edit.rows.tolist())
            for new in self.places(row, token)
        ]
        behind = range(self.new, self.new + self.words)
        edited = sorted({*(new for _, _, new, _, _ in lines), *behind})
        index = {new: number for number, new in enumerate(edited)}
        width = self.shared + self.past + self.new + self.words
        by_head = any(edit.blocked is not None and edit.blocked.dim() == 4 for _, _, _, edit, _ in lines)
        blocked = torch.zeros(len(rows), heads if by_head else 1, len(edited), width, dtype=torch.bool)
        factor = torch.ones(len(rows), heads, len(edited), width)
        blocks = scales = False
        columns_of = cache(self.columns)  # a row has many edits, over as many columns
        if self.words:
            blocked[:, :, index[self.new] :, width - self.words :] = words.hidden
            blocks = True
        for place, row, new, edit, line in lines:
            if edit.factor is not None:
                columns = columns_of(row, min(edit.factor.shape[1], row.length))
                factor[place, :, index[new], columns] *= edit.factor[:, : len(columns)].cpu()
                scales = True
            if edit.blocked is not None:
                columns = columns_of(row, min(edit.blocked.shape[-1], row.length))
                own = edit.blocked[..., line, : len(columns)].cpu()  # (N,), or (1, H, N)
                own = own[0] if by_head and own.dim() == 3 else own.expand(blocked.shape[1], -1)  # (H or 1, N)
                if edit.renormalise:
                    of_row = blocked[place, :, index[new]]  # a view
                    of_row[:, columns] |= own
                else:
                    kept = factor[place, :, index[new]]
                    kept[:, columns] *= (~own).to(factor.dtype)
                blocks, scales = blocks or edit.renormalise, scales or not edit.renormalise
        return Edit(torch.tensor(edited, dtype=torch.long), blocked if blocks else None, factor if scales else None)


def in_pieces(model: InstrumentedModel, rows: slice, read: Callable[[slice], T], say: Callable[[str], None]) -> list[T]:
    """Read the rows of a batch at once or, where memory runs out, in halves; what was learnt holds from there on."""
    size = rows.stop - rows.start
    if size <= model.rows_at_once:
        try:
            return [read(rows)]
        except Exception as error:
            if size == 1 or not is_out_of_memory(error):
                raise
        release()
        model.rows_at_once = size // 2
        note = f"memory ran out with {size} queries at once; {size // 2} at once from here on"
        model.notes.append(note)
        say(note)
    half = rows.start + (size + 1) // 2
    return [
        piece
        for part in (slice(rows.start, half), slice(half, rows.stop))
        for piece in in_pieces(model, part, read, say)
    ]
