"""Fetch the face models by pip, check them, and say where they are."""

from unmask.app.progress import busy, say
from unmask.media.assets import face_models


def assets() -> int:
    """Prints the folder of the face models."""
    with busy("fetching the face models"):
        folder = face_models(say).detector.parent
    print(folder)
    return 0
