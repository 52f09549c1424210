"""`python -m benchmarks.memory`: estimated against measured memory of the analyses, on random models of real shapes.

Each analysis runs in a process of its own; measured is what the process's peak grew by over the loaded model.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

SHAPES = ("gpt2", "llama")
ANALYSES = ("prediction", "extraction", "isolation", "saliency", "compression")


def measure(shape: str, analysis: str) -> None:
    """One line: estimated and measured MiB."""
    import torch
    import transformers

    from icldiag.model.forward import InstrumentedModel
    from icldiag.model.free_memory import free_memory
    from icldiag.model.memory import sizes_of, work_of
    from icldiag.model.padding import batch_of
    from icldiag.prompt.schema import Example
    from icldiag.session import Session
    from tests.conftest import tiny_prompt, tiny_tokenizer
    from tests.model.measured_memory import forget_peak, resident

    small = {"vocab_size": 50257, "bos_token_id": 0, "eos_token_id": 0}
    configs = {
        "gpt2": transformers.GPT2Config(**small, n_layer=6),
        "llama": transformers.LlamaConfig(
            **small,
            hidden_size=1024,
            intermediate_size=2816,
            num_hidden_layers=6,
            num_attention_heads=16,
            num_key_value_heads=4,
            max_position_embeddings=2048,
        ),
    }
    model = InstrumentedModel(transformers.AutoModelForCausalLM.from_config(configs[shape]), tiny_tokenizer(), shape)
    prompt = tiny_prompt()
    long = replace(
        prompt,
        demonstrations=prompt.demonstrations * 12,
        queries=tuple(Example(query.text + " the sea" * 12, query.label) for query in prompt.queries * 4),
    )
    session = Session(long, model)
    work = work_of(session.encoded)
    with torch.no_grad():
        model.run(batch_of([[1, 2, 3]], 0))
    forget_peak()
    before = resident("VmRSS")
    if analysis == "saliency":
        session.flow(0)
    elif analysis == "compression":
        session.compression(draws=1)
    else:
        getattr(session, analysis)()
    grown = (resident("VmHWM") - before) / 2**20
    needs = work.analyses(sizes_of(model.model.config), "float32", "cpu", free_memory("cpu"))
    estimated = needs[analysis] / 2**20
    whole = work.prefix + work.query
    print(
        f"| {shape} | {analysis} | {whole} | {estimated:.0f} | {grown:.0f} | {estimated / max(grown, 1):.1f} |",
        flush=True,
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        measure(*sys.argv[1:])
    else:
        print("| model | analysis | tokens | estimated MiB | measured MiB | ratio |")
        print("| --- | --- | --- | --- | --- | --- |", flush=True)
        for shape in SHAPES:
            for analysis in ANALYSES:
                subprocess.run([sys.executable, "-m", "benchmarks.memory", shape, analysis], check=True)
