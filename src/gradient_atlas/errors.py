"""The one error that a user can cause and mend."""

from pathlib import Path


class InputError(ValueError):
    """Something given to the project is wrong.

    The message is one line: the file or key, what is wrong with it, and what would be right.
    Scripts print it and exit with status 1; any other exception is a defect and keeps its
    traceback.
    """


class DamagedFileError(InputError):
    """A generated file is not what was written: cut short, or with other bytes.

    ``file`` is its path. Scripts remove it, so that the next build makes it again.
    """

    def __init__(self, message: str, file: Path) -> None:
        super().__init__(message)
        self.file = file
