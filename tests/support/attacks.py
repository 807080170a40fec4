"""What a hostile algorithm tries on the kernel: one function per attack, in nothing but the standard library.

Stands alone, because the cluster's tests send this very text into a pod as an algorithm's source. An attack that
returns has worked; one that is refused raises OSError or is killed. Numbers of calls are x86-64's.
"""

import ctypes
import errno
import mmap
import os
import resource
import signal
import socket
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SECCOMP, LANDLOCK, LIMITS = "seccomp", "landlock", "limits"

Attack = Callable[[], object]
ATTACKS: dict[str, tuple[str, Attack]] = {}
"""Name to the defence that stops it, and the attack."""

UNAVAILABLE = {errno.ENOSYS, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT, errno.EOPNOTSUPP}
"""What a kernel says that was built without the thing attacked."""
NEW_USER, NEW_NET, NEW_NS, NEW_IPC, NEW_PID = 0x10000000, 0x40000000, 0x00020000, 0x08000000, 0x20000000
OUTSIDE_SOCKET = "\0stockade-outside"
"""An abstract socket that the tests listen on outside of the confinement."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def call(number: int, *arguments: object) -> int:
    """Make a system call; raises OSError."""
    words = [ctypes.c_ulong(item & (2**64 - 1)) if isinstance(item, int) else item for item in arguments]
    result = int(_libc.syscall(ctypes.c_long(number), *words))
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def attack(defence: str, name: str) -> Callable[[Attack], Attack]:
    """Enter a function into the list."""

    def enter(function: Attack) -> Attack:
        ATTACKS[name] = (defence, function)
        return function

    return enter


def _enter_call(name: str, number: int, *arguments: object) -> None:
    ATTACKS[name] = (SECCOMP, lambda: call(number, *arguments))


for _name, _family, _kind in (
    ("AF_INET, SOCK_STREAM", 2, 1),
    ("AF_INET, SOCK_DGRAM", 2, 2),
    ("AF_INET, SOCK_RAW", 2, 3),
    ("AF_INET6, SOCK_STREAM", 10, 1),
    ("AF_NETLINK", 16, 3),
    ("AF_PACKET", 17, 3),
    ("AF_CAN", 29, 3),
    ("AF_TIPC", 30, 2),
    ("AF_BLUETOOTH", 31, 3),
    ("AF_ALG", 38, 5),
    ("AF_VSOCK", 40, 1),
    ("AF_XDP", 44, 3),
):
    # A raw IPv4 socket needs a protocol; nobody else minds the zero.
    _enter_call(f"socket({_name})", 41, _family, _kind, 1 if (_family, _kind) == (2, 3) else 0)

_BUFFER = ctypes.create_string_buffer(4096)
_enter_call("io_uring_setup", 425, 8, ctypes.create_string_buffer(120))
_enter_call("unshare(CLONE_NEWUSER)", 272, NEW_USER)
_enter_call("unshare(CLONE_NEWNET)", 272, NEW_NET)
_enter_call("unshare(CLONE_NEWNS)", 272, NEW_NS)
_enter_call("unshare(CLONE_NEWIPC)", 272, NEW_IPC)
_enter_call("unshare(CLONE_NEWPID)", 272, NEW_PID)
_enter_call("mount(tmpfs)", 165, b"none", b"/mnt", b"tmpfs", 0, None)
_enter_call("fsopen(tmpfs)", 430, b"tmpfs", 0)
_enter_call("open_tree(OPEN_TREE_CLONE)", 428, -100, b"/", 1)
_enter_call("chroot", 161, b"/tmp")
_enter_call("bpf(BPF_MAP_CREATE)", 321, 0, struct.pack("=IIII", 2, 4, 4, 1) + bytes(112), 128)
_enter_call("perf_event_open", 298, struct.pack("=IIQ", 1, 128, 0) + bytes(112), 0, -1, -1, 0)
_enter_call("userfaultfd", 323, 0)
_enter_call("add_key", 248, b"user", b"stockade-attack", b"x", 1, -2)
_enter_call("keyctl(KEYCTL_GET_KEYRING_ID)", 250, 0, -2, 1)
_enter_call("memfd_create", 319, b"attack", 0)
_enter_call("fanotify_init", 300, 0, 0)
_enter_call("shmget", 29, 0, 4096, 0o1600)
_enter_call("msgget", 68, 0, 0o1600)
_enter_call("semget", 64, 0, 1, 0o1600)
_enter_call("mq_open", 240, b"stockade-attack", os.O_RDWR | os.O_CREAT, 0o600, None)
_enter_call("setpriority", 141, 0, 0, 5)
_enter_call("ioprio_set", 251, 1, 0, (2 << 13) | 7)
_enter_call("sched_setscheduler(SCHED_BATCH)", 144, 0, 3, struct.pack("=i", 0))
_enter_call("sched_setaffinity", 203, 0, 8, b"\xff" * 8)
_enter_call("personality(ADDR_NO_RANDOMIZE)", 135, 0x0040000)
_enter_call("modify_ldt", 154, 0, _BUFFER, 16)
_enter_call("iopl", 172, 3)
_enter_call("syslog", 103, 10, None, 0)
_enter_call("clock_adjtime", 305, 0, ctypes.create_string_buffer(208))
_enter_call("sethostname", 170, b"attacked", 8)
_enter_call("setuid", 105, 12345)
_enter_call("capset", 126, struct.pack("=II", 0x20080522, 0), bytes(24))
_enter_call("prctl(PR_SET_CHILD_SUBREAPER)", 157, 36, 1, 0, 0, 0)
_enter_call("ptrace(PTRACE_TRACEME)", 101, 0, 0, 0, 0)


@attack(SECCOMP, "clone(CLONE_NEWUSER)")
def clone_into_a_user_namespace() -> None:
    """Fork by the old call, with a new user namespace."""
    if call(56, NEW_USER | signal.SIGCHLD, 0, 0, 0, 0) == 0:
        os._exit(0)


@attack(SECCOMP, "clone3(CLONE_NEWUSER)")
def clone3_into_a_user_namespace() -> None:
    """Fork by the new call, whose flags no filter can read."""
    arguments = struct.pack("=QQQQQ", NEW_USER, 0, 0, 0, signal.SIGCHLD) + bytes(24)
    if call(435, arguments, len(arguments)) == 0:
        os._exit(0)


@attack(SECCOMP, "setns")
def enter_a_namespace() -> None:
    """Enter a namespace by its file; the own one will do."""
    call(308, os.open("/proc/self/ns/ipc", os.O_RDONLY), 0)


def _in_a_bystander(steer: Callable[[int], object]) -> None:
    bystander = os.fork()
    if bystander == 0:
        time.sleep(60)
        os._exit(0)
    try:
        steer(bystander)
    finally:
        os.kill(bystander, signal.SIGKILL)
        os.waitpid(bystander, 0)


def _vectors() -> tuple[bytes, bytes]:
    place = ctypes.addressof(_BUFFER)
    return struct.pack("=QQ", place, 8), struct.pack("=QQ", place + 64, 8)


@attack(SECCOMP, "ptrace(PTRACE_SEIZE)")
def seize_a_process() -> None:
    """Become the tracer of another process."""
    _in_a_bystander(lambda pid: call(101, 0x4206, pid, 0, 0))


@attack(SECCOMP, "process_vm_readv")
def read_a_process() -> None:
    """Read another process's memory."""
    local, remote = _vectors()
    _in_a_bystander(lambda pid: call(310, pid, local, 1, remote, 1, 0))


@attack(SECCOMP, "process_vm_writev")
def write_a_process() -> None:
    """Write another process's memory."""
    local, remote = _vectors()
    _in_a_bystander(lambda pid: call(311, pid, local, 1, remote, 1, 0))


@attack(SECCOMP, "pidfd_getfd")
def steal_a_descriptor() -> None:
    """Take a descriptor out of another process."""
    _in_a_bystander(lambda pid: call(438, call(434, pid, 0), 1, 0))


@attack(SECCOMP, "kcmp")
def compare_processes() -> None:
    """Ask whether two processes share a kernel object."""
    _in_a_bystander(lambda pid: call(312, os.getpid(), pid, 1, 0, 0))


@attack(SECCOMP, "open_by_handle_at")
def open_by_number() -> None:
    """Open a file by its number, past every mount."""
    handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0) + bytes(128))
    call(303, -100, b"/tmp", handle, ctypes.create_string_buffer(8), 0)
    call(304, os.open("/tmp", os.O_RDONLY), handle, os.O_RDONLY)


@attack(SECCOMP, "execute from memory")
def execute_from_memory() -> None:
    """Run a program that is in no file."""
    descriptor = call(319, b"program", 0)
    os.write(descriptor, Path("/bin/true").read_bytes())
    call(322, descriptor, b"", (ctypes.c_char_p * 2)(b"true", None), (ctypes.c_char_p * 1)(None), 0x1000)


@attack(SECCOMP, "vmsplice")
def map_memory_into_a_pipe() -> None:
    """Lend own pages to a pipe."""
    call(278, os.pipe()[1], struct.pack("=QQ", ctypes.addressof(_BUFFER), 8), 1, 0)


@attack(SECCOMP, "splice")
def splice_into_a_pipe() -> None:
    """Move pages of a read-only file into a pipe, as Dirty Pipe did."""
    call(275, os.open("/etc/passwd", os.O_RDONLY), None, os.pipe()[1], None, 8, 0)


@attack(SECCOMP, "listen")
def open_a_door() -> None:
    """Listen on a Unix socket."""
    with tempfile.TemporaryDirectory() as folder:
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        door.bind(f"{folder}/door")
        door.listen(1)


@attack(SECCOMP, "setsockopt(SO_ATTACH_FILTER)")
def load_a_socket_filter() -> None:
    """Put a program into the kernel through a Unix socket."""
    code = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0))
    program = struct.pack("@HP", 1, ctypes.addressof(code))
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).setsockopt(socket.SOL_SOCKET, 26, program)


@attack(SECCOMP, "mknod")
def make_a_device() -> None:
    """Make a FIFO by mknod, which makes devices as well."""
    with tempfile.TemporaryDirectory() as folder:
        os.mknod(f"{folder}/fifo", 0o600 | 0o010000)


@attack(SECCOMP, "chown")
def give_a_file_away() -> None:
    """Change a file's owner, to the one it has."""
    with tempfile.NamedTemporaryFile() as file:
        os.chown(file.name, os.getuid(), os.getgid())


@attack(SECCOMP, "int 0x80")
def call_as_i386() -> None:
    """Open an AF_INET socket through the i386 table, where 359 is socket."""
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(bytes.fromhex("53b867010000bb02000000b90100000031d2cd805bc3"))
    result = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
    if result < 0:
        raise OSError(-result, os.strerror(-result))


@attack(SECCOMP, "x32 call")
def call_as_x32() -> None:
    """Open an AF_INET socket through the x32 table."""
    call(0x40000000 + 41, 2, 1, 0)


@attack(SECCOMP, "socket family in the high half")
def hide_the_family() -> None:
    """Ask for AF_INET with rubbish where the kernel does not look, but a careless filter may."""
    call(41, (1 << 32) | 2, 1, 0)


@attack(LANDLOCK, "write outside /tmp")
def write_elsewhere() -> None:
    """Write where no mount forbids it."""
    path = Path("/var/tmp/stockade-attack")
    path.write_text("x")
    path.unlink()


@attack(LANDLOCK, "execute from /tmp")
def execute_a_copy() -> None:
    """Run a program that the algorithm itself wrote."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program"
        program.write_bytes(Path("/bin/true").read_bytes())
        program.chmod(0o700)
        child = os.fork()
        if child == 0:
            try:
                os.execv(program, [str(program)])  # noqa: S606 - that it starts is the attack
            except OSError as error:
                os._exit(error.errno or 255)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status:
            raise OSError(status, "exec")


@attack(LANDLOCK, "signal to a process outside")
def signal_the_parent() -> None:
    """Ask whether a process outside may be signalled."""
    os.kill(int(os.environ.get("STOCKADE_OUTSIDE_PID", "1")), 0)


@attack(LANDLOCK, "abstract socket outside")
def connect_to_an_abstract_socket() -> None:
    """Connect to an abstract socket in the shared network namespace."""
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect(OUTSIDE_SOCKET)


@attack(LIMITS, "open 300 files")
def open_many_files() -> None:
    """Use up descriptors."""
    for _ in range(300):
        os.open("/dev/null", os.O_RDONLY)


@attack(LIMITS, "file of 300 MiB")
def make_a_large_file() -> None:
    """Use up memory through a file, which is sparse here."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with tempfile.TemporaryFile() as file:
        file.truncate(300 * 1024 * 1024)


@attack(LIMITS, "core dump")
def leave_a_core() -> None:
    """Have the kernel write or pipe a core dump."""
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        raise OSError(errno.EPERM, "RLIMIT_CORE is 0")


def run_attack(name: str) -> str:
    """Try one attack in a child; returns `worked`, the name of an errno, or `killed by SIG...`."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, _try(ATTACKS[name][1]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        outcome = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    # A child that became another program wrote nothing.
    return outcome or "worked"


def run_attacks() -> dict[str, str]:
    """Try every attack; returns what came of each."""
    return {name: run_attack(name) for name in ATTACKS}


def _try(function: Attack) -> str:
    try:
        function()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    except BaseException as error:  # noqa: BLE001 - the child's outermost frame
        return f"broken: {error!r}"
    return "worked"
