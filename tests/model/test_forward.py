"""The instrumented forward is the plain forward: on every architecture, with a cache, in padded batches."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from icldiag.errors import Cancelled
from icldiag.model.attention import Edit
from icldiag.model.forward import InstrumentedModel, Resume
from icldiag.model.heads import Heads, KeyValues
from icldiag.model.padding import batch_of
from icldiag.model.parity import measure_parity, require_parity
from icldiag.model.query_batches import query_batches
from icldiag.model.readout import common_start, read_queries
from icldiag.prompt.encode import encode
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.schema import Prompt
from tests.conftest import CONFIGURATIONS, Tiny

ARCHITECTURES = list(CONFIGURATIONS)  # the others: test_architectures.py


def plain_logits(model: InstrumentedModel, encoded: EncodedPrompt) -> torch.Tensor:
    """The last logits of every whole prompt, one by one, by transformers' own code: (n, V)."""
    with model.plain() as plain, torch.no_grad():
        return torch.stack(
            [plain(input_ids=torch.tensor([[*encoded.prefix, *query.ids]])).logits[0, -1] for query in encoded.queries]
        )


def read_logits(model: InstrumentedModel, encoded: EncodedPrompt) -> torch.Tensor:
    prefix = model.encode_prefix(encoded.prefix)
    logits = torch.empty(len(encoded.queries), model.model.config.vocab_size)
    for part in query_batches(model, [query.ids for query in encoded.queries], len(encoded.prefix)):
        with torch.no_grad():
            logits[list(part.indices)] = model.run(part.batch, context=prefix.key_values).logits[:, -1]
    return logits


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_queries_on_the_cache_give_the_plain_logits(architecture: str, tiny: Tiny, prompt: Prompt) -> None:
    model = tiny(architecture)
    encoded = encode(prompt, model.tokenizer, model.context_window)
    assert len({len(query.ids) for query in encoded.queries}) > 2  # the batch is padded
    torch.testing.assert_close(read_logits(model, encoded), plain_logits(model, encoded), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_single_query_gives_the_plain_logits(architecture: str, tiny: Tiny, prompt: Prompt) -> None:
    model = tiny(architecture)
    encoded = encode(prompt.with_queries(prompt.queries[:1]), model.tokenizer)
    torch.testing.assert_close(read_logits(model, encoded), plain_logits(model, encoded), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_padding_is_never_seen(architecture: str, tiny: Tiny, prompt: Prompt) -> None:
    """Whatever stands in the padded columns, the real rows do not change: not by one bit."""
    model = tiny(architecture)
    rows = [[5, 6, 7, 8, 9, 10], [11, 12]]
    batch = batch_of(rows, 0)
    other = batch.ids.clone()
    other[1, :4] = 99
    with torch.no_grad():
        first = model.run(batch).logits
        second = model.run(replace(batch, ids=other)).logits
        alone = model.run(batch_of([rows[1]], 0)).logits
    assert torch.equal(first, second)
    torch.testing.assert_close(first[1], alone[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_restarting_at_a_layer_gives_the_whole_pass(architecture: str, tiny: Tiny) -> None:
    model = tiny(architecture)
    batch = batch_of([[5, 6, 7, 8], [9, 10, 11, 12]], 0)
    with torch.no_grad():
        whole = model.run(batch, keep_inputs=True)
        for layer in range(1, model.n_layers):
            again = model.run(batch, resume=Resume(layer, whole.inputs[layer]))
            assert torch.equal(again.logits, whole.logits)
        assert torch.equal(model.run(batch).logits, whole.logits)  # the skipped layers are back


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_parity_check_passes_and_reaches_every_layer(architecture: str, tiny: Tiny) -> None:
    parity = measure_parity(tiny(architecture))
    assert parity.difference < 1e-5
    assert parity.layers_reached == 4


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("architecture", ["gpt2", "gptj", "llama", "bloom", "falcon_rw", "gemma2", "gpt_oss"])
def test_half_precision_passes_the_check(architecture: str, dtype: torch.dtype, tiny: Tiny) -> None:
    require_parity(tiny(architecture, dtype))


def test_a_token_on_its_own_past_gives_the_plain_logits(tiny: Tiny) -> None:
    """The cache of re-weighting: shared demonstrations, each row's own padded past, one new token."""
    model = tiny("llama")
    shared, rows = [3, 4, 5], [[6, 7, 8, 9], [10, 11]]
    prefix = model.encode_prefix(shared)
    past: list[KeyValues] = []

    def keep(layer: int, heads: Heads, output: torch.Tensor) -> None:
        past.append(heads.key_values)

    with torch.no_grad():
        earlier = batch_of([row[:-1] for row in rows], len(shared))
        model.run(earlier, context=prefix.key_values, observe=keep)
        last = torch.tensor([[row[-1]] for row in rows])
        logits = model.run(
            replace(earlier, ids=last, positions=earlier.positions[:, -1:] + 1, span=(4, 12)),
            context=prefix.key_values,
            past=past,
        ).logits[:, -1]
        with model.plain() as plain:
            for row, found in zip(rows, logits, strict=True):
                wanted = plain(input_ids=torch.tensor([[*shared, *row]])).logits[0, -1]
                torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["gpt2", "gptj", "llama", "mistral"])
def test_an_edit_equals_the_same_change_written_out(architecture: str, tiny: Tiny) -> None:
    """Blocking and boosting one row, against softmax(QK) V written plainly from the observed heads."""
    model = tiny(architecture)
    ids = list(range(10, 22))
    blocked = torch.zeros(1, 12, dtype=torch.bool)
    blocked[0, 3:6] = True
    factor = torch.rand(4, 9) + 0.5
    edit = Edit(torch.tensor([9]), blocked, factor)
    seen: dict[int, tuple[Heads, torch.Tensor]] = {}
    with torch.no_grad():
        model.run(batch_of([ids], 0), edits={2: edit}, observe=lambda layer, *rest: seen.update({layer: rest}))
    heads, output = seen[2]
    groups = heads.query.shape[1] // heads.key.shape[1]
    keys, values = heads.key.repeat_interleave(groups, 1), heads.value.repeat_interleave(groups, 1)
    scores = heads.query[0] @ keys[0].transpose(1, 2) * heads.scale
    scores = scores.masked_fill(torch.ones(12, 12).triu(1).bool(), -torch.inf)
    unedited = scores.softmax(-1) @ values[0]
    scores[:, 9, 3:6] = -torch.inf
    weights = scores.softmax(-1)
    weights[:, 9, :9] *= factor
    wanted = weights @ values[0]
    torch.testing.assert_close(output[0], wanted, atol=1e-5, rtol=1e-4)
    rest = [row for row in range(12) if row != 9]
    torch.testing.assert_close(output[0][:, rest], unedited[:, rest], atol=1e-5, rtol=1e-4)
    assert not torch.allclose(wanted[:, 9], unedited[:, 9], atol=1e-3)


def test_an_edit_leaves_nothing_behind_even_after_a_cancel(tiny: Tiny) -> None:
    model = tiny()
    batch = batch_of([[5, 6, 7, 8]], 0)
    with torch.no_grad():
        before = model.run(batch).logits
        edit = Edit(torch.tensor([3]), torch.tensor([[True, True, False, False]]))
        assert not torch.equal(model.run(batch, edits={1: edit}).logits, before)

        def stop(layer: int) -> None:
            if layer == 2:
                raise Cancelled("stopped")

        with pytest.raises(Cancelled):
            model.run(batch, edits={1: edit}, keep_inputs=True, before_layer=stop)
        assert torch.equal(model.run(batch).logits, before)


def test_plain_takes_the_instrument_out_and_puts_it_back(tiny: Tiny) -> None:
    model = tiny()
    ids = torch.tensor([[1, 2, 3]])
    with pytest.raises(RuntimeError, match="plain"):
        model.model(input_ids=ids)
    with model.plain() as plain:
        plain(input_ids=ids)
    with pytest.raises(RuntimeError, match="plain"):
        model.model(input_ids=ids)


def test_whole_word_scores_are_the_conditional_log_probabilities(tiny: Tiny, prompt: Prompt) -> None:
    from dataclasses import replace

    from icldiag.prompt.schema import Label

    words = (Label("Person", " Person"), Label("sea", " sea park"), Label("bridge", " bridges cross the canal"))
    prompt = replace(prompt, labels=words, scoring="whole")
    model = tiny("llama")
    encoded = encode(prompt, model.tokenizer)
    assert max(len(ids) for ids in encoded.label_tokens) > 2
    scores = read_queries(model, encoded, model.encode_prefix(encoded.prefix)).label_scores
    with model.plain() as plain, torch.no_grad():
        for row, query in enumerate(encoded.queries):
            for column, label in enumerate(encoded.label_tokens):
                ids = [*encoded.prefix, *query.ids, *label]
                chances = plain(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
                wanted = sum(float(chances[len(ids) - len(label) + i - 1, token]) for i, token in enumerate(label))
                assert scores[row, column] == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_logits_of_some_tokens_alone(architecture: str, tiny: Tiny) -> None:
    model = tiny(architecture)
    batch, wanted = batch_of([[5, 6, 7, 8], [9, 10, 11, 12]], 0), [30, 4, 30, 399]
    with torch.no_grad():
        whole = model.run(batch).logits
        torch.testing.assert_close(model.run(batch, tokens=wanted).logits, whole[..., wanted], atol=1e-6, rtol=1e-5)
        assert torch.equal(model.run(batch).logits, whole)  # the head is whole again
        model.model.get_output_embeddings().forward = model.model.get_output_embeddings().forward  # as accelerate does
        assert torch.equal(model.run(batch, tokens=wanted).logits, whole[..., wanted])


def test_what_all_queries_begin_with() -> None:
    assert common_start([[1, 2, 3, 4], [1, 2, 9], [1, 2, 3], [1, 2, 3, 5]]) == 2
    assert common_start([[1, 2, 3]] * 4) == 2  # a token is left to each
    assert common_start([[1], [1, 2], [1, 3], [1]]) == 0
    assert common_start([[2, 1], [1, 2], [1, 2], [1, 2]]) == 0
    assert common_start([[1, 2, 3], [1, 2, 4]]) == 0  # two rows are not worth a pass


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_common_start_is_run_once_and_changes_nothing(architecture: str, tiny: Tiny, prompt: Prompt) -> None:
    model = tiny(architecture)
    encoded = encode(prompt, model.tokenizer)
    stem = common_start([query.ids for query in encoded.queries])
    assert stem >= 2  # "Question:"
    widths: list[int] = []
    found = read_queries(
        model,
        encoded,
        model.encode_prefix(encoded.prefix),
        observe=lambda queries, layer, heads: widths.append(heads.query.shape[2]),
    )
    assert max(widths) == max(len(query.ids) for query in encoded.queries) - stem
    firsts = [tokens[0] for tokens in encoded.label_tokens]
    torch.testing.assert_close(
        torch.tensor(found.label_scores).float(), plain_logits(model, encoded)[:, firsts], atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2", "cohere"])
def test_logits_of_half_precision_have_no_coarse_steps(architecture: str, dtype: torch.dtype, tiny: Tiny) -> None:
    """They are float32 products of the hidden states: most lie between the steps of the weights' type."""
    model = tiny(architecture, dtype)
    batch = batch_of([[5, 6, 7, 8, 9, 10, 11]], 0)
    with torch.no_grad():
        found, few = model.run(batch).logits[0, -1], model.run(batch, tokens=[3, 7, 300]).logits[0, -1]
        with model.plain() as plain:
            coarse = plain(input_ids=batch.ids).logits[0, -1]
    assert found.dtype == few.dtype == torch.float32
    torch.testing.assert_close(few, found[[3, 7, 300]], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found, coarse.float(), atol=0.05 * float(coarse.abs().max()), rtol=0)
    assert (found != found.to(dtype).float()).float().mean() > 0.5
