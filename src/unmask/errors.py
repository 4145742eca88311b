"""What a user can cause to go wrong; `unmask.types` gives these names on."""

from unmask.plain import sentence, shortened


class UnmaskError(Exception):
    """Base of the errors a user can cause; the message is one sentence: rule, value, remedy.

    It never holds the credentials of an address, nor control characters of a name, and has at most 1000
    characters: see unmask.plain.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(shortened(sentence(text)))


class SourceError(UnmaskError):
    """A video, image, folder, camera or stream that cannot be read."""

    is_live = False  # among decisions, as of `Detector.check_many`: what cannot be read is not live


class OutputError(UnmaskError):
    """A file that cannot be written: a full disk, a folder that is read-only or missing."""


class ModelError(UnmaskError):
    """A model file that is missing, damaged, or without a contract."""


class AssetError(UnmaskError):
    """The face models could not be found or fetched."""


class DataError(UnmaskError):
    """A labels file, manifest or data folder that breaks its format."""


class SettingsError(UnmaskError):
    """A setting that is unknown or out of range."""
