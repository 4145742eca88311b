"""A source with the decision drawn into it: the box of each face, the verdict, and what made the score.

To the right the depth the network saw, to the left where on the face its features change, at the bottom how
much each frame weighed; the last two only where they were worked out.

Sizes are in units of the picture's shorter side, so that everything can be read at any resolution; a picture
too small for words is first enlarged by a whole factor.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from unmask.contract import MAP_PX
from unmask.media.clips import fitted
from unmask.media.encoding import VideoWriter, write_video
from unmask.media.images import SUFFIXES, write_image
from unmask.media.sources import open_source
from unmask.report.explanations import frame_weights, heat_map
from unmask.report.outcomes import Checked, number
from unmask.report.pictures import colour_map, legend
from unmask.types import ClipScore, Decision, FaceDecision, Reason, SettingsError, Verdict

COLOURS = {Verdict.LIVE: (40, 160, 90), Verdict.ATTACK: (205, 45, 40), Verdict.UNDECIDED: (190, 120, 0)}
WHITE, PANEL, RAIL = (255, 255, 255), (24, 26, 30), (110, 114, 122)
HEAT_WORDS = "gradient of features"
FONT = cv2.FONT_HERSHEY_DUPLEX
SMALLEST_SIDE_PX = 320  # below it words cannot be read
INSET = 0.3  # of the shorter side
BOX_HOLDS_S = 0.25  # a box is drawn this long after its sighting
HELD = 20  # frames of the video of a still picture


def annotate(outcome: Checked, out: Path, *, fps: float, progress: Callable[[int, int | None], None]) -> None:
    """Reads the source again and writes it to `out` with the verdicts drawn on it, at its own times.

    A picture is held for two seconds; an image source may also become a picture: give `out` such a suffix.

    Why it is read twice: the first frame already shows the verdict, which is known after the last one. Until
    then thirty seconds of 720p would take 2.5 GB of memory, and on a disk more time than decoding them anew.
    """
    source = open_source(outcome.decision.source, fps=fps)
    if source.kind == "image":
        _annotate_image(next(source.frames).image, outcome, out=out)
        return
    if out.suffix.lower() in SUFFIXES:
        raise SettingsError(
            f"--annotate {out} names a picture, but {source.name} is a {source.kind}; name a .mp4"
        )
    size: tuple[int, int] | None = None
    with VideoWriter(out, fps=source.fps or fps) as writer:
        for count, frame in enumerate(source.frames, start=1):
            drawn = annotated(frame.image, outcome, time_s=frame.time_s)
            size = size or (drawn.shape[0], drawn.shape[1])
            writer.write(fitted(drawn, *size), time_s=frame.time_s)
            progress(count, source.frame_count)


def _annotate_image(image: np.ndarray, outcome: Checked, *, out: Path) -> None:
    drawn = annotated(image, outcome, time_s=0.0)
    if out.suffix.lower() in SUFFIXES:
        write_image(out, drawn)
    else:
        write_video(out, [drawn] * HELD, fps=HELD / 2)


def annotated(image: np.ndarray, outcome: Checked, *, time_s: float) -> np.ndarray:
    """The picture (H, W, 3) uint8 RGB at `time_s` with what was decided; a tiny one comes back larger."""
    factor = -(-SMALLEST_SIDE_PX // min(image.shape[:2]))
    drawn = np.ascontiguousarray(image.repeat(factor, axis=0).repeat(factor, axis=1))
    unit = min(drawn.shape[:2]) / 360
    decided = {face.identity: face for face in outcome.decision.faces}
    for face in outcome.seen:
        box = box_at(face, time_s)
        if box is not None:
            verdict = decided[face.identity].verdict if face.identity in decided else Verdict.UNDECIDED
            name = f"{face.identity} {verdict}" if len(outcome.seen) > 1 else ""
            _draw_box(drawn, box * factor, name=name, colour=COLOURS[verdict], unit=unit)
    worst = deciding(outcome.decision)
    for face in outcome.seen:
        if worst is not None and face.identity == worst.identity:
            floor = _draw_weights(drawn, face, time_s=time_s, unit=unit)
            several = len(outcome.seen) > 1
            _draw_depth(drawn, face, time_s=time_s, unit=unit, several=several, floor=floor)
            _draw_heat(drawn, face, time_s=time_s, unit=unit, floor=floor)
    _draw_verdict(drawn, outcome.decision, time_s=time_s, unit=unit)
    return drawn


def deciding(decision: Decision) -> FaceDecision | None:
    """The face whose verdict and score are the source's."""
    for face in decision.faces:
        several = Reason.SEVERAL_FACES in decision.reasons  # for which the face itself is not UNDECIDED
        same = face.score == decision.score or (math.isnan(face.score) and math.isnan(decision.score))
        if (face.verdict is decision.verdict or several) and same:
            return face
    return None


def box_at(face: FaceDecision, time_s: float) -> np.ndarray | None:
    """The box (4,) xyxy of the last sighting up to `time_s`; None if that is long ago or yet to come."""
    seen = bisect_right([time for time, _ in face.boxes], time_s + 1e-6)
    if not seen or time_s - face.boxes[seen - 1][0] > BOX_HOLDS_S:
        return None
    return face.boxes[seen - 1][1]


def clip_at(clips: Sequence[ClipScore], time_s: float) -> ClipScore | None:
    """The last clip that ended by `time_s`; before that the first; None without clips."""
    if not clips:
        return None
    ended = bisect_right([clip.time_s for clip in clips], time_s + 1e-6)
    return clips[max(ended, 1) - 1]


def _draw_box(
    drawn: np.ndarray, box: np.ndarray, *, name: str, colour: tuple[int, int, int], unit: float
) -> None:
    left, top, right, bottom = (round(float(edge)) for edge in box)
    line = max(2, round(2.5 * unit))
    # A dark line beneath keeps the coloured one visible on any background.
    cv2.rectangle(drawn, (left, top), (right, bottom), PANEL, line + 2, cv2.LINE_AA)
    cv2.rectangle(drawn, (left, top), (right, bottom), colour, line, cv2.LINE_AA)
    if name:
        _label(drawn, name, at=(left, bottom), size=0.36 * unit, fill=colour)


def _draw_verdict(drawn: np.ndarray, decision: Decision, *, time_s: float, unit: float) -> None:
    margin = round(8 * unit)
    fill = COLOURS[decision.verdict]
    _, y = _label(drawn, decision.verdict.value, at=(margin, margin), size=0.75 * unit, fill=fill)
    words = f"score {number(decision.score)}, threshold {number(decision.threshold)}".replace("–", "none")
    _, y = _label(drawn, words, at=(margin, y), size=0.42 * unit, fill=PANEL)
    if decision.reasons:
        reasons = ", ".join(reason.value for reason in decision.reasons)
        _, y = _label(drawn, reasons, at=(margin, y), size=0.42 * unit, fill=PANEL)
    for place, segment in enumerate(decision.segments, start=1):
        if len(decision.segments) > 1 and segment.from_s <= time_s + 1e-6 and time_s <= segment.to_s + 1e-6:
            words = f"segment {place} of {len(decision.segments)}: {segment.verdict} {number(segment.score)}"
            words = words.replace("–", "")
            _, y = _label(drawn, words, at=(margin, y), size=0.42 * unit, fill=COLOURS[segment.verdict])


def _draw_weights(drawn: np.ndarray, face: FaceDecision, *, time_s: float, unit: float) -> int:
    """A strip along the bottom with a bar for each weighed frame, up where it raises its clip's score, and a
    line at `time_s`; returns the y above which the rest is drawn.
    """
    height, width = drawn.shape[:2]
    frames = frame_weights(face.clips)
    if not frames:
        return height
    most = max(max(abs(frame.change) for frame in frames), 1e-9)
    size, half, pad, line = 0.36 * unit, round(11 * unit), round(3 * unit), max(1, round(2 * unit))
    top, middle = height - 2 * (half + pad), height - half - pad
    drawn[top:] = PANEL
    words = f"weight of frames, up to {most:.4f}"
    above = middle - _text_size(words, size)[1] // 2 - _pad(size)
    left = _label(drawn, words, at=(0, above), size=size, fill=PANEL)[0]
    end_s, room = max(frames[-1].time_s, face.clips[-1].time_s, 1e-6), width - left - 2 * pad
    drawn[middle, left:] = RAIL
    for frame in frames:
        x, tip = left + pad + round(room * frame.time_s / end_s), middle - round(half * frame.change / most)
        colour = COLOURS[Verdict.LIVE if frame.change > 0 else Verdict.ATTACK]
        cv2.rectangle(drawn, (x - line, middle), (x + line, tip), colour, cv2.FILLED)
    x = left + pad + round(room * min(max(time_s / end_s, 0.0), 1.0))
    cv2.rectangle(drawn, (x, top), (x + line // 2, height), WHITE, cv2.FILLED)
    return top


def _draw_heat(drawn: np.ndarray, face: FaceDecision, *, time_s: float, unit: float, floor: int) -> None:
    clip = clip_at([clip for clip in face.clips if clip.picture is not None], time_s)
    side, edge, margin = _side(drawn), max(1, round(1.5 * unit)), round(8 * unit)
    heat = None if clip is None else heat_map(clip, side=side)
    if heat is None:
        return
    top, left = floor - margin - side - 2 * edge, margin
    drawn[top : top + side + 2 * edge, left : left + side + 2 * edge] = PANEL
    drawn[top + edge : top + edge + side, left + edge : left + edge + side] = heat
    size = 0.36 * unit
    above = top - _text_size(HEAT_WORDS, size)[1] - 2 * _pad(size)
    _label(drawn, HEAT_WORDS, at=(margin, above), size=size, fill=PANEL)


def _side(drawn: np.ndarray, cells: int = MAP_PX) -> int:
    """The side of an inset: a whole number of pixels for each cell of a depth map."""
    return max(1, round(INSET * min(drawn.shape[:2]) / cells)) * cells


def _draw_depth(
    drawn: np.ndarray, face: FaceDecision, *, time_s: float, unit: float, several: bool, floor: int
) -> None:
    clip = clip_at([clip for clip in face.clips if clip.depth is not None], time_s)
    if clip is None or clip.depth is None:
        return
    width, cells = drawn.shape[1], clip.depth.shape[-1]
    side = _side(drawn, cells)
    edge, strip, margin = max(1, round(1.5 * unit)), round(8 * unit), round(8 * unit)
    inset = np.full((side + 2 * edge, side + strip + 3 * edge, 3), PANEL, np.uint8)
    depth = colour_map(clip.depth[-1]).repeat(side // cells, axis=0).repeat(side // cells, axis=1)
    inset[edge:-edge, edge : edge + strip] = legend(height=side, width=strip)
    inset[edge:-edge, -edge - side : -edge] = depth
    top, left = floor - margin - inset.shape[0], width - margin - inset.shape[1]
    drawn[top : top + inset.shape[0], left : left + inset.shape[1]] = inset
    whose = f"face {face.identity}: " if several else ""
    words = f"{whose}depth at {clip.time_s:.1f} s, clip score {number(clip.score, digits=2)}".replace(
        "–", "none"
    )
    size = 0.36 * unit
    above = top - _text_size(words, size)[1] - 2 * _pad(size)
    _label(drawn, words, at=(width - margin, above), size=size, fill=PANEL, from_right=True)
    _legend_words(drawn, right=left - edge, top=top, bottom=top + inset.shape[0], size=size)


def _legend_words(drawn: np.ndarray, *, right: int, top: int, bottom: int, size: float) -> None:
    """ "near" and "far" beside the inset: the strip alone does not say which end is which."""
    _label(drawn, "near", at=(right, top), size=size, fill=PANEL, from_right=True)
    low = bottom - _text_size("far", size)[1] - 2 * _pad(size)
    _label(drawn, "far", at=(right, low), size=size, fill=PANEL, from_right=True)


def _label(
    drawn: np.ndarray,
    words: str,
    *,
    at: tuple[int, int],
    size: float,
    fill: tuple[int, int, int],
    from_right: bool = False,
) -> tuple[int, int]:
    """White words on a panel with the upper left (or right) corner `at`; returns its lower right one."""
    size = _fitting(words, size, width=drawn.shape[1])
    wide, high = _text_size(words, size)
    pad = _pad(size)
    left = at[0] - wide - 2 * pad if from_right else at[0]
    right, bottom = left + wide + 2 * pad, at[1] + high + 2 * pad
    cv2.rectangle(drawn, (left, at[1]), (right, bottom), fill, cv2.FILLED)
    cv2.putText(drawn, words, (left + pad, bottom - pad), FONT, size, WHITE, _stroke(size), cv2.LINE_AA)
    return right, bottom


def _fitting(words: str, size: float, *, width: int) -> float:
    wide = _text_size(words, size)[0] + 4 * _pad(size)
    return size if wide <= width else size * width / wide


def _text_size(words: str, size: float) -> tuple[int, int]:
    (wide, high), _ = cv2.getTextSize(words, FONT, size, _stroke(size))
    return wide, high


def _pad(size: float) -> int:
    return max(2, round(9 * size))


def _stroke(size: float) -> int:
    return max(1, round(1.8 * size))
