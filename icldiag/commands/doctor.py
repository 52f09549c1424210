"""`icldiag doctor`: are this machine, this terminal and this model fit for work?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from icldiag.commands.model_options import takes_model

if TYPE_CHECKING:
    from icldiag.model.settings import ModelSettings


@takes_model
def doctor(model: ModelSettings | None = None) -> None:
    """Show what this machine and a model are good for.

    Versions, devices, memory and terminal; with --model, whether icldiag computes exactly what the model does.
    """
    from icldiag.doctor import diagnose_memory, diagnose_model, diagnose_place

    for line in diagnose_place():
        print(line)
    if model is not None:
        print(diagnose_memory(model))  # before loading, which may be refused
        print(diagnose_model(model))
