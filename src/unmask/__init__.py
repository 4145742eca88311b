"""unmask: says whether the face in front of a camera is a living person or a presentation attack."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unmask.detector.detector import Detector

    __version__: str

__all__ = ["Detector", "__version__"]


def __getattr__(name: str) -> Any:
    # Training machines have no OpenVINO: the detector is imported when somebody asks for it.
    if name == "Detector":
        from unmask.detector.detector import Detector

        return Detector
    if name == "__version__":
        from importlib.metadata import version

        return version("unmask")
    raise AttributeError(f"module 'unmask' has no attribute {name!r}")
