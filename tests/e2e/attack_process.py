# SPDX-License-Identifier: BSD-2-Clause
"""What a program can do to another one of its user. usage: attack_process.py PID; prints each attack's outcome, "ok" or an errno."""

import ctypes
import errno
import json
import os
import sys

PTRACE_ATTACH, PTRACE_DETACH, SYS_PIDFD_GETFD = 16, 17, 438
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")


def trace(pid):
    check(libc.ptrace(PTRACE_ATTACH, pid, None, None))
    os.waitpid(pid, 0)
    libc.ptrace(PTRACE_DETACH, pid, None, None)


def read_mem(pid):
    os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR))


def steal_fd(pid):
    pidfd = os.pidfd_open(pid)
    check(libc.syscall(SYS_PIDFD_GETFD, pidfd, 0, 0))


def read_vm(pid):
    # A wrong address fails with EFAULT, but only for who may read at all.
    space = ctypes.create_string_buffer(8)
    local, remote = Iovec(ctypes.addressof(space), 8), Iovec(8, 8)
    if libc.process_vm_readv(pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0) < 0 and ctypes.get_errno() != errno.EFAULT:
        raise OSError(ctypes.get_errno(), "")


def attempt(attack, *arguments):
    try:
        attack(*arguments)
        return "ok"
    except OSError as error:
        return errno.errorcode[error.errno]


def main():
    pid = int(sys.argv[1])
    print(json.dumps({
        "ptrace": attempt(trace, pid),
        "mem": attempt(read_mem, pid),
        "pidfd_getfd": attempt(steal_fd, pid),
        "fd": attempt(os.readlink, f"/proc/{pid}/fd/0"),
        "environ": attempt(lambda: open(f"/proc/{pid}/environ", "rb").read()),
        "process_vm_readv": attempt(read_vm, pid),
    }))


if __name__ == "__main__":
    main()
