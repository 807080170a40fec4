/* The relay: the launcher stays as the container's first process, runs the algorithm as a child, and passes its log on.
 *
 * Only this process has the container's output and the termination log. The child has pipes, and no way past them: a
 * process that can't be dumped shows its /proc/1/fd to nobody of its uid, the filter has no call that takes descriptors,
 * and the first process of a container is neither ended nor stopped by signals from within. log.c says what passes.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher.h"
#include "log.h"

enum {
    STREAMS = 2,
    /* One per stream, and one for the last words. */
    PIPES = STREAMS + 1,
    /* As much as the kubelet reads of a termination log. */
    LAST_WORDS_MOST = 4096,
    BURIED_PER_TURN = 64,
};

static struct stream streams[STREAMS];
static volatile pid_t algorithm;
static int wake;

static void wake_up(void) {
    static const uint64_t ONCE = 1;

    (void)!write(wake, &ONCE, sizeof ONCE);
}

static void handle_signal(int number) {
    int before = errno;

    if (number == SIGCHLD)
        wake_up();
    else
        kill(algorithm, number);
    errno = before;
}

static void catch_signals(void) {
    static const int CAUGHT[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = handle_signal, .sa_flags = SA_RESTART | SA_NOCLDSTOP};

    for (size_t place = 0; place < sizeof CAUGHT / sizeof *CAUGHT; place++)
        sigaction(CAUGHT[place], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Bury whoever has ended, as a first process must; 1 when the algorithm was among them. */
static int bury(int *status) {
    for (int buried = 0; buried < BURIED_PER_TURN; buried++) {
        int how;
        pid_t ended = waitpid(-1, &how, WNOHANG);

        if (ended <= 0)
            return 0;
        if (ended == algorithm) {
            *status = how;
            return 1;
        }
    }
    wake_up(); /* There may be more; the log has its turn first. */
    return 0;
}

/* Milliseconds until something has to be told; -1 while there is nothing. */
static int find_pause(int64_t now) {
    int64_t pause = -1;

    for (int place = 0; place < STREAMS; place++)
        if (has_to_tell(&streams[place]) && (pause < 0 || streams[place].tell_ns - now < pause))
            pause = streams[place].tell_ns > now ? streams[place].tell_ns - now : 0;
    return pause < 0 ? -1 : (int)(pause / 1000000) + 1;
}

/* Pass on until the algorithm ends; returns how it did. */
static int relay(void) {
    uint64_t ends;
    int status;

    for (;;) {
        struct pollfd doors[1 + 2 * STREAMS] = {{.fd = wake, .events = POLLIN}};
        int64_t now = read_clock();

        for (int place = 0; place < STREAMS; place++) {
            struct stream *stream = &streams[place];

            if (has_to_tell(stream) && now >= stream->tell_ns)
                tell(stream);
            pass_on(stream);
            doors[1 + place] = (struct pollfd){.fd = stream->source, .events = POLLIN};
            doors[1 + STREAMS + place] = (struct pollfd){.fd = stream->waiting ? stream->sink : -1, .events = POLLOUT};
        }
        if (poll(doors, sizeof doors / sizeof *doors, find_pause(now)) < 0)
            continue; /* A signal, which is passed on already. */
        if (doors[0].revents && read(wake, &ends, sizeof ends) > 0 && bury(&status))
            return status;
        for (int place = 0; place < STREAMS; place++)
            if (doors[1 + place].revents)
                take_block(&streams[place]);
    }
}

static void leave_last_words(int source, int termination_log) {
    char words[LAST_WORDS_MOST];
    ssize_t length = read(source, words, sizeof words);

    if (length > 0)
        (void)!write(termination_log, words, (size_t)length);
}

static void make_pipes(int pipes[PIPES][2]) {
    for (int place = 0; place < PIPES; place++)
        if (pipe2(pipes[place], O_CLOEXEC) != 0 || fcntl(pipes[place][0], F_SETFL, O_NONBLOCK) != 0)
            fail("there is no pipe for the algorithm's log: %s", strerror(errno));
}

/* The child's side of them. */
static void enter_pipes(int pipes[PIPES][2]) {
    /* Outside of a container nothing else ends it together with this process. */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (int place = 0; place < PIPES; place++)
        if (dup2(pipes[place][1], STDOUT_FILENO + place) < 0)
            fail("the algorithm's output could not be set up: %s", strerror(errno));
}

void fork_algorithm(int termination_log) {
    int pipes[PIPES][2], status;
    sigset_t all, before;
    int64_t end;

    /* It comes first, so that no end of a pipe has the number LAST_WORDS. */
    wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake < 0)
        fail("the relay can't be woken: %s", strerror(errno));
    make_pipes(pipes);
    /* A signal waits until there is somebody to pass it on to. */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    algorithm = fork();
    if (algorithm < 0)
        fail("the algorithm's process could not be started: %s", strerror(errno));
    if (algorithm == 0) {
        enter_pipes(pipes);
        sigprocmask(SIG_SETMASK, &before, NULL);
        return;
    }
    catch_signals();
    sigprocmask(SIG_SETMASK, &before, NULL);
    for (int place = 0; place < PIPES; place++)
        close(pipes[place][1]);
    for (int place = 0; place < STREAMS; place++) {
        streams[place].source = pipes[place][0];
        streams[place].sink = STDOUT_FILENO + place;
    }
    status = relay();
    end = read_clock() + SECOND_NS;
    for (int place = 0; place < STREAMS; place++)
        finish(&streams[place], end);
    leave_last_words(pipes[STREAMS][0], termination_log);
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}
