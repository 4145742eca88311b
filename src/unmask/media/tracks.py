"""Faces through time: found once, followed by their mesh, looked for again when lost and now and then.

Who is who is settled by what is seen, not only by where: the colours of the face at the points of its mesh.
Where faces meet, the surest match of track and face goes first; a face that suits no track gets a new
identity, never that of somebody else.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from unmask.media.faces import FaceFinder, overlap, size
from unmask.types import Face, FaceTrack, Frame, Sighting

SEARCH_EVERY_S = 0.5  # for newcomers, while a face is followed
SEARCH_TILES_EVERY_S = 0.2  # for small faces, while one is missing
FORGET_AFTER_S = 2.0  # a face that was hidden longer comes back as a new one
SAME_FACE = 0.5  # IoU above which two followed faces are one: one hides the other
FIRST_CHANGE = 0.15  # what a new track may usually change by, until its own changes are known
LEAST_LIMIT = 0.2  # of the change in appearance: in 99 of 100 pairs two people differ by 0.26 or more
USUAL_CHANGES = 3.0  # the limit in units of a track's own usual change: noise, small faces, flicker
SETTLE_S = 0.3  # how long a stranger in the place of a known face waits for an identity
FARTHEST = 1.0  # sizes of the face: how far off its path it may be found
MOST_GROWTH = 1.6  # ratio of sizes within which a face may be found again
FURTHEST_AHEAD_S = 0.3  # a path is not drawn on for longer
LEARNING = 0.1  # weight of a frame in what a track remembers


@dataclass(slots=True, kw_only=True, eq=False)
class _Track:
    """What is remembered of a face; changed by its `Tracker` alone."""

    identity: int
    face: Face
    seen_s: float
    look: np.ndarray  # (468, 3) float32, see appearance()
    usual_change: float = FIRST_CHANGE
    speed: np.ndarray = field(default_factory=lambda: np.zeros(2))  # pixels a second
    hidden: bool = False

    @property
    def limit(self) -> float:
        """The change in appearance beyond which it is somebody else."""
        return max(LEAST_LIMIT, USUAL_CHANGES * self.usual_change)

    def cost(self, face: Face, look: np.ndarray, *, now: float) -> float:
        """How badly a face suits this track: 0 perfectly, infinite not at all."""
        ahead_s = min(now - self.seen_s, FURTHEST_AHEAD_S)
        small, large = sorted((size(self.face), size(face)))
        off = float(np.linalg.norm(_centre(face) - _centre(self.face) - self.speed * ahead_s)) / small
        growth = large / small
        changed = change(self.look, look) / self.limit
        return changed + off if changed <= 1 and off <= FARTHEST and growth <= MOST_GROWTH else np.inf

    def learn(self, face: Face, look: np.ndarray, *, now: float, alone: bool) -> None:
        """Take the face of this moment; near others its appearance is learned only while it is plainly its
        own.
        """
        moved = (_centre(face) - _centre(self.face)) / max(now - self.seen_s, 1e-3)
        self.speed = np.zeros(2) if self.hidden else self.speed + 0.3 * (moved - self.speed)
        self.face, self.seen_s, self.hidden = face, now, False
        changed = change(self.look, look)
        if alone or changed < self.limit / 2:
            self.usual_change += LEARNING * (changed - self.usual_change)
            self.look = self.look + LEARNING * (look - self.look)


class Tracker:
    """Follows the faces of one source; `update` is called with its frames in order, from one thread."""

    def __init__(self, finder: FaceFinder) -> None:
        self._finder = finder
        self._tracks: list[_Track] = []  # of faces that are seen or hidden
        self._searched_s = -np.inf
        self._searched_tiles_s = -np.inf
        self._next_identity = 0

    def update(self, frame: Frame) -> list[tuple[int, Face]]:
        """The faces of this frame with their identities, largest first."""
        now = frame.time_s
        self._tracks = [track for track in self._tracks if now - track.seen_s <= FORGET_AFTER_S]
        faces = self._followed(frame.image)
        faces += self._search(frame, known=faces)
        looks = [appearance(frame.image, face.mesh) for face in faces]
        owners = self._owners(faces, looks, now=now)
        for track in self._tracks:
            track.hidden = track.hidden or track not in owners
        seen = []
        for face, look, owner in zip(faces, looks, owners, strict=True):
            others = [other for other in faces if other is not face]
            if owner is None and self._is_doubtful(face, others, now=now):
                continue
            track = owner or self._begin(face, look, now=now)
            alone = not _touches(face, [*others, *(track.face for track in self._tracks if track.hidden)])
            track.learn(face, look, now=now, alone=alone)
            seen.append((track.identity, face))
        return sorted(seen, key=lambda pair: -size(pair[1]))

    def _is_doubtful(self, face: Face, others: list[Face], *, now: float) -> bool:
        """Whether a face without a track may be what still shows of one that has just been covered."""
        hidden = [track for track in self._tracks if track.hidden and _overlap(face, track.face) > 0]
        return bool(hidden) and (_touches(face, others) or now - max(t.seen_s for t in hidden) < SETTLE_S)

    def _followed(self, image: np.ndarray) -> list[Face]:
        """Where the faces of the last frame are now; of two that ended on one face only one is kept."""
        faces: list[Face] = []
        for track in self._tracks:
            face = None if track.hidden else self._finder.follow(image, track.face)
            if face is not None and not any(_overlap(face, other) > SAME_FACE for other in faces):
                faces.append(face)
        return faces

    def _search(self, frame: Frame, *, known: list[Face]) -> list[Face]:
        """Faces that are not followed: sought in the whole picture, in its parts only every now and then."""
        now = frame.time_s
        missing = len(known) < len(self._tracks) or not known
        if not missing and now - self._searched_s < SEARCH_EVERY_S:
            return []
        thorough = now - self._searched_tiles_s >= SEARCH_TILES_EVERY_S
        self._searched_s = now
        self._searched_tiles_s = now if thorough else self._searched_tiles_s
        return self._finder.find(frame.image, known=known, thorough=thorough)

    def _owners(self, faces: list[Face], looks: list[np.ndarray], *, now: float) -> list[_Track | None]:
        """For each face its track, the surest pair first; None where no track suits."""
        pairs = [
            (track.cost(face, look, now=now), f, t)
            for f, (face, look) in enumerate(zip(faces, looks, strict=True))
            for t, track in enumerate(self._tracks)
        ]
        owners: list[_Track | None] = [None] * len(faces)
        for cost, f, t in sorted(pairs):
            if np.isfinite(cost) and owners[f] is None and self._tracks[t] not in owners:
                owners[f] = self._tracks[t]
        return owners

    def _begin(self, face: Face, look: np.ndarray, *, now: float) -> _Track:
        track = _Track(identity=self._next_identity, face=face, seen_s=now, look=look)
        self._next_identity += 1
        self._tracks.append(track)
        return track


def appearance(image: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """Colours (468, 3) float32 of the picture at the points of the mesh, in units of their mean: light
    cancels.
    """
    height, width = image.shape[:2]
    x, y = np.rint(mesh[:, :2]).astype(np.intp).T
    colours = image[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)].astype(np.float32)
    return colours / max(float(colours.mean()), 1.0)


def change(look: np.ndarray, other: np.ndarray) -> float:
    """How far two appearances differ: about 0.05 from frame to frame, 0.3 to 0.6 between two people."""
    return float(np.sqrt(np.mean(np.square(look - other))))


def sightings(frames: Iterable[Frame], finder: FaceFinder) -> Iterator[tuple[int, Sighting]]:
    """Every sighting with its identity as the frames come; holds no frame but the present one."""
    tracker = Tracker(finder)
    for frame in frames:
        for identity, face in tracker.update(frame):
            yield identity, Sighting(frame=frame, face=face)


def track(frames: Iterable[Frame], finder: FaceFinder) -> list[FaceTrack]:
    """The faces of a short source, longest track first; holds every frame with a face: long sources use
    `sightings`.
    """
    tracks: dict[int, list[Sighting]] = {}
    for identity, sighting in sightings(frames, finder):
        tracks.setdefault(identity, []).append(sighting)
    found = [FaceTrack(identity=identity, sightings=tuple(seen)) for identity, seen in tracks.items()]
    return sorted(found, key=lambda one: -len(one.sightings))


def _centre(face: Face) -> np.ndarray:
    return (face.box[:2] + face.box[2:]) / 2


def _overlap(face: Face, other: Face) -> float:
    return float(overlap(face.box, other.box[None])[0])


def _touches(face: Face, others: list[Face]) -> bool:
    return any(_overlap(face, other) > 0 for other in others)
