/* The self-test: tries each forbidden thing in a child; one success means that no user's code may run here.
 *
 * Takes the calls' numbers from the C library, not from syscalls.toml, so that a wrong number there is found. The
 * attack suite's list is longer; this one runs at every start of every algorithm, in a millisecond.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher.h"

enum { TERMINAL_INPUT = 0x5412 /* TIOCSTI */, X32_SOCKET = 0x40000000 + 41, I386_SOCKET = 359 };

static const struct {
    const char *name;
    long number;
    unsigned long first, second;
} ATTEMPTS[] = {
    {"socket(AF_INET, SOCK_STREAM)", SYS_socket, AF_INET, SOCK_STREAM},
    {"socket(AF_INET, SOCK_DGRAM)", SYS_socket, AF_INET, SOCK_DGRAM},
    {"socket(AF_INET, SOCK_RAW)", SYS_socket, AF_INET, SOCK_RAW},
    {"socket(AF_INET6)", SYS_socket, AF_INET6, SOCK_STREAM},
    {"socket(AF_AX25)", SYS_socket, AF_AX25, SOCK_RAW},
    {"socket(AF_NETLINK)", SYS_socket, AF_NETLINK, SOCK_RAW},
    {"socket(AF_PACKET)", SYS_socket, AF_PACKET, SOCK_RAW},
    {"socket(AF_CAN)", SYS_socket, AF_CAN, SOCK_RAW},
    {"socket(AF_TIPC)", SYS_socket, AF_TIPC, SOCK_DGRAM},
    {"socket(AF_BLUETOOTH)", SYS_socket, AF_BLUETOOTH, SOCK_RAW},
    {"socket(AF_ALG)", SYS_socket, AF_ALG, SOCK_SEQPACKET},
    {"socket(AF_VSOCK)", SYS_socket, AF_VSOCK, SOCK_STREAM},
    {"socket(AF_XDP)", SYS_socket, AF_XDP, SOCK_RAW},
    {"socket(AF_INET behind a high half)", SYS_socket, 1UL << 32 | AF_INET, SOCK_STREAM},
    {"socketpair(AF_INET)", SYS_socketpair, AF_INET, SOCK_STREAM},
    {"add_key", SYS_add_key, 0, 0},
    {"bind", SYS_bind, 0, 0},
    {"bpf", SYS_bpf, 0, 0},
    {"clone(CLONE_NEWUSER)", SYS_clone, CLONE_NEWUSER | SIGCHLD, 0},
    {"clone(CLONE_NEWNET)", SYS_clone, CLONE_NEWNET | SIGCHLD, 0},
    {"clone(CLONE_NEWNS)", SYS_clone, CLONE_NEWNS | SIGCHLD, 0},
    {"clone3", SYS_clone3, 0, 0},
    {"io_uring_enter", SYS_io_uring_enter, 0, 0},
    {"io_uring_register", SYS_io_uring_register, 0, 0},
    {"io_uring_setup", SYS_io_uring_setup, 0, 0},
    {"ioctl(TIOCSTI)", SYS_ioctl, 0, TERMINAL_INPUT},
    {"keyctl", SYS_keyctl, 0, 0},
    {"listen", SYS_listen, 0, 0},
    {"memfd_create", SYS_memfd_create, 0, 0},
    {"mount", SYS_mount, 0, 0},
    {"open_by_handle_at", SYS_open_by_handle_at, 0, 0},
    {"perf_event_open", SYS_perf_event_open, 0, 0},
    {"pidfd_getfd", SYS_pidfd_getfd, 0, 0},
    {"process_vm_readv", SYS_process_vm_readv, 0, 0},
    {"process_vm_writev", SYS_process_vm_writev, 0, 0},
    {"ptrace", SYS_ptrace, 0, 0},
    {"setns", SYS_setns, 0, 0},
    {"shmget", SYS_shmget, 0, 0},
    {"splice", SYS_splice, 0, 0},
    {"unshare", SYS_unshare, 0, 0},
    {"userfaultfd", SYS_userfaultfd, 0, 0},
};

static void add_hole(char *holes, size_t size, const char *name) {
    size_t used = strlen(holes);

    snprintf(holes + used, size - used, "%s%s", used ? ", " : "", name);
}

/* Any other errno means that the call passed the filter and failed for its arguments. */
static int is_refusal(int code) {
    return code == EPERM || code == EACCES || code == ENOSYS || code == EAFNOSUPPORT;
}

static void try_calls(int report) {
    char holes[2048] = "";

    for (size_t place = 0; place < sizeof ATTEMPTS / sizeof *ATTEMPTS; place++) {
        long result = syscall(ATTEMPTS[place].number, ATTEMPTS[place].first, ATTEMPTS[place].second, 0, 0, 0, 0);

        if (result == 0 && ATTEMPTS[place].number == SYS_clone)
            _exit(0); /* This is the child that must not have been. */
        if (result != -1 || !is_refusal(errno))
            add_hole(holes, sizeof holes, ATTEMPTS[place].name);
    }
    if (write(report, holes, strlen(holes)) != (ssize_t)strlen(holes))
        abort();
}

#ifdef __x86_64__
static void try_i386_socket(int report) {
    long result;

    __asm__ volatile("int $0x80" : "=a"(result) : "a"(I386_SOCKET), "b"(AF_INET), "c"(SOCK_STREAM), "d"(0) : "memory");
    if (write(report, "int 0x80", 8) != 8)
        abort();
}

static void try_x32_call(int report) {
    /* The filter has to kill it; that most kernels have no x32 would not be the filter's merit. */
    syscall(X32_SOCKET, AF_INET, SOCK_STREAM, 0);
    if (write(report, "x32 call", 8) != 8)
        abort();
}
#endif

/* Run one attack in a child, whose end by one of the two expected signals is a refusal. */
static void run_in_child(void (*attack)(int), int death, int other_death, char *holes, size_t size) {
    char found[2048];
    size_t length = 0;
    ssize_t got;
    int ends[2], status;
    pid_t child;

    if (pipe(ends) != 0 || (child = fork()) < 0)
        fail("the self-test could not start: %s", strerror(errno));
    if (child == 0) {
        attack(ends[1]);
        _exit(0);
    }
    close(ends[1]);
    while (length < sizeof found - 1 && (got = read(ends[0], found + length, sizeof found - 1 - length)) > 0)
        length += (size_t)got;
    found[length] = '\0';
    close(ends[0]);
    if (waitpid(child, &status, 0) != child)
        fail("the self-test's child was lost: %s", strerror(errno));
    if (WIFSIGNALED(status) && (WTERMSIG(status) == death || WTERMSIG(status) == other_death))
        return;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        snprintf(found, sizeof found, "the self-test's child ended with status %#x", status);
    if (*found)
        add_hole(holes, size, found);
}

void find_holes(char *holes, size_t size) {
    run_in_child(try_calls, 0, 0, holes, size);
#ifdef __x86_64__
    /* A kernel without i386 calls answers with SIGSEGV. */
    run_in_child(try_i386_socket, SIGSYS, SIGSEGV, holes, size);
    run_in_child(try_x32_call, SIGSYS, SIGSYS, holes, size);
#endif
}
