"""What Python code passes: compared with type hints in one place, so that no slip is answered in silence.

pydantic compares, strictly: 1.0 is no whole number, 'no' is not False. A NumPy scalar is what Python's own would be.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable
from functools import cache, wraps
from typing import Annotated, Any, ParamSpec, TypeVar, cast, get_origin, get_type_hints

from pydantic import AfterValidator, ConfigDict, Field, InstanceOf, SkipValidation, TypeAdapter, ValidationError

from icldiag.errors import AnalysisError, IcldiagError
from icldiag.quoting import quoted

P = ParamSpec("P")
R = TypeVar("R")

_MOST = 2**63 - 1
Count = Annotated[int, Field(ge=1, le=_MOST)]
Natural = Annotated[int, Field(ge=0, le=_MOST)]
Seed = Annotated[int, Field(ge=-_MOST, le=_MOST)]
HEAVIEST = 1e6  # a score or its factor, in nats: more would leave nothing of what it is added to, at last no number
Weight = Annotated[float, Field(ge=-HEAVIEST, le=HEAVIEST, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]

Index = SkipValidation[int]  # compared with what there is when it is used; see `icldiag.indices`

_HALF = re.compile("[\ud800-\udfff]")


def holds_half_a_character(text: str) -> bool:
    """Whether no encoding, tokenizer or terminal can take the text: it holds a lone surrogate."""
    return not text.isascii() and _HALF.search(text) is not None


def _whole(text: str) -> str:
    if holds_half_a_character(text):
        raise ValueError
    return text


Text = Annotated[str, AfterValidator(_whole)]

_WORDS = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "True or False",
    "string_type": "text",
    "value_error": "text without half characters (surrogates)",
    "tuple_type": "a tuple",
    "sequence_str": "a list",
    "callable_type": "a function",
}
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most"}


_Check = Callable[[Any], Any]  # gives what it is given, or raises ValidationError


def check_fields(given: Any, raises: type[IcldiagError] = AnalysisError) -> None:
    """For a dataclass's `__post_init__`: raise an error of the kind `raises` where a field is not of its type."""
    for name, check in _fields(cast(Any, type(given))).items():
        value = getattr(given, name)
        found = _checked(name, value, check, raises)
        if found is not value:
            object.__setattr__(given, name, found)


def check_parameters(given: Any) -> None:
    """For what keeps its constructor's arguments as they come: raise AnalysisError where one is not of its type."""
    for name, check in _parameters(type(given).__init__).items():
        _checked(name, getattr(given, name), check, AnalysisError)


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """The function with its arguments checked before it runs. They raise AnalysisError."""
    signature = inspect.signature(function)

    @wraps(function)
    def run(*arguments: P.args, **named: P.kwargs) -> R:
        try:
            bound = signature.bind(*arguments, **named)
        except TypeError:
            return function(*arguments, **named)  # raises it with the function's name
        for name, check in _parameters(function).items():
            if name in bound.arguments:
                bound.arguments[name] = _checked(name, bound.arguments[name], check, AnalysisError)
        return function(*bound.args, **bound.kwargs)

    return run


@cache
def _fields(kind: Any) -> dict[str, _Check]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: _check_of(hints[field.name]) for field in dataclasses.fields(kind)}


@cache
def _parameters(function: Callable[..., Any]) -> dict[str, _Check]:
    hints = get_type_hints(function, include_extras=True)
    return {name: _check_of(hint) for name, hint in hints.items() if name != "return"}


def _check_of(hint: Any) -> _Check:
    kind = get_origin(hint) or hint
    strict: ConfigDict | None = ConfigDict(strict=True, arbitrary_types_allowed=True)
    if dataclasses.is_dataclass(kind):  # how strict pydantic is with one, the dataclass itself would have to say
        instance: Any = InstanceOf
        hint, strict = instance[kind], None
    adapter: TypeAdapter[Any] = TypeAdapter(hint, config=strict)
    return adapter.validator.validate_python


def _checked(name: str, value: Any, check: _Check, raises: type[IcldiagError]) -> Any:
    try:
        return check(value)
    except ValidationError as error:
        plain = _python_scalar(value)
        if plain is not value:
            return _checked(name, plain, check, raises)
        raise raises(_sentence(name, value, error)) from None


def _python_scalar(value: Any) -> Any:
    """A NumPy scalar as Python's own; anything else as it is."""
    return value.item() if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0 else value


def _sentence(name: str, value: Any, error: ValidationError) -> str:
    """What was expected, of a union each member, and what is there."""
    found = error.errors(include_url=False)
    inside = next((one for one in found if any(isinstance(part, int) for part in one["loc"])), None)
    if inside is not None:  # a member of a sequence is wrong
        places = [part for part in inside["loc"] if isinstance(part, int)]
        name += "".join(f"[{place}]" for place in places)
        found, value = [inside], inside["input"]
    wanted = " or ".join(dict.fromkeys(map(_wanted, found)))
    return f"{name} must be {wanted}, not {quoted(value)}"


def _wanted(found: Any) -> str:
    context = found.get("ctx", {})
    if found["type"] == "literal_error":
        return str(context["expected"])
    bound = next((f"{words} {context[kind]}" for kind, words in _BOUNDS.items() if kind in context), None)
    kind = context.get("class_name") or context.get("class")
    of_a_kind = kind and f"{'an' if kind[0] in 'AEIO' else 'a'} {kind}"
    return _WORDS.get(found["type"]) or bound or of_a_kind or str(found["msg"])
