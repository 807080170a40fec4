/* The defences, one function each; launcher.c has their order.
 *
 * WITHOUT_DESCRIPTORS, WITHOUT_LIMITS, WITHOUT_LANDLOCK and WITHOUT_SECCOMP leave one out, and WITHOUT_ENVIRONMENT the
 * choice in environment.c. Only the attack suite builds such launchers, to show which defence holds; they come without
 * the self-test, say so in their report, and no gateway serves them.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher.h"
#include "policy.h" /* written by `python -m stockade_launcher` from policy.toml */

/* --- Descriptors and limits --- */

void close_descriptors(void) {
    int nothing;

#ifndef WITHOUT_DESCRIPTORS
    if (syscall(SYS_close_range, 3U, ~0U, 0U) != 0)
        fail("inherited descriptors could not be closed: %s", strerror(errno));
#endif
    /* Nothing to read on the first of the standard three. */
    nothing = open("/dev/null", O_RDONLY);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
        fail("/dev/null could not be opened: %s", strerror(errno));
    if (nothing != STDIN_FILENO)
        close(nothing);
}

void set_limits(void) {
#ifndef WITHOUT_LIMITS
    static const struct {
        int limit;
        rlim_t most;
        /* The filter refuses the calls that it bounds. gVisor, which has no such limit, answers with EPERM. */
        int is_second_layer;
    } LIMITS[] = {
        {RLIMIT_CORE, 0, 0},
        {RLIMIT_NOFILE, 256, 0},
        /* Counts every process and thread of the uid on the whole node, other pods' included: a low one would let one
         * pod keep the others from starting. It is the node's last brake; the pod's own is the kubelet's podPidsLimit. */
        {RLIMIT_NPROC, 4096, 0},
        {RLIMIT_MEMLOCK, 0, 0},
        {RLIMIT_MSGQUEUE, 0, 1},
        /* Twice the largest volume it may write to, whose own size speaks first. */
        {RLIMIT_FSIZE, 64UL << 20, 0},
        {RLIMIT_NICE, 0, 1},
        {RLIMIT_RTPRIO, 0, 1},
        {RLIMIT_SIGPENDING, 256, 1},
    };

    for (size_t place = 0; place < sizeof LIMITS / sizeof *LIMITS; place++) {
        struct rlimit now;
        rlim_t value = LIMITS[place].most;

        /* One that is lower already stays. */
        if (getrlimit(LIMITS[place].limit, &now) == 0 && now.rlim_max < value)
            value = now.rlim_max;
        if (setrlimit(LIMITS[place].limit, &(struct rlimit){value, value}) != 0 &&
            !(errno == EPERM && LIMITS[place].is_second_layer))
            fail("limit %d was refused: %s", LIMITS[place].limit, strerror(errno));
    }
#endif
}

void set_no_new_privs(void) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        fail("no_new_privs was refused: %s", strerror(errno));
}

void hide_process(void) {
    /* Its memory and its descriptors, the container's output among them, are closed to others of its uid. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        fail("the kernel refused to hide the launcher's process: %s", strerror(errno));
}

/* --- Landlock: the second layer, as much of it as the node's kernel has --- */

/* linux/landlock.h, whose newer parts the build's own headers may lack. */
enum {
    SYS_CREATE_RULESET = 444,
    SYS_ADD_RULE = 445,
    SYS_RESTRICT_SELF = 446,
    ASK_VERSION = 1,
    RULE_PATH_BENEATH = 1,
    RIGHT_EXECUTE = 1 << 0,
    RIGHT_WRITE_FILE = 1 << 1,
    RIGHT_READ_FILE = 1 << 2,
    RIGHT_READ_DIR = 1 << 3,
    RIGHT_TRUNCATE = 1 << 14,
    /* What may be given on something that is no directory. */
    FILE_RIGHTS = RIGHT_EXECUTE | RIGHT_WRITE_FILE | RIGHT_READ_FILE | RIGHT_TRUNCATE,
    BOTH_TCP_RIGHTS = 3,
    SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 3,
};

struct ruleset {
    uint64_t files, network, scope;
};

struct path_rule {
    uint64_t rights;
    int32_t path;
} __attribute__((packed));

/* Every right on files that a version knows: 2 adds REFER, 3 TRUNCATE, 5 IOCTL_DEV. */
static uint64_t file_rights(int version) {
    return version >= 5 ? (1 << 16) - 1 : version >= 3 ? (1 << 15) - 1 : version >= 2 ? (1 << 14) - 1 : (1 << 13) - 1;
}

static void permit(int ruleset, const char *path, uint64_t rights, uint64_t known) {
    struct path_rule rule = {.rights = rights & known};
    struct stat status;

    rule.path = open(path, O_PATH | O_CLOEXEC);
    if (rule.path < 0)
        return; /* What is not there needs no permission. */
    if (fstat(rule.path, &status) == 0 && !S_ISDIR(status.st_mode))
        rule.rights &= FILE_RIGHTS;
    if (syscall(SYS_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0) != 0)
        fail("Landlock refused the rule for %s: %s", path, strerror(errno));
    close(rule.path);
}

int restrict_files(const char *program) {
#ifdef WITHOUT_LANDLOCK
    (void)program;
    return 0;
#else
    static const char *const EXECUTABLE[] = {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt"};
    static const char *const WRITABLE[] = {"/tmp", "/dev/shm", "/dev/null"};
    struct ruleset rules = {.network = BOTH_TCP_RIGHTS, .scope = SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS};
    int version = (int)syscall(SYS_CREATE_RULESET, NULL, 0, ASK_VERSION);
    size_t size = version >= 6 ? sizeof rules : version >= 4 ? offsetof(struct ruleset, scope) : sizeof rules.files;
    uint64_t known = rules.files = file_rights(version);
    uint64_t executing = RIGHT_EXECUTE | RIGHT_READ_FILE | RIGHT_READ_DIR;
    int ruleset;

    if (version < 1)
        return 0; /* This kernel has none, or it is switched off: the report says so. */
    ruleset = (int)syscall(SYS_CREATE_RULESET, &rules, size, 0);
    if (ruleset < 0)
        fail("the kernel has Landlock %d and refused the rules: %s", version, strerror(errno));
    /* Reading stays as the mounts allow. */
    permit(ruleset, "/", RIGHT_READ_FILE | RIGHT_READ_DIR, known);
    permit(ruleset, program, executing, known);
    for (size_t place = 0; place < sizeof EXECUTABLE / sizeof *EXECUTABLE; place++)
        permit(ruleset, EXECUTABLE[place], executing, known);
    for (size_t place = 0; place < sizeof WRITABLE / sizeof *WRITABLE; place++)
        permit(ruleset, WRITABLE[place], known & ~(uint64_t)RIGHT_EXECUTE, known);
    if (syscall(SYS_RESTRICT_SELF, ruleset, 0) != 0)
        fail("the kernel has Landlock %d and refused to apply it: %s", version, strerror(errno));
    close(ruleset);
    return version;
#endif
}

/* --- seccomp --- */

void install_filter(void) {
#ifndef WITHOUT_SECCOMP
    struct sock_fprog program = {.len = sizeof POLICY / sizeof *POLICY, .filter = (struct sock_filter *)POLICY};
    long failed_thread = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);

    if (failed_thread < 0)
        fail("the kernel refused the seccomp filter: %s", strerror(errno));
    if (failed_thread > 0)
        fail("thread %ld kept out of the seccomp filter", failed_thread);
#endif
}
