"""Fetch the face models by pip, check them, and say where they are."""

from unmask.app.progress import say
from unmask.media.assets import face_models


def assets() -> int:
    """Prints the folder of the face models."""
    print(face_models(say).detector.parent)
    return 0
