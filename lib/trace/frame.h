/* frame.h - a block as an index and a zstd frame
 *
 * Units:     bytes.
 * Ownership: the caller's buffers.
 * Errors:    -1 with the text where said.
 * Source:    RFC 8878 (zstd frames and skippable frames); leat-trace(5).
 */
#ifndef TRACE_FRAME_H
#define TRACE_FRAME_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

enum {
	FRAME_SKIPPABLE = 0x184D2A50, /* the magic of our indexes; 0x...51 to 0x...5F are others' */
	FRAME_ZSTD = 0xFD2FB528,
	FRAME_INDEX_BYTES = 56, /* a whole index, its skippable header included */
	FRAME_STATE = 1         /* a flag: the block holds state or ledger records */
};

struct frame_index {
	unsigned flags;
	uint32_t stored, raw; /* bytes of the zstd frame, and of the block in it */
	uint32_t records;
	int64_t t_min, t_max; /* t_min > t_max where no record has a t */
	uint32_t checksum;    /* of the raw block: lower half of its XXH64 */
};

/* Reads an index at p; false where there is none, or it does not verify. n bytes are there. */
bool frame_index_get(const void *p, size_t n, struct frame_index *index);

uint32_t frame_checksum(const void *raw, size_t n);

/* Writes index and frame of a raw block. level 0: raw zstd blocks, else zstd's level. context is kept between calls;
 * *scratch holds what is compressed. Returns the bytes written, or -1 with the text. */
struct frame_codec;
struct frame_codec *frame_codec_new(void);
void frame_codec_free(struct frame_codec *c);
ssize_t frame_write(struct frame_codec *c, int fd, const void *block, struct frame_index *index,
    int level, struct error *e);

/* Unpacks the frame of stored bytes at p into *raw (cleared first), which must become exactly `raw` bytes with the
 * checksum of the index. */
int frame_unpack(struct frame_codec *c, const void *p, const struct frame_index *index,
    struct buf *raw, struct error *e);

/* Frames without an index, piece by piece: takes *used of n bytes at p, appends what they unpack to. Returns 1 when the
 * frame ended, 0 for more, -1. Begin with restart. */
int frame_stream(struct frame_codec *c, bool restart, const void *p, size_t n, size_t *used,
    struct buf *raw, struct error *e);

#endif
