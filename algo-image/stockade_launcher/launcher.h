/* What the launcher's files share: one function per step, each of which returns only when its defence is up. */

#ifndef STOCKADE_LAUNCHER_H
#define STOCKADE_LAUNCHER_H

#include <stddef.h>

enum {
    EXIT_LAUNCH_FAILED = 70, /* EX_SOFTWARE of sysexits.h; no user's code ran */
    LAST_WORDS = 3,          /* the descriptor that stands for the termination log behind the launcher */
};

/* Say why on standard error and in the termination log, which the Algorithm's condition shows; exit with 70. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* confinement.c */
void close_descriptors(void);
void set_limits(void);
void set_no_new_privs(void);
void hide_process(void);
int restrict_files(const char *program); /* returns the kernel's Landlock version */
void install_filter(void);

/* self_test.c: names what is forbidden and worked all the same, separated by commas; an empty text is what you want. */
void find_holes(char *holes, size_t size);

/* environment.c: what the algorithm's interpreter gets to see. */
char **build_environment(char *const environment[], char *report);

/* relay.c: returns in a child, whose log passes through this process, which ends as the child does. */
void fork_algorithm(int termination_log);

#endif
