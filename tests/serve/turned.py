"""A camera before a simulated head that turns as the page asks for it, or as it likes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from unmask.media.faces import FaceFinder
from unmask.simulate.people.subjects import astronaut
from unmask.simulate.studio import Request, Studio
from unmask.simulate.turns import Turns, record_turned

FPS = 15.0
REST_S, THERE_S, STAYS_S = 1.0, 0.6, 0.3
TURN_S = 2 * THERE_S + STAYS_S
TURNS = ("left", "right", "up")
SEED = 3  # one of seven that were looked at: three of these people are LIVE by their looks, this one clearly
SCALE = 0.6  # 288 x 384 pixels

# The head rests until the page's own words ask for a turn, and makes it half a second later; PLAN says which.
# The page's clock runs SLOWER times slower than that of the machine, and by 90 ms at most from one frame that
# is sent to the next, so that a machine with other work to do sees as many frames of a turn as an idle one.
CAMERA = """
const real = { now: performance.now.bind(performance), raf: requestAnimationFrame.bind(window) };
const wait = setTimeout, forget = clearTimeout, timers = new Map();
let clock = real.now() / SLOWER, looked = real.now(), left = Infinity, ids = 1e6;
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (message) {
  if (typeof message !== "string") left = 90;
  return send.call(this, message);
};
performance.now = () => {
  const step = Math.min(left, (real.now() - looked) / SLOWER);
  looked = real.now();
  left -= step;
  return (clock += step);
};
window.requestAnimationFrame = (take) => real.raf(() => take(performance.now()));
window.setTimeout = (take, ms = 0, ...rest) => {
  const id = ++ids, due = performance.now() + ms;
  const look = () => {
    if (performance.now() < due) return timers.set(id, wait(look, 10));
    timers.delete(id);
    take(...rest);
  };
  timers.set(id, wait(look, Math.min(ms, 10)));
  return id;
};
window.clearTimeout = (id) => {
  forget(timers.get(id) ?? id);
  timers.delete(id);
};
const callback = HTMLVideoElement.prototype.requestVideoFrameCallback;
HTMLVideoElement.prototype.requestVideoFrameCallback = function (take) {
  return callback.call(this, () => take(performance.now(), {}));
};
navigator.mediaDevices.getUserMedia = async () => {
  const data = new Uint8ClampedArray(await (await fetch("/turned")).arrayBuffer());
  const bytes = 4 * WIDTH * HEIGHT, parts = PARTS, plan = PLAN;
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
  const pen = canvas.getContext("2d");
  let said = "", turn = "", begun = 0;
  const place = (now) => {
    const status = document.querySelector("unmask-camera").shadowRoot.querySelector("[role=status]");
    const text = status?.textContent ?? "";
    if (text !== said && plan[text]) [turn, begun] = [plan[text], now + 500];
    said = text;
    if (turn) {
      const [first, count] = parts[turn], step = Math.floor((now - begun) * FPS / 1000);
      if (step >= count) turn = "";
      else if (step >= 0) return first + step;
    }
    const [first, count] = parts.rest, step = Math.floor(now * FPS / 1000) % (2 * count - 2);
    return first + (step < count ? step : 2 * count - 2 - step);
  };
  const draw = () => {
    const at = bytes * place(performance.now());
    pen.putImageData(new ImageData(data.subarray(at, at + bytes), WIDTH, HEIGHT), 0, 0);
    wait(draw, 30);
  };
  draw();
  return canvas.captureStream();
};
"""
WORDS = {
    "left": "Turn your head to the left.",
    "right": "Turn your head to the right.",
    "up": "Lift your chin.",
}


def recorded(cache: Path, *, sheet: str | None = None) -> np.ndarray:
    """(T, H, W, 3) uint8 RGB: the head at rest, then each of TURNS; or a row of SHEETS that is turned."""
    turns = Turns(
        order=TURNS,
        asked_s=REST_S + (TURN_S + 0.4) * np.arange(len(TURNS)),
        late_s=np.zeros(len(TURNS)),
        there_s=THERE_S,
        stays_s=STAYS_S,
        yaw=float(np.radians(26)),
        pitch=float(np.radians(16)),
    )
    frames = round((REST_S + (TURN_S + 0.4) * len(TURNS)) * FPS)
    studio = Studio(portraits=[astronaut(FaceFinder.load(threads=1))], backgrounds=[], cache=cache)
    request = Request(subject=0, instrument=None, seed=SEED, frames=frames, fps=FPS, face_share=0.42)
    return np.stack(record_turned(studio, request, turns, sheet=sheet, scale=SCALE).frames)


def parts() -> dict[str, list[int]]:
    """Name -> the first frame and the number of frames of each part of what `recorded` gives."""
    begins = {name: REST_S + (TURN_S + 0.4) * k for k, name in enumerate(TURNS)}
    found = {name: [round(begin * FPS), round(TURN_S * FPS)] for name, begin in begins.items()}
    return {"rest": [0, round(REST_S * FPS)], **found}


def script(frames: np.ndarray, *, slower: float, made: Mapping[str, str] | None = None) -> str:
    """CAMERA for those frames; `made` names the turn that is made in place of one that is asked for."""
    height, width = frames.shape[1:3]
    plan = {WORDS[asked]: (made or {}).get(asked, asked) for asked in TURNS}
    values: dict[str, object] = {"SLOWER": slower, "WIDTH": width, "HEIGHT": height, "FPS": FPS}
    text = CAMERA
    for name, value in {**values, "PARTS": parts(), "PLAN": plan}.items():
        text = text.replace(name, str(value))
    return text


def pixels(frames: Sequence[np.ndarray]) -> bytes:
    """What /turned answers: RGBA of all frames."""
    whole = np.stack(frames)
    return np.concatenate([whole, np.full((*whole.shape[:3], 1), 255, np.uint8)], axis=-1).tobytes()
