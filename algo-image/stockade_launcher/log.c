/* How much of a log passes: a token bucket for each stream, whole lines, and a notice of what was dropped.
 *
 * Nobody is ever kept waiting: neither the algorithm, whose pipe is always read, nor this process by whoever reads the
 * container's output. Errors get through a flood of the other stream, since their bucket is their own.
 */

#define _GNU_SOURCE

#include "log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    BYTE_NS = SECOND_NS / KEPT_PER_SECOND,
    /* What the runtime writes before each line: a time, the stream, a flag. Empty lines are not for nothing. */
    COST_OF_A_LINE = 64,
    /* Runtimes split longer ones. A line that has begun may come to its end on credit, up to this. */
    LONGEST_LINE = 16 << 10,
    NOTICE = 128,
    /* A pipe holds a mebibyte at most; who writes on after the algorithm's end does so in vain. */
    BLOCKS_AT_THE_END = 32,
};

int64_t read_clock(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* Whether so many bytes may be kept; they are paid for with the time they take at the sustained rate. */
static int pay(struct stream *stream, size_t bytes, int64_t now) {
    int64_t credit = stream->in_line ? KEPT_AT_ONCE + LONGEST_LINE : KEPT_AT_ONCE;
    int64_t until = (stream->paid_until_ns > now ? stream->paid_until_ns : now) + (int64_t)bytes * BYTE_NS;

    if (until > now + credit * BYTE_NS)
        return 0;
    stream->paid_until_ns = until;
    return 1;
}

static void add(struct stream *stream, const char *text, size_t length) {
    memcpy(stream->text + stream->waiting, text, length);
    stream->waiting += length;
}

static void end_line(struct stream *stream) {
    add(stream, "\n", 1);
    stream->in_line = 0;
}

/* Keep or drop a line, or the piece of one that has come. Room for a line's early end and a notice is left. */
static void take_piece(struct stream *stream, const char *piece, size_t length, int ends, int64_t now) {
    size_t room = sizeof stream->text - stream->waiting;
    size_t cost = stream->in_line ? length : length + COST_OF_A_LINE;

    if (!stream->skipping && room > length + NOTICE && pay(stream, cost, now)) {
        add(stream, piece, length);
        stream->in_line = !ends;
        return;
    }
    if (stream->in_line)
        end_line(stream);
    if (stream->dropped == 0)
        stream->tell_ns = now + SECOND_NS;
    stream->dropped += length;
    stream->skipping = !ends;
}

int take_block(struct stream *stream) {
    static char block[BLOCK];
    ssize_t length = read(stream->source, block, sizeof block);
    int64_t now = read_clock();

    if (length == 0)
        stream->source = -1;
    for (ssize_t place = 0, next; place < length; place = next) {
        const char *end = memchr(block + place, '\n', (size_t)(length - place));

        next = end != NULL ? end - block + 1 : length;
        take_piece(stream, block + place, (size_t)(next - place), end != NULL, now);
    }
    return length > 0;
}

int has_to_tell(const struct stream *stream) {
    return stream->dropped > 0 && !stream->in_line && sizeof stream->text - stream->waiting >= NOTICE;
}

void tell(struct stream *stream) {
    char notice[NOTICE];
    int length = snprintf(notice, sizeof notice, "stockade: %llu bytes of log dropped: more than %d KiB a second\n",
                          stream->dropped, KEPT_PER_SECOND >> 10);

    add(stream, notice, (size_t)length);
    stream->dropped = 0;
}

void pass_on(struct stream *stream) {
    struct pollfd sink = {.fd = stream->sink, .events = POLLOUT};
    size_t passed = 0;

    /* A pipe that is ready takes PIPE_BUF without waiting, so no flag has to be set that others would see. */
    while (passed < stream->waiting && poll(&sink, 1, 0) == 1) {
        size_t length = stream->waiting - passed;
        ssize_t written = write(stream->sink, stream->text + passed, length < PIPE_BUF ? length : PIPE_BUF);

        if (written < 0 && errno == EAGAIN)
            break;
        /* After any other error nobody is left to read it. */
        passed = written < 0 ? stream->waiting : passed + (size_t)written;
    }
    stream->waiting -= passed;
    memmove(stream->text, stream->text + passed, stream->waiting);
}

void finish(struct stream *stream, int64_t end_ns) {
    struct pollfd sink = {.fd = stream->sink, .events = POLLOUT};
    int64_t left;

    for (int blocks = 0; blocks < BLOCKS_AT_THE_END && take_block(stream); blocks++)
        pass_on(stream);
    if (stream->dropped > 0 && stream->in_line)
        end_line(stream);
    if (has_to_tell(stream))
        tell(stream);
    while (stream->waiting > 0 && (left = end_ns - read_clock()) > 0 && poll(&sink, 1, (int)(left / 1000000)) == 1)
        pass_on(stream);
}
