"""What ends work early. Messages are those of the command line; each class stands for one of its exit codes."""

__all__ = [
    "BudgetError",
    "CheckpointError",
    "ConfigError",
    "DataError",
    "DeviceError",
    "DivergedError",
    "ImflError",
    "InterruptedError",
    "UnexpectedError",
    "UsageError",
]


class ImflError(Exception):
    """The base of all of them.

    Attributes:
        exit_code: what ``imfl`` on the command line would exit with.
    """

    exit_code: int = 1


class UnexpectedError(ImflError, RuntimeError):
    """Something that should not happen, as a full disk."""


class UsageError(ImflError, ValueError):
    """Arguments that do not fit together."""

    exit_code = 2


class ConfigError(ImflError, ValueError):
    """A configuration file or value."""

    exit_code = 3


class DataError(ImflError, ValueError):
    """A dataset, an array, a client table, a ledger."""

    exit_code = 4


class DeviceError(ImflError, RuntimeError):
    """A device that is not there."""

    exit_code = 5


class DivergedError(ImflError, ArithmeticError):
    """Training that left the range of numbers."""

    exit_code = 6


class CheckpointError(ImflError, RuntimeError):
    """A generator's or a run's checkpoint."""

    exit_code = 7


class BudgetError(ImflError, RuntimeError):
    """A private run whose budget does not reach for another round; what it has is saved."""

    exit_code = 8


class InterruptedError(ImflError, RuntimeError):
    """A run that stopped because it was asked to, after saving."""

    exit_code = 130
