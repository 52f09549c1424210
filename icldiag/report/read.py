"""JSON reports read back, checked against the published shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from icldiag.arguments import checked
from icldiag.errors import InputError
from icldiag.inputs.files import as_text, read_bytes
from icldiag.inputs.json_text import parse_json
from icldiag.quoting import brief
from icldiag.report.schema import document_shape


class ReportFileError(InputError):
    """A file is no JSON report."""


@checked
def read_report(path: Path | str) -> dict[str, Any]:
    """The report's values, with null for sections and fields that it lacks.

    Raises:
        ReportFileError: the file, the field and the cure.
    """
    path = Path(path)
    try:
        text = as_text(read_bytes(path), path, ReportFileError)
        document, _ = parse_json(text, path, ReportFileError)
    except OSError as error:
        reason = f"{error.strerror}; name a report made by icldiag report --format json"
        raise ReportFileError(reason, path=path) from None
    except ReportFileError as error:
        reason = f"not JSON of a report ({error.message}); make it again with --format json"
        raise ReportFileError(reason, path=path, line=error.line) from None
    if not isinstance(document, dict) or not str(document.get("schema", "")).startswith("icldiag-report/"):
        raise ReportFileError("not a report of icldiag; make one with icldiag report --format json", path=path)
    try:
        return as_read(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        reason = f"{brief(first['msg'])}; make the report again with this icldiag"
        raise ReportFileError(reason, path=path, field=field) from None


def as_read(text: str) -> dict[str, Any]:
    """The values of a report's JSON, with null for what it lacks. Raises pydantic's ValidationError."""
    return document_shape().model_validate_json(text, strict=True).model_dump(by_alias=True, mode="json")
