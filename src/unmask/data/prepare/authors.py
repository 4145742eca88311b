"""Clips of the trees that FAS-SGTD's authors prepared (data.depth_labels): their boxes and their depth.

No face is looked for. The crop is theirs, both sides of the box scaled and clipped to the picture, so not
square; as everywhere here, the box of a clip's first frame cuts all of it. The label of bona fide is the
stored depth; an attack's is 0, as in their training, since PRNet draws a face into each print.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from unmask.data.prepare.depth_labels import (
    DEPTH1D,
    AuthorsFrame,
    authors_box,
    authors_video,
    read_box,
    read_depth1d,
)
from unmask.data.prepare.preparation import Cut, Cutting, Recording, packed, starts
from unmask.data.prepare.recordings import NO_DEPTH, UNREADABLE, named_below
from unmask.data.prepare.shards import Prepared
from unmask.media.clips import cut_picture
from unmask.media.images import probe_image, read_image
from unmask.types import DataError, Label, Presentation, SourceError

FPS = 30.0  # of OULU-NPU: the numbers in names are taken for those of its frames
RIM = 8  # of 255: what JPEG leaves around a face is less


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorsTree:
    """The n-th video of a tree, as `data.prepare` asks for it; `root` as in TrackedFolder."""

    presentations: Sequence[Presentation]
    root: str = ""
    seconds: float

    def __call__(self, index: int) -> "AuthorsVideo | None":
        if index >= len(self.presentations):
            return None
        presentation = self.presentations[index]
        recording = Recording(
            presentation=named_below(presentation, self.root), sightings=(), source=presentation.dataset
        )
        return AuthorsVideo(presentation=presentation, recording=recording, tree=self)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorsVideo:
    """One video of a tree, not yet read; `recording` tells who it is."""

    presentation: Presentation
    recording: Recording
    tree: AuthorsTree

    def cut(self, cutting: Cutting, *, seed: int) -> Prepared:
        """All its clips, as data.prepare.cut_recording; frames without depth, where PRNet found no face, are
        left out.
        """
        rng = np.random.default_rng([cutting.seed, seed])
        try:
            frames = self._frames()
            cuts, failed = list(self._cuts(frames, cutting, rng)), self.recording
            if not frames:
                failed = replace(failed, reason=NO_DEPTH, detail="no frame has a depth1D picture")
        except (DataError, SourceError) as broken:
            detail = str(broken)
            if self.tree.root:
                detail = detail.replace(f"{self.tree.root.rstrip('/')}/", "")
            cuts, failed = [], replace(self.recording, reason=UNREADABLE, detail=detail)
        return packed(failed, cuts, cutting=cutting, number=seed)

    def _frames(self) -> list[AuthorsFrame]:
        every = list(authors_video(self.presentation.path, depths=self.presentation.columns[DEPTH1D]))
        first = every[0].number if every else 0
        return [f for f in every if f.depth is not None and (f.number - first) / FPS <= self.tree.seconds]

    def _cuts(self, frames: list[AuthorsFrame], cutting: Cutting, rng: np.random.Generator) -> Iterator[Cut]:
        times_s = [(frame.number - frames[0].number) / FPS for frame in frames]
        for chosen in starts(times_s, cutting=cutting):
            told = read_box(frames[chosen[0]].box)
            pictures = [read_image(frames[k].picture) for k in chosen]
            for _ in range(cutting.cuts):
                box = _crop(told, picture=pictures[0].shape[:2], cutting=cutting, rng=rng)
                pixels = [cut_picture(picture, box, size_px=cutting.clip.size_px) for picture in pictures]
                labels = [self._label(frames[k], box, out=cutting.depth_px) for k in chosen]
                yield Cut(
                    pixels=np.stack(pixels),
                    times_s=np.array([times_s[k] for k in chosen]),
                    box=box,
                    depths=[depth for depth, _ in labels],
                    masks=[mask for _, mask in labels],
                )

    def _label(self, frame: AuthorsFrame, box: np.ndarray, *, out: int) -> tuple[np.ndarray, np.ndarray]:
        """(depth, mask), (out, out) float32 each."""
        picture, stored = probe_image(frame.picture), probe_image(str(frame.depth))
        if (picture.width, picture.height) != (stored.width, stored.height):
            raise DataError(
                f"{frame.depth} is {stored.width} x {stored.height} pixels, its picture {picture.width} x "
                f"{picture.height}; make it again"
            )
        depth = read_depth1d(str(frame.depth), box, out=out)
        depth = np.where(depth * 255 > RIM, depth, np.float32(0))
        mask = (depth > 0).astype(np.float32)
        return (depth if self.recording.label is Label.BONA_FIDE else np.zeros_like(depth)), mask


def _crop(
    box: np.ndarray, *, picture: tuple[int, int], cutting: Cutting, rng: np.random.Generator
) -> np.ndarray:
    """The authors' crop, moved a little as the cutting says, on whole pixels."""
    scale = cutting.clip.box_scale * (1 + cutting.scale_jitter * rng.uniform(-1, 1))
    shift = cutting.shift_jitter * scale * (box[2:] - box[:2]) * rng.uniform(-1, 1, 2)
    return np.round(authors_box(box + np.tile(shift, 2), picture=picture, scale=scale)).astype(np.float32)
