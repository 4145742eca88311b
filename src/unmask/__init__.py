"""unmask: says whether the face in front of a camera is a living person or a presentation attack."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unmask.contract import Contract as Contract
    from unmask.detector.detector import Detector as Detector
    from unmask.detector.model_card import ModelCard as ModelCard
    from unmask.detector.stream import Stream as Stream
    from unmask.detector.watch import WatchSettings as WatchSettings
    from unmask.errors import (
        AssetError as AssetError,
        DataError as DataError,
        ModelError as ModelError,
        OutputError as OutputError,
        SettingsError as SettingsError,
        SourceError as SourceError,
        UnmaskError as UnmaskError,
    )
    from unmask.media.limits import Limits as Limits
    from unmask.types import (
        ClipScore as ClipScore,
        Decision as Decision,
        FaceDecision as FaceDecision,
        Label as Label,
        Presentation as Presentation,
        Score as Score,
        Segment as Segment,
    )
    from unmask.verdicts import Reason as Reason, Verdict as Verdict

    __version__: str

# Each is imported when first asked for: training machines have no OpenVINO, and `import unmask` is quick.
_HOMES = {
    "unmask.contract": ("Contract",),
    "unmask.detector.detector": ("Detector",),
    "unmask.detector.model_card": ("ModelCard",),
    "unmask.detector.stream": ("Stream",),
    "unmask.detector.watch": ("WatchSettings",),
    "unmask.errors": (
        *("AssetError", "DataError", "ModelError", "OutputError", "SettingsError", "SourceError"),
        "UnmaskError",
    ),
    "unmask.media.limits": ("Limits",),
    "unmask.types": (
        *("ClipScore", "Decision", "FaceDecision", "Label", "Presentation", "Score", "Segment"),
    ),
    "unmask.verdicts": ("Reason", "Verdict"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AssetError",
    "ClipScore",
    "Contract",
    "DataError",
    "Decision",
    "Detector",
    "FaceDecision",
    "Label",
    "Limits",
    "ModelCard",
    "ModelError",
    "OutputError",
    "Presentation",
    "Reason",
    "Score",
    "Segment",
    "SettingsError",
    "SourceError",
    "Stream",
    "UnmaskError",
    "Verdict",
    "WatchSettings",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("unmask")
    raise AttributeError(f"module 'unmask' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
