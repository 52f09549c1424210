"""JSON reports read back, checked against the published shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from icldiag.errors import IcldiagError
from icldiag.report.schema import document_shape


class ReportFileError(IcldiagError):
    """A file is no JSON report."""

    exit_code = 2


def read_report(path: Path) -> dict[str, Any]:
    """The report's values, with null for sections and fields that it lacks.

    Raises:
        ReportFileError: the file, the field and the cure.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportFileError(f"{path}: {error.strerror}; name a report made by icldiag report --format json") from None
    except ValueError as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ReportFileError(f"{path}{line}: not JSON; make the report with --format json") from None
    if not isinstance(document, dict) or not str(document.get("schema", "")).startswith("icldiag-report/"):
        raise ReportFileError(f"{path}: not a report of icldiag; make one with icldiag report --format json")
    try:
        return document_shape().model_validate(document).model_dump(by_alias=True, mode="json")
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise ReportFileError(f"{path}: {field}: {first['msg']}; make the report again with this icldiag") from None
