"""Faces through time: found once, followed by their mesh, looked for again when lost and now and then.

Who is who is settled by what is seen, not only by where: the colours of the face at the points of its mesh.
Where faces meet, the surest match of track and face goes first; a face that suits no track gets a new
identity, never that of somebody else.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from unmask.media.detections import overlap
from unmask.media.faces import FindsFaces, size
from unmask.types import Face, FaceTrack, Frame, Sighting

SEARCH_EVERY_S = 0.4  # for newcomers, while a face is followed: with 0.1 s between looks, half a second
SEARCH_TILES_EVERY_S = 0.2  # for small faces, while one is missing
FORGET_AFTER_S = 2.0  # a face that was hidden longer comes back as a new one
SAME_FACE = 0.5  # IoU above which two followed faces are one: one hides the other
FIRST_CHANGE = 0.15  # what a new track may usually change by, until its own changes are known
LARGEST_CHANGE = 0.2  # in appearance: in 99 of 100 pairs two people differ by 0.26 or more
LARGEST_JUMP = 0.3  # in appearance, from one frame to the next
USUAL_CHANGES = (
    3.0  # both in units of a track's own usual change, if that is more: noise, small faces, flicker
)
SETTLE_S = 0.3  # how long a stranger in the place of a known face waits for an identity
SETTLED_LOOKS = 3  # at one picture, after which the mesh of a face in it has settled
FARTHEST = 1.0  # sizes of the face: how far off its path it may be found
MOST_GROWTH = 1.6  # ratio of sizes within which a face may be found again
FURTHEST_AHEAD_S = 0.3  # a path is not drawn on for longer
LEARNING = 0.3  # weight of a frame in what a track remembers


@dataclass(slots=True, kw_only=True, eq=False)
class _Track:
    """What is remembered of a face; changed by its `Tracker` alone."""

    identity: int
    face: Face
    seen_s: float
    look: np.ndarray  # (468, 3) float32, see appearance(): learned while the face was alone
    last_look: np.ndarray  # that of the last frame
    usual_change: float = FIRST_CHANGE  # from frame to frame
    speed: np.ndarray = field(default_factory=lambda: np.zeros(2))  # pixels a second
    hidden: bool = False

    def goes_on(self, face: Face, look: np.ndarray) -> bool:
        """Whether a followed face that nobody is near is still the same one: it has not changed at one
        stroke.
        """
        return change(self.last_look, look) <= max(LARGEST_JUMP, USUAL_CHANGES * self.usual_change)

    def cost(self, face: Face, look: np.ndarray, *, now: float) -> float:
        """How badly a face suits this track: 0 perfectly, infinite not at all."""
        ahead_s = min(now - self.seen_s, FURTHEST_AHEAD_S)
        small, large = sorted((size(self.face), size(face)))
        off = float(np.linalg.norm(_centre(face) - _centre(self.face) - self.speed * ahead_s)) / small
        changed = change(self.look, look)
        suits = changed <= max(LARGEST_CHANGE, USUAL_CHANGES * self.usual_change)
        suits = suits and off <= FARTHEST and large / small <= MOST_GROWTH
        return changed / LARGEST_CHANGE + off if suits else np.inf

    def learn(self, face: Face, look: np.ndarray, *, now: float, alone: bool) -> None:
        """Take the face of this moment; while others are near, what it looks like is not learned."""
        moved = (_centre(face) - _centre(self.face)) / max(now - self.seen_s, 1e-3)
        self.speed = np.zeros(2) if self.hidden else self.speed + LEARNING * (moved - self.speed)
        if alone:
            self.usual_change += LEARNING * (change(self.last_look, look) - self.usual_change)
            self.look = self.look + LEARNING * (look - self.look)
        self.face, self.seen_s, self.hidden, self.last_look = face, now, False, look


class Tracker:
    """Follows the faces of one source; `update` is called with its frames in order, from one thread."""

    def __init__(self, finder: FindsFaces) -> None:
        self._finder = finder
        self._tracks: list[_Track] = []  # of faces that are seen or hidden
        self._searched_s = -np.inf
        self._searched_tiles_s = -np.inf
        self._next_identity = 0
        self._shape: tuple[int, ...] | None = None  # of the last picture
        self._image: np.ndarray | None = None  # the last picture
        self._shown_s, self._looks = -np.inf, 0  # when it was first seen, and how often
        self._found: list[tuple[int, Face]] = []  # in the last picture

    def restart(self) -> None:
        """Forget all faces: the next picture shows another scene, and each of its faces is a new one."""
        self._tracks.clear()
        self._searched_s = self._searched_tiles_s = -np.inf

    def update(self, frame: Frame) -> list[tuple[int, Face]]:
        """The faces of this frame with their identities, largest first.

        In pictures of another size than before all are new. A picture that is still shown when all of it is
        known is not searched again: its faces stay the same objects.
        """
        if not frame.again or frame.image is not self._image:
            self._image, self._shown_s, self._looks = frame.image, frame.time_s, 0
        elif self._is_known():
            for track in self._tracks:
                track.seen_s = frame.time_s
            return self._found
        self._looks += 1
        if frame.shape != self._shape:  # where a face was says nothing of where it is now
            self._shape = frame.shape
            self.restart()
        now = frame.time_s
        self._tracks = [track for track in self._tracks if now - track.seen_s <= FORGET_AFTER_S]
        followed = self._followed(frame.image)
        faces = [face for face, _ in followed]
        faces += self._search(frame, known=faces)
        looks = [appearance(frame.image, face.mesh) for face in faces]
        owners = self._owners(faces, looks, of=[track for _, track in followed], now=now)
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
        self._found = sorted(seen, key=lambda pair: -size(pair[1]))
        return self._found

    def _is_known(self) -> bool:
        """Whether one more look at the picture would find what the last one found: it was searched in all its
        parts, its meshes have settled, and no face that was there before is awaited.
        """
        searched = self._searched_tiles_s >= self._shown_s and self._looks >= SETTLED_LOOKS
        return searched and not any(track.hidden for track in self._tracks)

    def _is_doubtful(self, face: Face, others: list[Face], *, now: float) -> bool:
        """Whether a face without a track may be what still shows of one that has just been covered."""
        hidden = [track for track in self._tracks if track.hidden and _overlap(face, track.face) > 0]
        return bool(hidden) and (_touches(face, others) or now - max(t.seen_s for t in hidden) < SETTLE_S)

    def _followed(self, image: np.ndarray) -> list[tuple[Face, _Track]]:
        """Where the faces of the last frame are now; of two that ended on one face only one is kept."""
        followed: list[tuple[Face, _Track]] = []
        for track in self._tracks:
            face = None if track.hidden else self._finder.follow(image, track.face)
            if face is not None and not any(_overlap(face, other) > SAME_FACE for other, _ in followed):
                followed.append((face, track))
        return followed

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

    def _owners(
        self, faces: list[Face], looks: list[np.ndarray], *, of: list[_Track], now: float
    ) -> list[_Track | None]:
        """For each face its track, None where none suits; the first faces were followed from the tracks `of`.

        A followed face that is alone goes on as it was; the others are matched, the surest pair first.
        """
        owners: list[_Track | None] = [None] * len(faces)
        for f, track in enumerate(of):
            lost = [t.face for t in self._tracks if t not in of and now - t.seen_s < SETTLE_S]
            others = [*faces[:f], *faces[f + 1 :], *lost]
            if not _touches(faces[f], others) and track.goes_on(faces[f], looks[f]):
                owners[f] = track
        pairs = [
            (track.cost(faces[f], looks[f], now=now), f, t)
            for f in range(len(faces))
            for t, track in enumerate(self._tracks)
            if owners[f] is None and track not in owners
        ]
        for cost, f, t in sorted(pairs):
            if np.isfinite(cost) and owners[f] is None and self._tracks[t] not in owners:
                owners[f] = self._tracks[t]
        return owners

    def _begin(self, face: Face, look: np.ndarray, *, now: float) -> _Track:
        track = _Track(identity=self._next_identity, face=face, seen_s=now, look=look, last_look=look)
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


def sightings(frames: Iterable[Frame], finder: FindsFaces) -> Iterator[tuple[int, Sighting]]:
    """Every sighting with its identity as the frames come; holds no frame but the present one."""
    tracker = Tracker(finder)
    for frame in frames:
        for identity, face in tracker.update(frame):
            yield identity, Sighting(frame=frame, face=face)


def track(frames: Iterable[Frame], finder: FindsFaces) -> list[FaceTrack]:
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
