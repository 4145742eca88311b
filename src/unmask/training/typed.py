"""Plain values -> frozen records, each checked by the kind that its field declares."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, get_args, get_origin, get_type_hints

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


def _value(kind: Any, value: Any, *, where: str) -> Any:
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise SettingsError(f"{where} is {value!r}; it must be a list")
        return tuple(_value(get_args(kind)[0], one, where=where) for one in value)
    if choices := get_args(kind):
        if value in choices:
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
