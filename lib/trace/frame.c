#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <zstd.h>

#include "base/hash.h"
#include "base/io.h"
#include "trace/frame.h"

/* An index: skippable magic, size; at 8 "leat", version, flags, 2 zero bytes; at 16 a checksum of what follows; at 20
 * stored, raw, records, checksum of the block, 4 zero bytes, t_min, t_max. */
enum { VERSION = 1, RAW_BLOCK_MAX = 128 << 10, RAW_HEADER = 9, IOV_MAX_BLOCKS = 500 };

struct frame_codec {
	ZSTD_CCtx *c;
	ZSTD_DCtx *d;
	struct buf packed;
};

uint32_t
frame_checksum(const void *raw, size_t n)
{
	return (uint32_t)hash_xxh64(raw, n, 0);
}

bool
frame_index_get(const void *p, size_t n, struct frame_index *index)
{
	const char *b = p;

	if (n < FRAME_INDEX_BYTES || load32(b) != FRAME_SKIPPABLE ||
	    load32(b + 4) != FRAME_INDEX_BYTES - 8 || memcmp(b + 8, "leat", 4) != 0 ||
	    b[12] != VERSION || load32(b + 16) != frame_checksum(b + 20, FRAME_INDEX_BYTES - 20))
		return false;
	*index = (struct frame_index){ .flags = (unsigned char)b[13],
		.stored = load32(b + 20),
		.raw = load32(b + 24),
		.records = load32(b + 28),
		.checksum = load32(b + 32),
		.t_min = (int64_t)load64(b + 40),
		.t_max = (int64_t)load64(b + 48) };
	return true;
}

static void
index_put(char *b, const struct frame_index *index)
{
	memset(b, 0, FRAME_INDEX_BYTES);
	store32(b, FRAME_SKIPPABLE);
	store32(b + 4, FRAME_INDEX_BYTES - 8);
	memcpy(b + 8, "leat", 4);
	b[12] = VERSION;
	b[13] = (char)index->flags;
	store32(b + 20, index->stored);
	store32(b + 24, index->raw);
	store32(b + 28, index->records);
	store32(b + 32, index->checksum);
	store64(b + 40, (uint64_t)index->t_min);
	store64(b + 48, (uint64_t)index->t_max);
	store32(b + 16, frame_checksum(b + 20, FRAME_INDEX_BYTES - 20));
}

struct frame_codec *
frame_codec_new(void)
{
	return xcalloc(1, sizeof(struct frame_codec));
}

void
frame_codec_free(struct frame_codec *c)
{
	ZSTD_freeCCtx(c->c);
	ZSTD_freeDCtx(c->d);
	buf_free(&c->packed);
	free(c);
}

static int
write_vector(int fd, struct iovec *v, int n)
{
	while (n > 0) {
		ssize_t r = writev(fd, v, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		for (; n > 0 && (size_t)r >= v->iov_len; v++, n--)
			r -= (ssize_t)v->iov_len;
		if (n > 0) {
			v->iov_base = (char *)v->iov_base + r;
			v->iov_len -= (size_t)r;
		}
	}
	return 0;
}

/* The zstd frame of raw blocks: magic, descriptor (single segment, content size of 4 bytes), size; then blocks of at
 * most 128 KiB behind 3 bytes each: last, type 0, size. */
static int
write_raw(int fd, const char *block, struct frame_index *index)
{
	size_t blocks = index->raw ? (index->raw + RAW_BLOCK_MAX - 1) / RAW_BLOCK_MAX : 1,
	       left = index->raw;
	struct iovec *v = xmalloc((1 + 2 * blocks) * sizeof *v);
	char head[FRAME_INDEX_BYTES + RAW_HEADER], *block_head = xmalloc(3 * blocks + 1);
	int result;

	index->stored = (uint32_t)(RAW_HEADER + 3 * blocks + index->raw);
	index_put(head, index);
	store32(head + FRAME_INDEX_BYTES, FRAME_ZSTD);
	head[FRAME_INDEX_BYTES + 4] = (char)0xa0;
	store32(head + FRAME_INDEX_BYTES + 5, index->raw);
	v[0] = (struct iovec){ head, sizeof head };
	for (size_t i = 0; i < blocks; i++) {
		size_t n = left < RAW_BLOCK_MAX ? left : RAW_BLOCK_MAX;
		uint32_t word = (uint32_t)(n << 3 | (i + 1 == blocks));

		memcpy(block_head + 3 * i, &word, 3);
		v[1 + 2 * i] = (struct iovec){ block_head + 3 * i, 3 };
		v[2 + 2 * i] = (struct iovec){ (char *)block + i * RAW_BLOCK_MAX, n };
		left -= n;
	}
	result = 0;
	for (size_t from = 0; from < 1 + 2 * blocks && result == 0; from += IOV_MAX_BLOCKS) {
		size_t n = 1 + 2 * blocks - from;

		result = write_vector(fd, v + from, (int)(n < IOV_MAX_BLOCKS ? n : IOV_MAX_BLOCKS));
	}
	free(v);
	free(block_head);
	return result;
}

static int
write_packed(struct frame_codec *c, int fd, const void *block, struct frame_index *index, int level)
{
	size_t room = ZSTD_compressBound(index->raw), n;

	if (c->c == NULL && (c->c = ZSTD_createCCtx()) == NULL)
		return -1;
	c->packed.n = 0;
	buf_room(&c->packed, room + FRAME_INDEX_BYTES);
	n = ZSTD_compressCCtx(
	    c->c, c->packed.p + FRAME_INDEX_BYTES, room, block, index->raw, level);
	if (ZSTD_isError(n)) {
		errno = ENOMEM;
		return -1;
	}
	index->stored = (uint32_t)n;
	index_put(c->packed.p, index);
	return io_write(fd, c->packed.p, FRAME_INDEX_BYTES + n);
}

ssize_t
frame_write(struct frame_codec *c, int fd, const void *block, struct frame_index *index, int level,
    struct error *e)
{
	int r;

	index->checksum = frame_checksum(block, index->raw);
	r = level == 0 ? write_raw(fd, block, index) : write_packed(c, fd, block, index, level);
	if (r < 0)
		return error_set(e, "%s", strerror(errno));
	return FRAME_INDEX_BYTES + (ssize_t)index->stored;
}

/* A frame as write_raw() makes it needs no decompressor: its blocks are put together. */
static bool
unpack_raw(const char *p, const struct frame_index *index, struct buf *raw)
{
	const char *end = p + index->stored;

	if (index->stored < RAW_HEADER + 3 || load32(p) != FRAME_ZSTD ||
	    (unsigned char)p[4] != 0xa0 || load32(p + 5) != index->raw)
		return false;
	for (p += RAW_HEADER; end - p >= 3;) {
		uint32_t word = 0;
		size_t n;

		memcpy(&word, p, 3);
		n = word >> 3;
		if ((word >> 1 & 3) != 0 || n > (size_t)(end - p - 3) || n > index->raw - raw->n)
			break;
		buf_put(raw, p + 3, n);
		p += 3 + n;
		if (word & 1)
			return p == end && raw->n == index->raw;
	}
	raw->n = 0;
	return false;
}

int
frame_unpack(struct frame_codec *c, const void *p, const struct frame_index *index, struct buf *raw,
    struct error *e)
{
	size_t n;

	raw->n = 0;
	buf_room(raw, index->raw + 1);
	if (!unpack_raw(p, index, raw)) {
		if (c->d == NULL)
			c->d = ZSTD_createDCtx();
		n = ZSTD_decompressDCtx(c->d, raw->p, index->raw, p, index->stored);
		if (ZSTD_isError(n))
			return error_set(e, "the frame does not unpack: %s", ZSTD_getErrorName(n));
		raw->n = n;
	}
	if (raw->n != index->raw || frame_checksum(raw->p, raw->n) != index->checksum)
		return error_set(e, "the checksum of the frame is wrong");
	return 0;
}

int
frame_stream(struct frame_codec *c, bool restart, const void *p, size_t n, size_t *used,
    struct buf *raw, struct error *e)
{
	ZSTD_inBuffer in = { p, n, 0 };
	size_t r = 1;

	if (c->d == NULL)
		c->d = ZSTD_createDCtx();
	if (restart)
		ZSTD_DCtx_reset(c->d, ZSTD_reset_session_only);
	do {
		size_t room = ZSTD_DStreamOutSize();
		ZSTD_outBuffer out = { buf_room(raw, room), room, 0 };

		r = ZSTD_decompressStream(c->d, &out, &in);
		raw->n += out.pos;
		if (ZSTD_isError(r)) {
			*used = in.pos;
			return error_set(e, "the frame does not unpack: %s", ZSTD_getErrorName(r));
		}
		if (out.pos < out.size && in.pos == in.size)
			break;
	} while (r != 0);
	*used = in.pos;
	return r == 0;
}
