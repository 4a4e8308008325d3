"""The first lines every started process runs: it binds its life to the launcher's, steps down to
another user when told, and becomes the program. Run by path, imports nothing of the project.

A wrapper and not a hook between fork and exec: the launcher has threads, and after a fork in a
threaded process no Python code is safe."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Become the program given after launcher pid, orphan signal, user id and group id (`-` keeps
    the present user)."""
    launcher, orphan_signal, user, group, *command = sys.argv[1:]
    if user != "-":
        os.setgroups([])
        os.setgid(int(group))
        os.setuid(int(user))
    if sys.platform == "linux":
        # After the change of user: the kernel forgets this setting when credentials change.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(orphan_signal))
        if os.getppid() != int(launcher):
            sys.exit("the launcher is gone")
    # Python ignores this signal; the program that follows must not inherit that.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"cannot start {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
