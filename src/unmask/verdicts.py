"""What a decision says of a presentation, and why; `unmask.types` gives these names on."""

from enum import StrEnum


class Verdict(StrEnum):
    """What a decision says of a presentation."""

    LIVE = "LIVE"
    ATTACK = "ATTACK"
    UNDECIDED = "UNDECIDED"


class Reason(StrEnum):
    """Why a decision is what it is; quality is reported apart from the verdict."""

    NO_FACE = "NO_FACE"
    FACE_TOO_SMALL = "FACE_TOO_SMALL"
    FACE_CUT = "FACE_CUT"  # the face touches the border of the picture
    FACE_TURNED = "FACE_TURNED"
    BLURRED = "BLURRED"
    TOO_DARK = "TOO_DARK"
    TOO_BRIGHT = "TOO_BRIGHT"
    SEVERAL_FACES = "SEVERAL_FACES"
    TOO_SHORT = "TOO_SHORT"
    TIMED_OUT = "TIMED_OUT"
    NOT_FINITE = "NOT_FINITE"  # the network gave NaN or infinity
    EVIDENCE_WEAK = "EVIDENCE_WEAK"
    DAMAGED = "DAMAGED"  # too much of the recording cannot be decoded as it was written
    NO_COLOUR = "NO_COLOUR"  # grey or infrared, for which the network was not made
    SCORE_DROPPED = "SCORE_DROPPED"  # for a second or more the scores were those of an attack
    STILL_PICTURE = "STILL_PICTURE"  # nothing moved in the face of a video, or in a part of it
    NOT_CONTINUOUS = "NOT_CONTINUOUS"  # cuts, jumps, other faces: too little of it is one face
    TOO_FEW_FRAMES = "TOO_FEW_FRAMES"  # a second, for the model's clips
    # of challenges, where the server asked for something
    LIGHT_ABSENT = "LIGHT_ABSENT"  # the face does not send back the colours of the screen
    LIGHT_OTHER = "LIGHT_OTHER"  # it sends back other colours than this session's
    LIGHT_LATE = "LIGHT_LATE"  # the colours come back later than a camera takes
    NO_DEPTH = "NO_DEPTH"  # what is beside the face sends back as much as the face
    FLAT = "FLAT"  # the light on the face is that on a sheet
    MIRROR = "MIRROR"  # the light is mirrored by glass, not sent back by skin
    WRONG_TURNS = "WRONG_TURNS"  # the head turned in another order than it was asked to
    NO_PARALLAX = "NO_PARALLAX"  # the picture of the face moved as a sheet does
