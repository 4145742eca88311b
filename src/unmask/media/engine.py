"""OpenVINO, imported so that its package for usage statistics neither asks the network nor writes into HOME.

`import openvino` imports its model converter, which reports the import to the maker by `openvino_telemetry`.
Without that package the converter takes a stub of its own; nothing here converts models. Everything that runs
networks imports `ov` from here, so that no other import comes first.
"""

import sys

_TELEMETRY = "openvino_telemetry"
_other = sys.modules.get(_TELEMETRY)
sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # an import of it is an ImportError
try:
    import openvino as ov
finally:
    del sys.modules[_TELEMETRY]
    if _other is not None:  # somebody else imported it before
        sys.modules[_TELEMETRY] = _other

__all__ = ["ov"]
