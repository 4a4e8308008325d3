"""What can keep the platform from starting or from going on, said in one line a person can act
on."""


class PlatformError(Exception):
    """The run cannot start or cannot go on; the text is one line that says what to do about it."""


class PortTaken(PlatformError):
    """Another program listens on a port the platform was told to use."""


class DiskFull(PlatformError):
    """The disk under the data folder has too little room left for orders, scans and logs."""


class FolderInUse(PlatformError):
    """Another run works in the same data folder."""


class PartMissing(PlatformError):
    """A program the platform needs is not installed on this machine."""


class ProcessFailed(PlatformError):
    """A process could not start, or died again and again."""


class NotReady(PlatformError):
    """A process runs but did not say in time that it is ready."""
