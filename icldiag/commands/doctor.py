"""`icldiag doctor`: are this machine, this terminal and this model fit for work?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from icldiag.commands.model_options import takes_model

if TYPE_CHECKING:
    from icldiag.model.settings import ModelSettings


@takes_model
def doctor(model: ModelSettings | None = None) -> None:
    """Show versions, devices, memory and terminal; with a model, whether icldiag computes exactly what it computes."""
    from icldiag.doctor import diagnose_memory, diagnose_model, diagnose_place

    for line in diagnose_place():
        print(line)
    if model is not None:
        print(diagnose_memory(model))  # before loading, which may be refused
        print(diagnose_model(model))
