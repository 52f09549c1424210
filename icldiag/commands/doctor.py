"""`icldiag doctor`: are this machine, this terminal and this model fit for work?"""

from __future__ import annotations

from icldiag.commands.options import Device, Dtype, OptionalModel, Revision, Trust, model_settings


def doctor(
    model: OptionalModel = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    revision: Revision = None,
    trust_remote_code: Trust = False,
) -> None:
    """Show versions, devices, memory and terminal; with a model, whether icldiag computes exactly what it computes."""
    from icldiag.doctor import diagnose_model, diagnose_place

    print(diagnose_place())
    if model is not None:
        print(diagnose_model(model_settings(model, device, dtype, revision, trust_remote_code)))
