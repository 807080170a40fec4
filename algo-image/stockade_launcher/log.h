/* What log.c and relay.c share: one stream of the algorithm's log on its way from its pipe to the container's output. */

#ifndef STOCKADE_LOG_H
#define STOCKADE_LOG_H

#include <stddef.h>
#include <stdint.h>

enum {
    /* Decision 23 says why these. */
    KEPT_PER_SECOND = 64 << 10,
    KEPT_AT_ONCE = 1 << 20,
    BLOCK = 64 << 10,
    SECOND_NS = 1000000000,
};

struct stream {
    int source, sink; /* The pipe's end, -1 once nobody can write into it any more; the container's output. */
    int in_line;      /* What was passed on ends within a line. */
    int skipping;     /* The beginning of a line was dropped, so its rest is. */
    int64_t paid_until_ns;
    unsigned long long dropped;
    int64_t tell_ns; /* When that is to be told. */
    size_t waiting;
    char text[KEPT_AT_ONCE + BLOCK];
};

int64_t read_clock(void);
int take_block(struct stream *stream); /* reads what has come; 0 when that is nothing */
void pass_on(struct stream *stream);   /* writes as much as is taken at once */
int has_to_tell(const struct stream *stream);
void tell(struct stream *stream);
void finish(struct stream *stream, int64_t end_ns); /* passes on what is left, until then at most */

#endif
