/* Asks a running kernel what a seccomp filter answers, without carrying any call out.
 *
 *     ask_the_kernel mark PROGRAM ARGUMENT...   answer every marked call with errno 4095, then execute the program
 *     ask_the_kernel ask FILE                   make the marked calls of FILE, print what was answered otherwise
 *     ask_the_kernel kill NUMBER...             make each call in a child, print what ended it
 *     ask_the_kernel execute PROGRAM            execute it in a child, print what ended it
 *
 * A call is marked by its sixth argument, which no rule of the policy looks at. Of several filters the strictest answer
 * counts, and of two refusals the newer filter's errno (seccomp(2), "Filters"). So when the launcher's filter, installed
 * after ours, refuses a marked call, its errno comes back; when it allows the call, ours does: 4095, which no kernel uses.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MARK = 0x5710cade, PASSED = 4095, EXAMPLES = 5 };

struct question {
    uint32_t number, wanted;
    uint64_t arguments[5];
};

static void give_up(const char *what) {
    perror(what);
    exit(1);
}

static void mark(char *command[]) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MARK, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | PASSED),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
        give_up("seccomp");
    execv(command[0], command);
    give_up(command[0]);
}

static void ask(const char *path) {
    FILE *file = fopen(path, "r");
    unsigned long asked = 0, passed = 0, wrong = 0;
    struct question now;

    if (file == NULL)
        give_up(path);
    for (; fread(&now, sizeof now, 1, file) == 1; asked++) {
        const uint64_t *given = now.arguments;
        long result = syscall((int)now.number, given[0], given[1], given[2], given[3], given[4], (uint64_t)MARK);
        int answer = result == -1 ? errno : 0;

        passed += answer == PASSED;
        if (answer != (int)now.wanted && wrong++ < EXAMPLES)
            printf("wrong: call %u (%#lx, %#lx, %#lx) answered %d, not %u\n", now.number, (long)given[0],
                   (long)given[1], (long)given[2], answer, now.wanted);
    }
    printf("asked %lu, passed %lu, wrong %lu\n", asked, passed, wrong);
}

static void print_end(const char *name, pid_t child) {
    int status;

    if (child < 0 || waitpid(child, &status, 0) != child)
        give_up("a child");
    printf("%s: %s %d\n", name, WIFSIGNALED(status) ? "signal" : "exit",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void be_killed(const char *number) {
    pid_t child = fork();

    if (child == 0) {
        syscall((int)strtoul(number, NULL, 0), 0, 0, 0, 0, 0, 0);
        _exit(0);
    }
    print_end(number, child);
}

static void execute(char *command[]) {
    pid_t child = fork();

    if (child == 0) {
        execv(command[0], command);
        _exit(errno);
    }
    print_end(command[0], child);
}

int main(int count, char *words[]) {
    if (count < 3)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(words[1], "mark") == 0)
        mark(words + 2);
    else if (strcmp(words[1], "ask") == 0)
        ask(words[2]);
    else if (strcmp(words[1], "kill") == 0)
        for (int place = 2; place < count; place++)
            be_killed(words[place]);
    else if (strcmp(words[1], "execute") == 0)
        execute(words + 2);
    else
        return 2;
    return 0;
}
