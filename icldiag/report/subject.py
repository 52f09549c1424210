"""What a report is about: the model and the prompt, as values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from icldiag.prompt.schema import Example, Prompt
from icldiag.report.identity import commit
from icldiag.session import Session
from icldiag.shipped import shown_name


def model_values(session: Session) -> dict[str, Any]:
    model = session.model
    return {
        "name": model.name,
        "revision": model.revision,
        "commit": commit(model),
        "architecture": model.architecture,
        "layers": model.n_layers,
        "heads": model.n_heads,
        "parameters": model.parameters,
        "context_window": model.context_window,
        "device": str(model.device),
        "dtype": str(model.dtype).removeprefix("torch."),
        "quantisation": model.quantisation,
        "seam": model.seam.name,
    }


def prompt_values(session: Session, prompt: Prompt) -> dict[str, Any]:
    """Of the session's prompt; `prompt` is what is shown of it."""
    encoded = session.encoded
    names = prompt.label_names
    return {
        "name": prompt.name,
        "file": shown_name(prompt.path) if prompt.path else None,
        "sha256": session.prompt.hash,
        "template": prompt.template,
        "separator": prompt.separator,
        "instruction": prompt.instruction,
        "instruction_separator": prompt.instruction_separator,
        "chat": prompt.chat,
        "fields": list(prompt.fields),
        "scoring": prompt.scoring,
        "calibration": prompt.calibration and asdict(prompt.calibration),
        "anchor": prompt.anchor,
        "labels": [
            {"name": label.name, "word": label.word, "tokens": list(tokens) if prompt is session.prompt else []}
            for label, tokens in zip(prompt.labels, encoded.label_tokens, strict=True)
        ],
        "demonstrations": [
            {
                "text": example.text,
                **named_texts(example),
                "label": names[place.label_class],
                "anchors": list(place.anchors),
                "span": list(place.span),
            }
            for example, place in zip(prompt.demonstrations, encoded.demonstrations, strict=True)
        ],
        "tokens": {"demonstrations": len(encoded.prefix), "longest_prompt": encoded.longest},
        "warnings": list(session.warnings),
    }


def named_texts(example: Example) -> dict[str, Any]:
    """The text of each field, where the template has others than {text}."""
    return {"fields": dict(example.fields)} if example.fields else {}
