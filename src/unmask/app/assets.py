"""Fetch the face models by pip, check them, and say where they are."""

from unmask.app.progress import bar, say
from unmask.media.assets import face_models


def assets() -> int:
    """Prints the folder of the face models."""
    with bar("face models, MB") as advance:
        folder = face_models(say, moved=advance).detector.parent
    print(folder)
    return 0
