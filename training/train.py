"""The training loop: seeded, resumable to the same weights, on as many processes as there are cores."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from tokenizers import Tokenizer
from torch import Tensor
from torch.multiprocessing.spawn import spawn
from torch.nn.functional import cross_entropy
from transformers import GPT2LMHeadModel

from training.corpus import Dataset
from training.curriculum import PHASES, Curriculum, Phase, phase_at
from training.episodes import Batch, Episodes
from training.network import build
from training.tokenizer import CONTEXT

WARM_UP = 300
OTHER_TOKENS = 0.25


@dataclass(frozen=True)
class Settings:
    run: Path
    seed: int = 0
    workers: int = 1
    width: int = 160
    heads: int = 5
    layers: int = 8
    rate: float = 1.2e-3
    save_every: int = 200
    #: Stop early at this step, as an interrupted run would; the schedule stays that of the whole run.
    until: int | None = None
    phases: tuple[Phase, ...] = PHASES

    @property
    def steps(self) -> int:
        return sum(phase.steps for phase in self.phases)

    @property
    def checkpoint(self) -> Path:
        return self.run / "checkpoint.pt"


def learning_rate(step: int, settings: Settings) -> float:
    """Full through the first half, because the circuit must be found; then down to a twentieth in a straight line."""
    remaining = 1 - step / settings.steps
    return settings.rate * min(1.0, (step + 1) / WARM_UP) * min(1.0, 0.05 + 1.9 * remaining)


def losses(model: GPT2LMHeadModel, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The loss to descend, its part on label words, the accuracy among the words seen, and that of guessing."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = model.transformer(batch.ids, position_ids=batch.positions, use_cache=False).last_hidden_state
        rows = torch.cat((batch.answer_rows, batch.other_rows))
        logits = model.lm_head(hidden.reshape(-1, hidden.shape[-1])[rows]).float()
    at_answers, at_others = logits.split((len(batch.answer_rows), len(batch.other_rows)))
    weights = batch.answer_weights / batch.answer_weights.sum().clamp_min(1.0)
    answers = (cross_entropy(at_answers, batch.answers, reduction="none") * weights).sum()
    loss = answers + OTHER_TOKENS * cross_entropy(at_others, batch.others)
    with torch.no_grad():
        rivals = at_answers.gather(1, batch.rivals.clamp_min(0)).masked_fill(batch.rivals < 0, -torch.inf)
        right = at_answers.gather(1, batch.answers[:, None])[:, 0] > rivals.amax(1)
        accuracy = (right * weights).sum()
        chance = (weights / (1 + (batch.rivals >= 0).sum(1))).sum()
    return loss, answers.detach(), accuracy, chance


def fresh(settings: Settings, tokenizer: Tokenizer, datasets: Sequence[Dataset]) -> GPT2LMHeadModel:
    return build(tokenizer, datasets, settings.seed, settings.width, settings.heads, settings.layers)


def train(settings: Settings, tokenizer: Tokenizer, datasets: Sequence[Dataset]) -> None:
    """Trains from the run's checkpoint, or from the start, to the end of the last phase."""
    settings.run.mkdir(parents=True, exist_ok=True)
    if settings.workers == 1:
        _work(0, settings, tokenizer, datasets, None)
    else:
        with tempfile.TemporaryDirectory() as meeting:
            arguments = (settings, tokenizer, datasets, f"file://{meeting}/store")
            spawn(_work, arguments, nprocs=settings.workers)  # type: ignore[no-untyped-call]


def _work(
    worker: int, settings: Settings, tokenizer: Tokenizer, datasets: Sequence[Dataset], meeting: str | None
) -> None:
    torch.set_num_threads(1)
    if meeting:
        dist.init_process_group("gloo", init_method=meeting, rank=worker, world_size=settings.workers)
    episodes = Episodes(tokenizer, datasets, settings.seed, CONTEXT)
    model = fresh(settings, tokenizer, datasets)
    decayed = [weight for weight in model.parameters() if weight.dim() > 1]
    plain = [weight for weight in model.parameters() if weight.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=settings.rate, betas=(0.9, 0.98), fused=True)
    curriculum = Curriculum()
    start = restore(settings.checkpoint, model, optimizer, curriculum)
    model.train()
    with _progress(worker, settings, start) as report:
        for step in range(start, settings.until or settings.steps):
            phase = phase_at(step, settings.phases)
            stage = curriculum.stage_for(phase)
            batch = episodes.batch(step, phase, stage, worker, settings.workers)
            _drop(model, phase.dropout)
            torch.manual_seed((settings.seed * settings.steps + step) * settings.workers + worker)  # for the dropout
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, settings)
            loss, *measured = losses(model, batch)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            label_loss, accuracy, chance = _agree(model, torch.stack(measured), settings.workers)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            curriculum.record(accuracy, chance, phase)
            done = step + 1
            if worker == 0:
                skill = f"loss {label_loss:.3f} skill {curriculum.skill:.3f}"
                report(done, f"window {phase.window} stage {curriculum.stage} {skill}")
                if done % settings.save_every == 0 or done == (settings.until or settings.steps):
                    save(settings.checkpoint, model, optimizer, curriculum, done)
    if meeting:
        dist.destroy_process_group()


def _drop(model: GPT2LMHeadModel, share: float) -> None:
    """Dropout on embeddings and on what attention and MLP add; attention itself is left whole."""
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Dropout) and not name.endswith("attn_dropout"):
            module.p = share


def _agree(model: GPT2LMHeadModel, measured: Tensor, workers: int) -> list[float]:
    """Averages gradients and measurements over the workers, in one message."""
    if workers > 1:
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        message = torch.cat([measured, *(gradient.reshape(-1) for gradient in gradients)]) / workers
        dist.all_reduce(message)
        measured, *parts = torch.split(message, [len(measured), *(gradient.numel() for gradient in gradients)])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))
    return [float(value) for value in measured]


def save(
    path: Path, model: GPT2LMHeadModel, optimizer: torch.optim.Optimizer, curriculum: Curriculum, step: int
) -> None:
    """Batches are drawn from the seed and the step, so the step stands for the state of the random numbers."""
    content = {
        "step": step,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "curriculum": curriculum.state(),
    }
    temporary = path.with_suffix(".tmp")
    torch.save(content, temporary)
    temporary.replace(path)


def restore(path: Path, model: GPT2LMHeadModel, optimizer: torch.optim.Optimizer, curriculum: Curriculum) -> int:
    """Continues from a checkpoint if there is one; returns the step to go on with."""
    if not path.exists():
        return 0
    content = torch.load(path, weights_only=True)
    model.load_state_dict(content["model"])
    optimizer.load_state_dict(content["optimizer"])
    curriculum.restore(**content["curriculum"])
    return int(content["step"])


@contextmanager
def _progress(worker: int, settings: Settings, start: int) -> Iterator[Callable[[int, str], None]]:
    """A bar on a terminal, a line now and then in a log file; only the first worker speaks."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, disable=worker > 0) as progress:
        task = progress.add_task("", total=settings.steps, completed=start)

        def report(done: int, text: str) -> None:
            progress.update(task, completed=done, description=text)
            if not progress.console.is_terminal and done % 50 == 0:
                progress.console.print(f"{done}/{settings.steps} {text}")

        yield report
