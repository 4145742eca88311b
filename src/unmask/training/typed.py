"""Plain values -> records, or arguments of a function, each checked by the kind that is declared for it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from functools import partial
from inspect import signature
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from unmask.types import SettingsError

LARGEST = 2**63 - 1  # TOML's whole numbers have 64 bits


def record_of(kind: type, given: Mapping[str, Any], *, where: str) -> Any:
    """A record of the class `kind`; `where` begins the sentence of an error."""
    known = {f.name: f for f in fields(kind)}
    if unknown := sorted(given.keys() - known.keys()):
        raise SettingsError(f"{where} has no {unknown}; it knows {sorted(known)}")
    required = {name for name, f in known.items() if f.default is MISSING and f.default_factory is MISSING}
    if missing := sorted(required - given.keys()):
        raise SettingsError(f"{where} lacks {missing}; add them")
    hints = get_type_hints(kind)
    return kind(**{key: _value(hints[key], value, where=f"{where} {key}") for key, value in given.items()})


def value_of(kind: type, key: str, given: Any, *, where: str) -> Any:
    """What the field `key` of the class `kind` makes of a value; `where` begins the sentence of an error."""
    hints = get_type_hints(kind)
    if key not in hints:
        raise SettingsError(f"{where}: there is no key {key!r}; there are {', '.join(sorted(hints))}")
    return _value(hints[key], given, where=f"{where}: {key}")


def arguments_of(build: Callable[..., Any], given: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """Arguments for a function that takes them by name, or a partial of one; `where` begins the sentence of
    an error.

    >>> def network(*, width: int = 64, drop: float = 0.0) -> None: ...
    >>> arguments_of(network, {"width": 8, "drop": 1}, where="[arguments]")
    {'width': 8, 'drop': 1.0}
    """
    known = [name for name, one in signature(build).parameters.items() if one.kind is one.KEYWORD_ONLY]
    if unknown := sorted(given.keys() - set(known)):
        remedy = f"there are {', '.join(known)}" if known else "remove it"
        raise SettingsError(f"{where}: there is no {unknown[0]!r}; {remedy}")
    hints = get_type_hints(build.func if isinstance(build, partial) else build)
    return {key: _value(hints[key], value, where=f"{where}: {key}") for key, value in given.items()}


def _value(kind: Any, value: Any, *, where: str) -> Any:
    if get_origin(kind) in (Union, UnionType):  # of one kind and None, which TOML has no word for
        (kind,) = (one for one in get_args(kind) if one is not NoneType)
    if get_origin(kind) in (tuple, Sequence):
        if not isinstance(value, list | tuple):
            raise SettingsError(f"{where} is {value!r}; it must be a list")
        return tuple(_value(get_args(kind)[0], one, where=where) for one in value)
    if get_origin(kind) is Literal:
        if value in (choices := get_args(kind)):
            return value
        raise SettingsError(f"{where} is {value!r}; it must be one of {list(choices)}")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise SettingsError(f"{where} is {value!r}; it must be of the kind {kind.__name__}")
    if kind is float and not math.isfinite(value):
        raise SettingsError(f"{where} is {value!r}; it must be a finite number")
    if kind is int and abs(value) > LARGEST:
        raise SettingsError(f"{where} is {value!r}; whole numbers end at {LARGEST}")
    return value
