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
BEGIN = round(REST_S * FPS)  # the frame of every recording in which a turn begins
FRAMES = BEGIN + round((2 * THERE_S + STAYS_S) * FPS) + 1
TURNS = ("left", "right", "up")
SEED = 3  # one of seven that were looked at: three of these people are LIVE by their looks, this one clearly
SCALE = 0.6  # 288 x 384 pixels

# The head wanders to and fro along a recording in which it rests. Where the page's own words have asked for a
# turn, PLAN says which one is made, once the recordings of rest and turn are alike, so that nothing jumps.
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
  const bytes = 4 * WIDTH * HEIGHT, plan = PLAN, turns = TURNS, begin = BEGIN, count = FRAMES;
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
  const pen = canvas.getContext("2d");
  let said = "", wanted = "", recording = 0, at = 0, way = 1, stepped = performance.now();
  const step = () => {
    at += way;
    if (recording && at === count - 1) recording = 0; // here all recordings are alike again
    if (at === count - 1) way = -1;
    if (at === 0) way = 1;
    if (recording || at !== begin || !wanted) return;
    [recording, way, wanted] = [1 + turns.indexOf(wanted), 1, ""];
  };
  const draw = () => {
    const status = document.querySelector("unmask-camera").shadowRoot.querySelector("[role=status]");
    const text = status?.textContent ?? "";
    if (text !== said && plan[text]) wanted = plan[text];
    said = text;
    for (; performance.now() - stepped >= 1000 / FPS; stepped += 1000 / FPS) step();
    const from = bytes * (recording * count + at);
    pen.putImageData(new ImageData(data.subarray(from, from + bytes), WIDTH, HEIGHT), 0, 0);
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
    """(4 FRAMES, H, W, 3) uint8 RGB: a head at rest, then the same with each of TURNS from BEGIN to the last
    frame but one; or a row of SHEETS that is turned.
    """
    studio = Studio(portraits=[astronaut(FaceFinder.load(threads=1))], backgrounds=[], cache=cache)
    request = Request(subject=0, instrument=None, seed=SEED, frames=FRAMES, fps=FPS, face_share=0.42)
    return np.concatenate(
        [
            record_turned(studio, request, turning(name), sheet=sheet, scale=SCALE).frames
            for name in ("", *TURNS)
        ]
    )


def turning(name: str) -> Turns:
    """One turn of that name after REST_S; none without a name."""
    return Turns(
        order=(name,) if name else (),
        asked_s=np.array([REST_S] if name else []),
        late_s=np.zeros(1 if name else 0),
        there_s=THERE_S,
        stays_s=STAYS_S,
        yaw=float(np.radians(26)),
        pitch=float(np.radians(16)),
    )


def script(frames: np.ndarray, *, slower: float, made: Mapping[str, str] | None = None) -> str:
    """CAMERA for those frames; `made` names the turn that is made in place of one that is asked for."""
    height, width = frames.shape[1:3]
    plan = {WORDS[asked]: (made or {}).get(asked, asked) for asked in TURNS}
    values: dict[str, object] = {"SLOWER": slower, "WIDTH": width, "HEIGHT": height, "FPS": FPS}
    values |= {"PLAN": plan, "TURNS": list(TURNS), "BEGIN": BEGIN, "FRAMES": FRAMES}
    text = CAMERA
    for name, value in values.items():
        text = text.replace(name, str(value))
    return text


def pixels(frames: Sequence[np.ndarray]) -> bytes:
    """What /turned answers: RGBA of all frames."""
    whole = np.stack(frames)
    return np.concatenate([whole, np.full((*whole.shape[:3], 1), 255, np.uint8)], axis=-1).tobytes()
