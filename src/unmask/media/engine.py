"""OpenVINO, imported so that its package for usage statistics neither asks the network nor writes into HOME.

`import openvino` imports its model converter, which reports the import to the maker by `openvino_telemetry`.
Nothing here converts models, and the converter costs part of a start: both are left out, as OpenVINO allows
(`openvino.convert_model` is then missing; `openvino.tools.ovc` can be imported as ever). Everything that runs
networks imports `ov` from here, so that no other import comes first.
"""

import ctypes
import os
import sys
import weakref
from typing import TypeVar

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

__all__ = ["fork_safe", "ov"]

Opened = TypeVar("Opened")
_opened: "weakref.WeakSet[object]" = weakref.WeakSet()


def fork_safe(opened: Opened) -> Opened:
    """A compiled graph, or a request of one, that a fork of this process can use and leave behind.

    To destroy one, OpenVINO waits for its threads, which a fork does not have: it would hang or crash when it
    ends, or loads the same detector again.
    """
    _opened.add(opened)
    return opened


def _keep_for_ever() -> None:
    for opened in list(_opened):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(opened))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_for_ever)
