"""The other side of experiments/faces.py, in an environment of its own: mediapipe==0.10.21 and numpy<2.

Reads pictures and a sequence from one .npz, writes landmarks and times to another; imports nothing of ours.
"""

import sys
import time

import mediapipe as mp
import numpy as np


def landmarks(result, image: np.ndarray) -> np.ndarray:
    """The first face's mesh (468, 3) in pixels; NaN where there is none."""
    if not result.multi_face_landmarks:
        return np.full((468, 3), np.nan)
    height, width = image.shape[:2]
    points = result.multi_face_landmarks[0].landmark
    return np.array([(p.x * width, p.y * height, p.z * width) for p in points])[:468]


def settle(solution, image: np.ndarray) -> np.ndarray:
    """The mesh after a still picture was shown three times to the tracking mode."""
    with solution(static_image_mode=False, refine_landmarks=False, max_num_faces=1) as tracking:
        for _ in range(3):
            result = tracking.process(image)
    return landmarks(result, image)


def main(given: str, out: str) -> None:
    held = np.load(given)
    pictures = [held[name] for name in sorted(held.files) if name.startswith("picture")]
    solution = mp.solutions.face_mesh.FaceMesh
    with solution(static_image_mode=True, refine_landmarks=False, max_num_faces=1) as mesher:
        still = np.stack([landmarks(mesher.process(picture), picture) for picture in pictures])
    settled = np.stack([settle(solution, picture) for picture in pictures])
    sequence = held["sequence"]
    times_ms = []
    with solution(static_image_mode=False, refine_landmarks=False, max_num_faces=1) as tracking:
        tracking.process(sequence[0])  # detects; the frames below are tracked
        for frame in sequence:
            start, work = time.perf_counter(), time.process_time()
            result = tracking.process(frame)
            times_ms.append((1000 * (time.perf_counter() - start), 1000 * (time.process_time() - work)))
            assert result.multi_face_landmarks, "mediapipe lost the face: the sequence is too hard"
    np.savez(out, still=still, settled=settled, times_ms=np.array(times_ms))


if __name__ == "__main__":
    main(*sys.argv[1:])
