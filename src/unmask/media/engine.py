"""OpenVINO, imported so that its package for usage statistics neither asks the network nor writes into HOME.

`import openvino` imports its model converter, which reports the import to the maker by `openvino_telemetry`.
Nothing here converts models, and the converter costs part of a start: both are left out, as OpenVINO allows
(`openvino.convert_model` is then missing; `openvino.tools.ovc` can be imported as ever). Everything that runs
networks imports `ov` from here, so that no other import comes first.
"""

import sys

_LEFT_OUT = ("openvino_telemetry", "openvino.tools.ovc")
_others = {name: sys.modules.get(name) for name in _LEFT_OUT}
sys.modules.update(dict.fromkeys(_LEFT_OUT))  # type: ignore[arg-type]  # an import of them is an ImportError
try:
    import openvino as ov
finally:
    for _name, _other in _others.items():
        del sys.modules[_name]
        if _other is not None:  # somebody else imported it before
            sys.modules[_name] = _other

__all__ = ["ov"]
