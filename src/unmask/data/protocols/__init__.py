"""The protocols by name: functions from presentations to a split."""

from unmask.data.splits import Protocol

PROTOCOLS: dict[str, Protocol] = {}
