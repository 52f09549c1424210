"""The JSON report's shape, published as a JSON Schema and used to read reports back.

Within `icldiag-report/1` names and meanings stay; fields may be added, so readers ignore what they do not know.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from pydantic import Field, create_model

from icldiag.analyses import ANALYSES
from icldiag.analyses.analysis import Fields
from icldiag.report.document import SCHEMA


class ModelFields(Fields):
    name: str
    revision: str | None
    commit: str | None = Field(None, description="Of the hub's repository.")
    architecture: str
    layers: int
    heads: int
    parameters: int
    context_window: int | None
    device: str
    dtype: str
    quantisation: str | None = Field(None, description="Of the GGUF file that the weights were dequantised from.")
    seam: str
    weights_sha256: str | None = Field(
        None, description="Over name, dtype, shape and bytes of every tensor that ran, in the order of their names."
    )


class LabelFields(Fields):
    name: str
    word: str
    tokens: list[int]


class DemonstrationFields(Fields):
    text: str = Field(description="Of several fields: their texts joined.")
    fields: dict[str, str] | None = Field(None, description="The text of each field, where there are others than text.")
    label: str
    anchors: list[int] = Field(description="Positions of the label word's tokens that count as anchors.")
    span: tuple[int, int] = Field(description="Half-open, in tokens of the prompt.")


class TokensFields(Fields):
    demonstrations: int
    longest_prompt: int


class PromptFields(Fields):
    name: str
    file: str | None
    sha256: str = Field(description="Of the prompt as read, not of the file's bytes.")
    template: str
    separator: str
    instruction: str | None
    instruction_separator: str | None = Field(None, description="Null: as `separator`.")
    fields: list[str] = Field(["text"], description="Of the template, in its order, besides `label`.")
    chat: bool = Field(False, description="Written as turns by the model's chat template, without `separator`.")
    scoring: Literal["first", "whole", "terminated", "per_token", "per_byte", "pmi"]
    calibration: dict[str, Any] | None = Field(None, description="Of the label scores: its kind and numbers.")
    anchor: Literal["first", "last", "all"]
    labels: list[LabelFields]
    demonstrations: list[DemonstrationFields]
    tokens: TokensFields
    warnings: list[str]


class EnvironmentFields(Fields):
    python: str
    platform: str
    processor: str
    packages: dict[str, str]


class RepairedFields(Fields):
    name: str
    effect: str = Field(description="What it did when it was applied, in sentences; empty where that is not known.")
    earlier: list[str] = Field([], description="Names of repairs that were applied before it, the first one first.")
    before: dict[str, Any] | None = Field(None, description="Sections computed without it: overview, explanation.")


class ReportFields(Fields):
    """A report without its sections."""

    schema_: Literal["icldiag-report/1"] = Field(alias="schema")
    icldiag: str = Field(description="Version.")
    made: str | None = Field(None, description="When, in UTC.")
    command: str | None = Field(None, description="That computes the same; null for a prompt made in memory.")
    environment: EnvironmentFields | None = None
    model: ModelFields
    prompt: PromptFields
    settings: dict[str, Any] = Field(description="What the analyses were computed with, seeds among them.")
    unsaved: str | None = Field(None, description="The prompt as YAML, where it has changes that are in no file.")
    redacted: bool = Field(False, description="The user's texts are left out; placeholders stand for them.")
    repaired: RepairedFields | None = Field(None, description="A repair that is on, which was applied in the app.")
    left_out: dict[str, str] = Field({}, description="Analyses that this prompt cannot have, with the reason.")


def document_shape() -> type[ReportFields]:
    """A whole report; a section that was not computed is absent."""
    return _shape(tuple(ANALYSES))


@cache
def _shape(names: tuple[str, ...]) -> type[ReportFields]:
    sections: dict[str, Any] = {name: (ANALYSES[name].section.fields | None, None) for name in names}
    return create_model("Report", __base__=ReportFields, **sections)


def json_schema() -> dict[str, Any]:
    """The published schema, in JSON Schema's draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SCHEMA.replace('/', ':')}",
        **document_shape().model_json_schema(by_alias=True),
    }
