"""One instrumented forward: demonstrations encoded once, queries batched on their cache, restart at a layer."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from icldiag.lazy import no_grad, torch
from icldiag.model.attention import Observer, Pass, Swap, active
from icldiag.model.edits import Edits
from icldiag.model.free_memory import free_memory
from icldiag.model.heads import Heads, KeyValues
from icldiag.model.limits import Limits
from icldiag.model.pace import Pace
from icldiag.model.padding import Batch, batch_of
from icldiag.model.settings import context_window
from icldiag.model.swaps import LayerCall, narrowed, skipping
from icldiag.model.transfer import to_host
from icldiag.model.turns import Turns
from icldiag.prompt.reader import Reader

if TYPE_CHECKING:
    from torch import Tensor, nn

    from icldiag.model.seams import Seam


@dataclass(frozen=True)
class Resume:
    """Restart at `layer` from its kept input, skipping the layers below."""

    layer: int
    hidden: Tensor  # (B, T, D)


@dataclass(frozen=True)
class Run:
    """What a forward returns. `logits` are those of the last `keep` columns, for all tokens or those asked for."""

    logits: Tensor  # (B, keep, V)
    inputs: tuple[Tensor, ...]  # per layer from the resumed one on, and the last one's output, (B, T, D); if asked for
    calls: tuple[LayerCall, ...]  # how each of these layers was called; if asked for


@dataclass(frozen=True)
class Prefix:
    """The demonstrations, encoded once."""

    ids: tuple[int, ...]
    key_values: tuple[KeyValues, ...]  # per layer, (1, K, P, d)
    inputs: tuple[Tensor, ...]  # per layer, and the last one's output, (1, P, D)
    forerunners: tuple[int, ...]  # positions whose query vectors were asked for
    forerunner_queries: tuple[Tensor, ...]  # per layer (n, H * d); some architectures have layers of several widths

    def emptied(self) -> Prefix:
        """The same without any token."""
        return Prefix(
            (),
            tuple(replace(layer.at(torch.arange(0, device=layer.keys.device)), last=-1) for layer in self.key_values),
            tuple(hidden[:, :0] for hidden in self.inputs),
            (),
            tuple(queries[:0] for queries in self.forerunner_queries),
        )


class InstrumentedModel:
    """A causal language model whose attention icldiag can watch and change, one pass at a time.

    The instrumented attention stays installed; `plain()` takes it out for a while. A pass sets hooks on the layers and
    swaps some of their forwards for its while, so two at a time would read each other's tensors: each takes `turns`.
    Whoever needs several passes in a row, such as a `Session`, takes them around all of them.
    """

    def __init__(self, model: Any, tokenizer: Any, name: str = "", revision: str | None = None) -> None:
        from icldiag.model.seams import decoder_layers, seam_of  # imports torch and transformers

        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.name = name
        self.revision = revision
        self.quantisation: str | None = None  # of the GGUF file that the weights were dequantised from
        config = model.config.get_text_config()
        self.seam: Seam = seam_of(model)  # refuses what has no attention
        self.n_layers: int = config.num_hidden_layers
        self.n_heads: int = config.num_attention_heads
        self.context_window: int | None = context_window(config)
        self.architecture: str = type(model).__name__
        self.layers: nn.ModuleList = decoder_layers(model)
        self._remove = self.seam.install(model)
        if self.dtype.itemsize < 4:  # of a strided input, oneDNN copies the head's weights for every row: 2.6 GB for 48
            model.get_output_embeddings().register_forward_pre_hook(lambda head, given: (given[0].contiguous(),))
        self.rows_at_once = 2**16  # fewer after memory ran out
        self.recomputes = False  # whether gradients compute layers twice, after memory ran out
        self.notes: list[str] = []  # what a user should know about how results were computed
        self.unconditional: dict[Hashable, tuple[float, ...]] = {}  # log-probabilities of label words by context
        self.turns = Turns()
        self.pace = Pace()
        self._layers_return_tuples = False  # learnt whenever inputs are kept, so known before any restart

    @property
    def device(self) -> torch.device:
        """Where token ids go in (with several devices, that of the embeddings)."""
        embeddings = self.model.get_input_embeddings()
        device: torch.device = embeddings.weight.device
        if device.type == "meta":  # accelerate brings the weights there when they are wanted
            device = torch.device(embeddings._hf_hook.execution_device)
        return device

    @cached_property
    def limits(self) -> Limits:
        """Of a batch; measured once, so that two reads of the same queries have the same batches."""
        return Limits.of(str(self.device), free_memory(str(self.device)))

    @property
    def dtype(self) -> torch.dtype:
        return self.model.dtype  # type: ignore[no-any-return]

    @property
    def reader(self) -> Reader:
        """What the encoding of a prompt for this model depends on."""
        ends = (self.model.get_input_embeddings(), self.model.get_output_embeddings())
        return Reader(self.tokenizer, self.context_window, min(int(end.weight.shape[0]) for end in ends))

    @property
    def parameters(self) -> int:
        return sum(weight.numel() for weight in self.model.parameters())

    def note(self, text: str) -> None:
        """Keep what a user should know, once."""
        if text not in self.notes:
            self.notes.append(text)

    @contextmanager
    def plain(self) -> Iterator[Any]:
        """The model without our attention, for checks against it."""
        with self.turns:
            self._remove()
            try:
                yield self.model
            finally:
                self._remove = self.seam.install(self.model)

    def run(
        self,
        batch: Batch,
        *,
        context: Sequence[KeyValues] | None = None,
        past: Sequence[KeyValues] | None = None,
        edits: Edits | None = None,
        observe: Observer | None = None,
        resume: Resume | None = None,
        keep: int = 1,
        tokens: Sequence[int] | Tensor | None = None,
        keep_inputs: bool | slice = False,
        before_layer: Callable[[int], None] | None = None,
        swap: Swap | None = None,
    ) -> Run:
        """One forward pass.

        Args:
            batch: the new tokens.
            context: keys and values that the whole batch shares (the demonstrations').
            past: keys and values of each row's own earlier tokens, padded like the batch that made them;
                `batch.padding` then counts the columns of past and new tokens together, and `batch.gap` those that are
                empty between the two.
            edits: per layer, the rows whose attention is done differently.
            observe: called in every layer with its heads and output.
            keep_inputs: return the layers' inputs, whole or of these columns alone.
            tokens: return the logits of these vocabulary entries alone, in this order: (B, keep, tokens). A step of one
                token spends up to a third of its time on the others.
            before_layer: called with the layer's number; may raise to stop.
            swap: what goes on in the place of a layer's head outputs.
        """
        inputs: list[Tensor] = []
        calls: list[LayerCall] = []
        this = Pass(
            batch.positions,
            batch.span,
            context,
            past,
            batch.padding,
            batch.gap,
            edits or {},
            observe,
            before_layer,
            swap,
        )
        with ExitStack() as stack:
            stack.enter_context(self.turns)
            began = time.monotonic()
            stack.enter_context(active(this))
            if resume is not None:
                handed_on = (resume.hidden,) if self._layers_return_tuples else resume.hidden
                stack.enter_context(skipping(self.layers[: resume.layer], handed_on))
            if keep_inputs is not False:
                columns = keep_inputs if isinstance(keep_inputs, slice) else None
                stack.enter_context(self._keeping(resume.layer if resume else 0, inputs, calls, columns))
            few = stack.enter_context(narrowed(self.model.get_output_embeddings(), tokens))
            output = self.model(
                input_ids=batch.ids,
                position_ids=batch.positions,
                attention_mask=torch.ones_like(batch.ids),
                use_cache=False,
                logits_to_keep=keep,
            )
            if resume is None and batch.ids.device.type == "cpu":  # other devices are not done yet
                self.pace.add(batch.ids.numel(), time.monotonic() - began)
        logits = output.logits
        if tokens is not None and not few:
            logits = logits[..., torch.as_tensor(tokens, device=logits.device)]
        return Run(logits, tuple(inputs), tuple(calls))

    @contextmanager
    def _keeping(
        self, first: int, inputs: list[Tensor], calls: list[LayerCall], columns: slice | None
    ) -> Iterator[None]:
        """Append every layer's input, and the last one's output, to `inputs` as the pass goes by."""

        def append(hidden: Tensor) -> None:  # a view of some columns would hold them all in memory
            inputs.append(hidden if columns is None else hidden[..., columns, :].clone())

        def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            keywords = dict(kwargs)
            append(args[0] if args else keywords.pop("hidden_states"))
            calls.append(LayerCall(module, args[1:], keywords))

        def after(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            self._layers_return_tuples = isinstance(output, tuple)
            append(output[0] if self._layers_return_tuples else output)

        handles = [layer.register_forward_pre_hook(before, with_kwargs=True) for layer in self.layers[first:]]
        handles.append(self.layers[-1].register_forward_hook(after))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    @no_grad
    def encode_prefix(
        self,
        ids: Sequence[int],
        *,
        forerunners: Sequence[int] = (),
        edits: Edits | None = None,
        resume: tuple[int, Prefix] | None = None,
        before_layer: Callable[[int], None] | None = None,
    ) -> Prefix:
        """Encode the demonstrations once: every layer's keys, values and inputs.

        Args:
            forerunners: positions whose query vectors are wanted; when resuming, those of the earlier prefix.
            resume: (layer, an earlier prefix of the same ids) whose layers below `layer` are still valid.
        """
        if not ids:  # no demonstrations: what a token has in every layer, and of that nothing
            return self.encode_prefix((0,)).emptied()
        start, earlier = resume if resume is not None else (0, None)
        caches: list[KeyValues] = list(earlier.key_values[:start]) if earlier else []
        queries: list[Tensor] = list(earlier.forerunner_queries[:start]) if earlier else []
        forerunners = earlier.forerunners if earlier else tuple(forerunners)
        rows = torch.tensor(forerunners, dtype=torch.long, device=self.device)

        def observe(layer: int, heads: Heads, output: Tensor) -> None:
            caches.append(heads.key_values)
            queries.append(heads.query[0][:, rows.to(heads.query.device)].transpose(0, 1).flatten(1).float())

        run = self.run(
            batch_of([ids], 0, self.device),
            edits=edits,
            observe=observe,
            resume=Resume(start, earlier.inputs[start]) if earlier else None,
            keep_inputs=True,
            before_layer=before_layer,
        )
        kept = earlier.inputs[:start] if earlier else ()
        return Prefix(tuple(ids), tuple(caches), (*kept, *run.inputs), forerunners, to_host(queries))

    def anchor_keys(self, prefix: Prefix, anchors: Sequence[Sequence[int]], layer: int) -> NDArray[np.float64]:
        """Keys at the anchors in one layer, heads concatenated: (demonstrations, H * d).

        The mean over a demonstration's anchors, where it has several.
        With grouped queries each key head is repeated for the query heads that read it, so that keys and query
        vectors have the same width. Rotary positions are applied, as attention sees them.
        """
        of_tokens = prefix.key_values[layer].keys[0].double()  # (K, P, d)
        keys = torch.stack([of_tokens[:, list(places)].mean(1) for places in anchors], dim=1)  # (K, n, d)
        keys = keys.repeat_interleave(self.n_heads // keys.shape[0], dim=0)  # (H, n, d)
        return keys.transpose(0, 1).flatten(1).cpu().numpy()
