"""From sightings of a face to clips: one square box, T pictures cut with it, the mesh in their pixels.

This is the only place that resizes; training, evaluation and service all cut here. Coordinates are pixel
indices (the centre of the first pixel is 0), so a box xyxy covers the pixels x0 .. x1 - 1 and its own middle
is (x0 + x1 - 1) / 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from unmask.media.raster import FACE_TRIANGLES, covered, nearest
from unmask.types import Clip, ClipSpec, Sampling, Sighting

MAP_SIDE = 32  # of the papers' depth maps
FINE = 4  # the mesh is rasterised this many times finer than a map, then averaged
LONGEST_GAP = 1.5  # strides: between two frames of a clip from a slow camera


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxMove:
    """How a clip's box is off where it belongs, to try what that costs: `right` and `down` in pixels of the
    frame, then `growth` of its side about its middle.
    """

    right: float = 0.0
    down: float = 0.0
    growth: float = 1.0


IN_PLACE = BoxMove()


def clip_box(mesh: np.ndarray, *, scale: float) -> np.ndarray:
    """The square (4,) float32 xyxy around the middle of the mesh's bounding box, `scale` times its longer
    side.

    It lies on whole pixels, so that cutting it moves nothing, and may reach beyond the picture.
    """
    low, high = mesh[:, :2].min(axis=0).astype(np.float64), mesh[:, :2].max(axis=0).astype(np.float64)
    side = max(2.0, np.round(scale * float(np.max(high - low))))
    corner = np.round((low + high + 1 - side) / 2)
    return np.concatenate([corner, corner + side]).astype(np.float32)


def kept_inside(box: np.ndarray, *, height: int, width: int) -> np.ndarray:
    """A square box (4,) on whole pixels, made no larger than the picture and shifted until it lies inside.

    >>> kept_inside(np.array([-30, 10, 170, 210]), height=150, width=400).tolist()
    [0.0, 0.0, 150.0, 150.0]
    >>> kept_inside(np.array([300, 10, 400, 110]), height=150, width=360).tolist()
    [260.0, 10.0, 360.0, 110.0]
    """
    side = min(float(box[2] - box[0]), float(height), float(width))
    middle = (np.asarray(box[:2], np.float64) + np.asarray(box[2:], np.float64)) / 2
    corner = np.clip(np.round(middle - side / 2), 0, (width - side, height - side))
    return np.concatenate([corner, corner + side]).astype(np.float32)


def box_in(sighting: Sighting, *, spec: ClipSpec) -> np.ndarray:
    """The square that a clip beginning with this sighting is cut with: `clip_box`, within the picture where
    the spec says so.
    """
    box = clip_box(sighting.face.mesh, scale=spec.box_scale)
    return bordered(box, sighting.frame.image, spec=spec)


def bordered(box: np.ndarray, image: np.ndarray, *, spec: ClipSpec) -> np.ndarray:
    """The box as the spec's border allows it in this picture (H, W, ...)."""
    if spec.border == "repeat":
        return box
    return kept_inside(box, height=image.shape[0], width=image.shape[1])


def moved_box(box: np.ndarray, move: BoxMove) -> np.ndarray:
    """A square box (4,) on whole pixels, moved and grown; on whole pixels again, and never below 2 of them.

    >>> moved_box(np.array([10, 10, 131, 131]), BoxMove(growth=1.2)).tolist()
    [-2.0, -2.0, 143.0, 143.0]
    """
    if move == IN_PLACE:
        return box
    low, high = box[:2].astype(np.float64), box[2:].astype(np.float64)
    side = max(2.0, np.round(move.growth * (high - low)[0]))
    corner = np.round((low + high - side) / 2 + (move.right, move.down))
    return np.concatenate([corner, corner + side]).astype(np.float32)


def coarsened(image: np.ndarray, *, factor: float) -> np.ndarray:
    """The picture (H, W, 3) uint8 made `factor` times its size, 0 to 1, and back: what it keeps on the way
    through a smaller one.
    """
    height, width = image.shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def fitted(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture of another size than the first, as large as it fits on a black one of that size."""
    if image.shape[:2] == (height, width):
        return image
    factor = min(height / image.shape[0], width / image.shape[1])
    rows, columns = (max(1, int(side * factor)) for side in image.shape[:2])
    top, left = (height - rows) // 2, (width - columns) // 2
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[top : top + rows, left : left + columns] = cv2.resize(image, (columns, rows))
    return canvas


def cut_picture(
    image: np.ndarray, box: np.ndarray, *, size_px: int, sampling: Sampling = "area"
) -> np.ndarray:
    """The part of `image` (H, W, 3) uint8, or (H, W), in `box` as (S, S, 3); beyond the border its edge
    pixels are repeated.

    The box is rounded to whole pixels. Shrinking averages areas, so that no moire arises here, unless the
    sampling is "linear"; growing is bilinear.
    """
    x0, y0, x1, y1 = np.round(box).astype(int)
    height, width = image.shape[:2]
    if x0 >= 0 and x1 <= width and y0 >= 0 and y1 <= height:
        part = image[y0:y1, x0:x1]
    else:
        rows, columns = np.clip(np.arange(y0, y1), 0, height - 1), np.clip(np.arange(x0, x1), 0, width - 1)
        part = image[rows[0] : rows[-1] + 1][rows - rows[0]][:, columns]
    if part.shape[:2] == (size_px, size_px):
        return np.ascontiguousarray(part)
    part = np.ascontiguousarray(part)  # OpenCV takes no mirrored views, such as bgr[..., ::-1]
    shrinks = sampling == "area" and part.shape[0] >= size_px and part.shape[1] >= size_px
    return cv2.resize(part, (size_px, size_px), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def cut_depth(depth: np.ndarray, box: np.ndarray, *, size_px: int) -> np.ndarray:
    """The part of a depth map (H, W) in `box` as (S, S) float32; NaN where unknown, and beyond the border.

    A cell is the mean of what is known in it, and unknown where that is less than half of it: no value is
    mixed with a hole.
    """
    x0, y0, x1, y1 = np.round(box).astype(int)
    height, width = depth.shape
    part = np.full((y1 - y0, x1 - x0), np.nan, np.float32)
    rows, columns = slice(max(y0, 0), min(y1, height)), slice(max(x0, 0), min(x1, width))
    if rows.start < rows.stop and columns.start < columns.stop:
        inside = slice(rows.start - y0, rows.stop - y0), slice(columns.start - x0, columns.stop - x0)
        part[inside] = depth[rows, columns]
    known = np.isfinite(part)
    shrinks = part.shape[0] >= size_px and part.shape[1] >= size_px
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    share = cv2.resize(known.astype(np.float32), (size_px, size_px), interpolation=how)
    total = cv2.resize(np.where(known, part, np.float32(0)), (size_px, size_px), interpolation=how)
    return np.where(share >= 0.5, total / np.maximum(share, 0.5), np.float32(np.nan)).astype(np.float32)


def cut(sightings: Sequence[Sighting], *, spec: ClipSpec, box: np.ndarray | None = None) -> Clip:
    """One clip of `spec.frames` sightings, with the box of the first or with a given one (say, a jittered
    one).
    """
    if len(sightings) != spec.frames:
        raise ValueError(
            f"a clip of {spec.frames} frames is cut from as many sightings, not {len(sightings)}"
        )
    mesh = sightings[0].face.mesh
    asked = clip_box(mesh, scale=spec.box_scale) if box is None else np.round(box).astype(np.float32)
    box = bordered(asked, sightings[0].frame.image, spec=spec)
    size = spec.size_px
    views = tuple(
        cut(sightings, spec=spec.of_view(view), box=view_box(asked, mesh, spec=spec, scale=view.box_scale))
        for view in spec.views
    )
    return Clip(
        pixels=np.stack(
            [cut_picture(s.frame.image, box, size_px=size, sampling=spec.sampling) for s in sightings]
        ),
        times_s=np.array([s.frame.time_s for s in sightings]),
        box=box,
        meshes=np.stack([mesh_in_clip(s.face.mesh, box, size_px=size) for s in sightings]),
        views=views,
    )


def view_box(box: np.ndarray, mesh: np.ndarray, *, spec: ClipSpec, scale: float) -> np.ndarray:
    """The box of `scale` that is off its place as `box` is off the one that the spec gives this mesh."""
    own = clip_box(mesh, scale=spec.box_scale)
    right, down = ((box[:2] + box[2:] - own[:2] - own[2:]) / 2).tolist()
    growth = float((box[2] - box[0]) / (own[2] - own[0]))
    return moved_box(clip_box(mesh, scale=scale), BoxMove(right=right, down=down, growth=growth))


def mesh_in_clip(mesh: np.ndarray, box: np.ndarray, *, size_px: int) -> np.ndarray:
    """The mesh (468, 3), in pixels of the frame, in pixels of the clip that `box` (whole pixels) cuts;
    float32.
    """
    scale = size_px / float(box[2] - box[0])
    moved = np.array([*(0.5 - box[:2]), 0.0]) + mesh
    return (moved * scale - (0.5, 0.5, 0.0)).astype(np.float32)


def choose(times_s: Sequence[float], *, spec: ClipSpec, start: int) -> list[int] | None:
    """Indices of the frames nearest to start, start + stride, ...; None where the times do not carry a clip.

    A frame may be half a stride off its moment; a camera slower than the stride may instead leave up to one
    and a half strides between neighbours. No frame is taken twice. `times_s` ascends.

    >>> choose([0, 0.03, 0.07, 0.1, 0.13, 0.17, 0.2], spec=ClipSpec(frames=3), start=0)
    [0, 3, 6]
    >>> choose([0, 0.13, 0.26, 0.39], spec=ClipSpec(frames=3), start=0)
    [0, 1, 2]
    >>> choose([0, 0.03, 0.07, 0.1], spec=ClipSpec(frames=3), start=0) is None
    True
    """
    times = np.asarray(times_s[start:], np.float64)
    if len(times) < spec.frames:
        return None
    chosen = [0]
    for step in range(1, spec.frames):
        moment = times[0] + step * spec.stride_s
        after = chosen[-1] + 1
        if after >= len(times):
            return None
        nearest = after + int(np.argmin(np.abs(times[after:] - moment)))
        off, gap = abs(times[nearest] - moment), times[nearest] - times[chosen[-1]]
        if off > spec.stride_s / 2 + 1e-6 and gap > LONGEST_GAP * spec.stride_s + 1e-6:
            return None
        chosen.append(nearest)
    return [start + index for index in chosen]


def mesh_mask(mesh: np.ndarray, *, size_px: int, out: int = MAP_SIDE) -> np.ndarray:
    """How much of each cell the face covers: (out, out) float32 in [0, 1]; the mesh is in clip pixels."""
    fine = out * FINE
    seen = covered(_fine_mesh(mesh, size_px=size_px, out=out), FACE_TRIANGLES, height=fine, width=fine)
    return _averaged(seen.astype(np.float32), out)


def mesh_depth(mesh: np.ndarray, *, size_px: int, out: int = MAP_SIDE) -> np.ndarray:
    """The face's depth label (out, out) float32: nearest point 1, farthest visible 0, background 0 (papers,
    2.2).
    """
    depth = _fine_depth(mesh, size_px=size_px, out=out)
    seen = np.isfinite(depth)
    if not seen.any():
        return np.zeros((out, out), np.float32)
    near, far = depth[seen].min(), depth[seen].max()
    label = np.where(seen, (far - depth) / max(far - near, 1e-6), 0.0)
    return _averaged(label.astype(np.float32), out)


def _fine_depth(mesh: np.ndarray, *, size_px: int, out: int) -> np.ndarray:
    vertices = _fine_mesh(mesh, size_px=size_px, out=out)
    return nearest(vertices, FACE_TRIANGLES, height=out * FINE, width=out * FINE)


def _fine_mesh(mesh: np.ndarray, *, size_px: int, out: int) -> np.ndarray:
    """A mesh in pixels of the clip in those of a map that is FINE times finer than `out`."""
    scale = out * FINE / size_px
    return (mesh * scale + (scale - 1) * np.array([0.5, 0.5, 0.0])).astype(np.float32)


def _averaged(fine: np.ndarray, out: int) -> np.ndarray:
    return fine.reshape(out, FINE, out, FINE).mean(axis=(1, 3), dtype=np.float32)
