/* The environment of the algorithm's interpreter: an allow-list, since whatever else is there is not for it. */

#include <stdlib.h>
#include <string.h>

#include "launcher.h"

static const char *const KEPT[] = {"LANG=", "LC_ALL=", "PATH=", "TZ=", "STOCKADE_"};
/* Only this launcher says what it did, and where last words are left. */
static const char *const REPLACED[] = {"STOCKADE_LAUNCHER_REPORT=", "STOCKADE_TERMINATION_LOG="};

static int is_among(const char *entry, const char *const names[], size_t count) {
    for (size_t place = 0; place < count; place++)
        if (strncmp(entry, names[place], strlen(names[place])) == 0)
            return 1;
    return 0;
}

static int is_kept(const char *entry) {
    if (is_among(entry, REPLACED, sizeof REPLACED / sizeof *REPLACED))
        return 0;
#ifdef WITHOUT_ENVIRONMENT
    return 1;
#endif
    return is_among(entry, KEPT, sizeof KEPT / sizeof *KEPT);
}

char **build_environment(char *const environment[], char *report) {
    static char *const OURS[] = {
        "HOME=/tmp",
        "STOCKADE_TERMINATION_LOG=/proc/self/fd/3", /* LAST_WORDS */
        /* One thread per numerical library: the container's cpu limit is far below the node's core count. */
        "OMP_NUM_THREADS=1",
        "OPENBLAS_NUM_THREADS=1",
    };
    enum { OUR_COUNT = sizeof OURS / sizeof *OURS };
    size_t count = 0, kept = 0;
    char **built;

    while (environment[count] != NULL)
        count++;
    built = calloc(count + OUR_COUNT + 2, sizeof *built);
    if (built == NULL)
        fail("there is no memory for the environment");
    for (size_t place = 0; place < count; place++)
        if (is_kept(environment[place]))
            built[kept++] = environment[place];
    for (size_t place = 0; place < OUR_COUNT; place++)
        built[kept++] = OURS[place];
    built[kept] = report;
    return built;
}
