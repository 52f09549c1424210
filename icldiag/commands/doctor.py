"""`icldiag doctor`: are this machine, this terminal and this model fit for work?"""

from __future__ import annotations

from icldiag.commands.options import (
    Compile,
    Device,
    DeviceMap,
    Dtype,
    OptionalModel,
    Quantize,
    Revision,
    Trust,
    model_settings,
)


def doctor(
    model: OptionalModel = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    revision: Revision = None,
    trust_remote_code: Trust = False,
    device_map: DeviceMap = None,
    quantize: Quantize = None,
    compiled: Compile = False,
) -> None:
    """Show versions, devices, memory and terminal; with a model, whether icldiag computes exactly what it computes."""
    from icldiag.doctor import diagnose_memory, diagnose_model, diagnose_place

    print(diagnose_place())
    if model is not None:
        chosen = model_settings(model, device, dtype, revision, trust_remote_code, device_map, quantize, compiled)
        print(diagnose_memory(chosen))  # before loading, which may be refused
        print(diagnose_model(chosen))
