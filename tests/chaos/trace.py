"""Stop a child at every system call and kill it at the one that is asked for (Linux, ptrace).

A process that is killed when it is about to enter its system call n has done everything up to
n - 1 and nothing else: with all n, it was killed everywhere that anybody else can notice.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

TRACEME, CONT, KILLED_WITH_TRACER = 0, 7, 1 << 20
SYSCALL, SETOPTIONS, MARKS_CALLS = 24, 0x4200, 1
CALL = signal.SIGTRAP | 0x80

_ptrace = ctypes.CDLL(None, use_errno=True).ptrace
_ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_ptrace.restype = ctypes.c_long


class NotAllowed(OSError):
    """This process may not trace its children."""


def _do(request: int, pid: int, value: int = 0) -> None:
    if _ptrace(request, pid, None, value) == -1:
        raise NotAllowed(ctypes.get_errno(), "ptrace")


def killed_at(call: int | None, action: Callable[[], object]) -> tuple[bool, int]:
    """Fork, run the action, and kill it as it enters this system call; None lets it end.

    Returns whether it was killed, and how many system calls it had begun.
    """
    pid = os.fork()
    if pid == 0:
        _act(action)
    _, status = os.waitpid(pid, 0)
    if not os.WIFSTOPPED(status):
        raise NotAllowed(0, "the child could not be traced")
    _do(SETOPTIONS, pid, MARKS_CALLS | KILLED_WITH_TRACER)
    begun, inside, passed_on = 0, False, 0
    while True:
        _do(SYSCALL, pid, passed_on)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            if os.waitstatus_to_exitcode(status):
                raise RuntimeError(f"The traced process ended with {status}.")
            return False, begun
        stopped_by = os.WSTOPSIG(status)
        if stopped_by != CALL:
            passed_on = stopped_by
            continue
        passed_on, inside = 0, not inside
        begun += inside
        if inside and begun == call:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return True, begun


def _act(action: Callable[[], object]) -> None:
    try:
        _do(TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        action()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    assert killed_at(3, lambda: [os.getppid() for _ in range(9)])[0]
