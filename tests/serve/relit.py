"""A camera before the page's own colours: a recording whose places each send back a share of their light."""

from collections.abc import Sequence

import cv2
import numpy as np

from unmask.challenges.response import normals_of
from unmask.media.raster import FACE_TRIANGLES, rasterise
from unmask.types import Face

BESIDE = 0.06  # share of what stands behind a head
SCREEN = 0.35  # light of the white screen on a face, the room's being 1
FRAMES = 30

# Each pixel's light is that of the room, times 1 + SCREEN * colour * share; the colour is what the page's own
# dialog shows, LAG ms ago. The page's clock runs SLOWER times slower than that of the machine.
CAMERA = """
const real = { now: performance.now.bind(performance), raf: requestAnimationFrame.bind(window) };
const wait = setTimeout;
performance.now = () => real.now() / SLOWER;
window.requestAnimationFrame = (take) => real.raf((now) => take(now / SLOWER));
window.setTimeout = (take, ms = 0, ...rest) => wait(take, ms * SLOWER, ...rest);
const linear = Float32Array.from({ length: 256 }, (_, value) => (value / 255) ** 2.2);
const grey = Uint8ClampedArray.from({ length: 4096 }, (_, value) => 255 * (value / 2048) ** (1 / 2.2));
navigator.mediaDevices.getUserMedia = async () => {
  const data = new Uint8Array(await (await fetch("/relit")).arrayBuffer());
  const pixels = WIDTH * HEIGHT, count = data.length / (4 * pixels);
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
  const pen = canvas.getContext("2d"), image = new ImageData(WIDTH, HEIGHT);
  image.data.fill(255);
  const seen = [];
  const shown = () => {
    const dialog = document.querySelector("unmask-camera").shadowRoot.querySelector("dialog");
    if (!dialog?.open) return [0.2, 0.2, 0.2];
    return dialog.style.backgroundColor.match(/\\d+/g).map((value) => linear[value]);
  };
  const draw = () => {
    const now = performance.now();
    seen.push([now, shown()]);
    while (seen.length > 1 && seen[1][0] <= now - LAG) seen.shift();
    const light = seen[0][1].map((value) => SCREEN * value / 255);
    const step = Math.floor(now * 0.03) % (2 * count - 2), index = step < count ? step : 2 * count - 2 - step;
    const frame = data.subarray(4 * pixels * index, 4 * pixels * (index + 1));
    for (let at = 0; at < 4 * pixels; at += 4)
      for (let c = 0; c < 3; c++) {
        const lit = linear[frame[at + c]] * (1 + light[c] * frame[at + 3]);
        image.data[at + c] = grey[Math.min(4095, 1800 * lit) | 0];
      }
    pen.putImageData(image, 0, 0);
    wait(draw, 60 * SLOWER);
  };
  draw();
  return canvas.captureStream();
};
"""


def script(frames: np.ndarray, *, slower: float, lag_ms: float = 100.0) -> str:
    """CAMERA for frames (T, H, W, 3)."""
    height, width = frames.shape[1:3]
    values = {"SLOWER": slower, "WIDTH": width, "HEIGHT": height, "LAG": lag_ms, "SCREEN": SCREEN}
    text = CAMERA
    for name, value in values.items():
        text = text.replace(name, str(value))
    return text


def relit(frames: np.ndarray, faces: Sequence[Face], *, flat: bool) -> bytes:
    """What /relit answers: for each pixel of the frames (T, H, W, 3) uint8 RGB its colour and its share.

    On a head shares follow the normals, and what is behind it has hardly any; if it is `flat`, as on paper,
    each place sends back alike.
    """
    height, width = frames.shape[1:3]
    whole = []
    for frame, face in zip(frames, faces, strict=True):
        share = np.full((height, width), 1.0, np.float32) if flat else head_share(face, height, width)
        whole.append(np.dstack([frame, np.rint(255 * share).astype(np.uint8)]))
    return np.stack(whole).tobytes()


def head_share(face: Face, height: int, width: int) -> np.ndarray:
    """(height, width) in [0, 1]: how far each place of the head looks to the screen."""
    _, triangle, weights = rasterise(face.mesh, FACE_TRIANGLES, height=height, width=width)
    covered = triangle >= 0
    corner = FACE_TRIANGLES[np.maximum(triangle, 0)]
    normal = np.einsum("hwk,hwkd->hwd", weights, normals_of(face.mesh)[corner])
    share = np.where(covered, np.clip(-normal[..., 2], 0, 1), BESIDE).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(share, (0, 0), 2.0))
