"""Every mistake a user can make is one class here; its message is one line that says what, where, and the fix.

The command line prints the message alone and exits with code 2. A traceback is a bug of ours.
"""


class SeqmodelsError(Exception):
    """Base of all mistakes that a user can make and mend."""


class CellError(SeqmodelsError):
    """A cell breaks the contract of one time step."""


class UnknownCell(SeqmodelsError):
    """No cell has that name, or its ``package.module:Class`` can't be imported."""


class InputError(SeqmodelsError, ValueError):
    """A tensor has the wrong shape, type or value."""


class OptionError(SeqmodelsError, ValueError):
    """An option has a value that can't be used."""


class DataError(SeqmodelsError):
    """A data file can't be read; names the file and the record."""


class CheckpointError(SeqmodelsError):
    """A checkpoint is missing, damaged, unsafe, or belongs to something else."""


class NonFiniteLoss(SeqmodelsError):
    """The loss or a gradient became NaN or infinite."""
