"""Silent-Face's two networks as products run them, in a process of its own: file -> score.

    python -m benchmarks.peer FOLDER THREADS

FOLDER holds the two published files of weights; reads "once PICTURE" or "each PICTURE" lines and answers each
with seconds and score. "each" loads the weights for every picture, as the published code does; "once" does
not. The published detector (RetinaFace in Caffe) is used where `deploy.prototxt` and
`Widerface-RetinaFace.caffemodel` lie in FOLDER; without them BlazeFace looks at the whole picture once, which
is quicker, so that the comparison favours the peer. Crops and classes after
github.com/minivision-ai/Silent-Face-Anti-Spoofing (Apache-2.0), `generate_patches.py` and `test.py`.
"""

import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

DETECTOR = ("deploy.prototxt", "Widerface-RetinaFace.caffemodel")
SIDE = 80
DETECTED_PX = 192  # the published detector sees about the square of this many pixels


class Peer:
    """The other process; `seconds` asks it once."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peer", str(folder), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.detector = self._answer()["detector"]

    def seconds(self, picture: Path, *, weights: str) -> float:
        """What one picture took, from file to score; `weights` loaded "once" or for "each" picture."""
        assert self._child.stdin is not None
        print(weights, picture, file=self._child.stdin, flush=True)
        return float(self._answer()["seconds"])

    def close(self) -> None:
        """Ends the process."""
        self._child.terminate()
        self._child.wait()

    def _answer(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError("the peer's process ended; run python -m benchmarks.peer by hand")
        return json.loads(line)


def crop(image: np.ndarray, box: np.ndarray, *, scale: float) -> np.ndarray:
    """The published crop: `scale` times the box where the picture allows it, shifted inside, 80 x 80."""
    height, width = image.shape[:2]
    x, y, w, h = box[0], box[1], box[2] - box[0], box[3] - box[1]
    scale = min((height - 1) / h, (width - 1) / w, scale)
    middle_x, middle_y = x + w / 2, y + h / 2
    left = min(max(middle_x - w * scale / 2, 0), width - 1 - w * scale)
    top = min(max(middle_y - h * scale / 2, 0), height - 1 - h * scale)
    part = image[int(top) : int(top + h * scale) + 1, int(left) : int(left + w * scale) + 1]
    return cv2.resize(part, (SIDE, SIDE))


def _serve(folder: Path, threads: int) -> None:
    import torch

    from unmask.models.silentface import PublishedNetwork, read_published

    def loaded(name: str) -> torch.nn.Module:
        published = next(one for one in files if one.name == name)
        part = PublishedNetwork(published)
        part.read(torch.load(folder / name, map_location="cpu", weights_only=True))
        return part.eval()

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    paths = sorted(folder.glob("*.pth"))
    kept, files = read_published(paths)
    find, name = _detector(folder, threads)
    print(json.dumps({"detector": name}), flush=True)
    for line in sys.stdin:
        weights, picture = line.rstrip("\n").split(" ", 1)
        began = time.perf_counter()
        image = cv2.imread(picture)
        assert image is not None
        box = find(image)
        score = 0.0
        with torch.inference_mode():
            for held, published in zip(kept.networks, files, strict=True):
                part = held if weights == "once" else loaded(published.name)
                pixels = crop(image, box, scale=published.scale).transpose(2, 0, 1)[None].astype(np.float32)
                logits = part(torch.from_numpy(pixels))[1]
                score += float(torch.softmax(logits, dim=1)[0, 1]) / len(files)
        print(json.dumps({"seconds": time.perf_counter() - began, "score": score}), flush=True)


def _detector(folder: Path, threads: int):  # type: ignore[no-untyped-def]
    if all((folder / name).is_file() for name in DETECTOR):
        caffe = cv2.dnn.readNetFromCaffe(*(str(folder / name) for name in DETECTOR))

        def find(image: np.ndarray) -> np.ndarray:
            height, width = image.shape[:2]
            factor = DETECTED_PX / math.sqrt(height * width)
            size = (int(width * factor), int(height * factor)) if factor < 1 else (width, height)
            caffe.setInput(cv2.dnn.blobFromImage(cv2.resize(image, size), 1, mean=(104, 117, 123)), "data")
            found = caffe.forward("detection_out").reshape(-1, 7)
            return found[np.argmax(found[:, 2]), 3:7] * (width, height, width, height)

        return find, "RetinaFace"

    from unmask.media.detections import tiles
    from unmask.media.faces import FaceFinder

    finder = FaceFinder.load(threads=threads)

    def find_quicker(image: np.ndarray) -> np.ndarray:
        ((whole,), *_) = tiles(*image.shape[:2])
        return max(finder._detect(image[..., ::-1], whole), key=lambda found: found.score).box

    return find_quicker, "BlazeFace in place of RetinaFace"


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), int(sys.argv[2]))
