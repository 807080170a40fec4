/* The launcher: confines its own process, proves it, and runs the program it is given as a child, which inherits it all.
 *
 *     launcher PROGRAM ARGUMENT...
 *
 * A static program of its own, so that no interpreter, loader or library starts before the defences are up. The order
 * matters, and is this screen; each step is in confinement.c, the proof in self_test.c, what it does afterwards in relay.c.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher.h"

enum { SECCOMP_FILTER_ON = 2 };

static int termination_log = -1;

static int open_termination_log(void) {
    const char *other = getenv("STOCKADE_TERMINATION_LOG");

    return open(other != NULL ? other : "/dev/termination-log", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                0600);
}

static void confine(const char *program, char *report, size_t report_size) {
    char holes[2048] = "";
    int landlock, no_new_privs, filtered, tested = 1;

    set_limits();
    umask(077);
    set_no_new_privs();
    hide_process();
    /* Landlock comes first, since the filter knows none of its calls. */
    landlock = restrict_files(program);
    install_filter();
#ifdef WITHOUT_SELF_TEST
    tested = 0;
#else
    find_holes(holes, sizeof holes);
#endif
    if (*holes)
        fail("forbidden, and worked all the same: %s", holes);
    no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
    filtered = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_FILTER_ON;
    if (tested && !(no_new_privs && filtered))
        fail("the kernel says no_new_privs %d, filter %d", no_new_privs, filtered);
    snprintf(report, report_size,
             "STOCKADE_LAUNCHER_REPORT={\"no_new_privs\": %s, \"seccomp\": %s, \"landlock_abi\": %d, "
             "\"self_test_passed\": %s}",
             no_new_privs ? "true" : "false", filtered ? "true" : "false", landlock, tested ? "true" : "false");
}

int main(int count, char *arguments[], char *environment[]) {
    static char report[256];

    close_descriptors();
    /* Opened before Landlock, which leaves it to this process alone. */
    termination_log = open_termination_log();
    if (count < 2)
        fail("it was not told what to start: launcher PROGRAM ARGUMENT...");
    confine(arguments[1], report, sizeof report);
    fork_algorithm(termination_log);
    termination_log = LAST_WORDS;
    execve(arguments[1], &arguments[1], build_environment(environment, report));
    fail("%s could not be started: %s", arguments[1], strerror(errno));
}

static void write_all(int descriptor, const char *text) {
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t written = write(descriptor, text, left);

        if (written <= 0)
            return; /* Nobody is left to be told. */
        text += written;
        left -= (size_t)written;
    }
}

_Noreturn void fail(const char *format, ...) {
    char reason[1024], message[1280], record[1536];
    va_list values;

    va_start(values, format);
    vsnprintf(reason, sizeof reason, format, values);
    va_end(values);
    /* The reason goes into JSON: what would need escaping there is none of its meaning. */
    for (char *place = reason; *place; place++)
        if (*place == '"' || *place == '\\' || (unsigned char)*place < ' ')
            *place = '\'';
    snprintf(message, sizeof message, "the launcher could not confine the algorithm, so its code was not run: %s",
             reason);
    write_all(STDERR_FILENO, message);
    write_all(STDERR_FILENO, "\n");
    snprintf(record, sizeof record, "{\"kind\": \"LaunchError\", \"message\": \"%s\", \"file\": null, \"line\": null}",
             message);
    if (termination_log < 0)
        termination_log = open_termination_log();
    write_all(termination_log, record);
    exit(EXIT_LAUNCH_FAILED);
}
