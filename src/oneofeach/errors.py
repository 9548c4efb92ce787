"""Every error a user can meet, as one tree.

OneOfEachError (also a ValueError)
├── EmptyImageList            Image list is empty
├── InvalidThreshold          Invalid similarity threshold: <value>
├── InvalidRule               an unknown keep rule
├── SourceNotFound            no such file or folder (also a FileNotFoundError)
├── UnknownPlugin             no source, fingerprint or engine of that name
├── UnknownFormat             a report or export format we do not write
├── NotWritable               a report or plan cannot be written where it should be (also an OSError)
├── MissingExtra              an optional package is not installed (also an ImportError)
├── Unreachable              a remote storage that does not answer, or not to us (also an OSError)
├── UnreadableImage           one image that cannot be decoded; a scan turns it into a skipped row
├── IndexDamaged              the index cannot be trusted; it was set aside, nothing was answered from it
├── TooManyImages             more than the memory of one machine holds
├── JobStopped                a distributed job cannot go on now; what is finished is kept
├── UnsupportedInput          an object that is no image, path or dataset (also a TypeError)
└── Refused                   an action that would not be safe (exit code 4)

The first line of a message says what is wrong, the second how to fix it.
"""


def named(value: object) -> str:
    """What an error shows of a value: that it is empty must be seen."""
    return str(value) or "''"


class OneOfEachError(ValueError):
    """Base of all errors of this package."""


class EmptyImageList(OneOfEachError):
    def __init__(self, hint: str = "Give a folder, or at least one image.") -> None:
        super().__init__(f"Image list is empty\n{hint}")


class InvalidThreshold(OneOfEachError):
    def __init__(self, value: object) -> None:
        hint = "Use a number from 0.0 (everything matches) to 1.0 (only the most alike)."
        super().__init__(f"Invalid similarity threshold: {named(value)}\n{hint}")


class InvalidRule(OneOfEachError):
    pass


class SourceNotFound(OneOfEachError, FileNotFoundError):
    def __init__(self, path: str) -> None:
        super().__init__(f"No such file or folder: {named(path)}\nCheck the spelling, or give the full path.")


class UnknownPlugin(OneOfEachError):
    pass


class UnknownFormat(OneOfEachError):
    pass


class NotWritable(OneOfEachError, OSError):
    def __init__(self, path: str, reason: str) -> None:
        hint = "Make its folder first if there is none, or choose another place."
        super().__init__(f"Cannot be written: {path} ({reason})\n{hint}")


class MissingExtra(OneOfEachError, ImportError):
    pass


class Unreachable(OneOfEachError, OSError):
    pass


class UnreadableImage(OneOfEachError):
    pass


class IndexDamaged(OneOfEachError):
    pass


class UnsupportedInput(OneOfEachError, TypeError):
    pass


class TooManyImages(OneOfEachError):
    def __init__(self, rows: int) -> None:
        hint = "Let the cluster decide too: oneofeach find --engine ray --table, or Ray(...).decide."
        super().__init__(f"{rows:,} images are too many for the memory of one machine\n{hint}")


class JobStopped(OneOfEachError):
    def __init__(self, reason: str) -> None:
        hint = "Finished parts are kept: see to the cause, then run the same command again to go on from here."
        super().__init__(f"The job stopped at {reason}\n{hint}")


class Refused(OneOfEachError):
    pass
