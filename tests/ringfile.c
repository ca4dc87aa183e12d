/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/ringfile.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LIVE_FRAMES 32	/* in a live slot */

static __u32 or_default(__u32 value, __u32 otherwise)
{
	return value ? value : otherwise;
}

static void fill_geometry(struct goidshim_header *h, const struct ringfile_shape *shape)
{
	h->header_size = sizeof(*h) + shape->newer_header;
	h->lanes_offset = h->header_size;
	h->lane_size = sizeof(struct goidshim_lane) + shape->newer_lane;
	h->lane_count = or_default(shape->lanes, 4);
	h->notes_offset = h->lanes_offset + (__u64)h->lane_count * h->lane_size;
	h->notes_size = or_default(shape->notes_size, 1024);
	h->blocks_offset = h->notes_offset + h->notes_size;
	h->block_size = or_default(shape->block_size, 1024);
	h->block_count = or_default(shape->blocks, 8);
	h->block_limit = h->block_count;
	h->blocks_reserved = h->block_count;
	h->lane_used = h->lane_count;
	h->file_size = h->blocks_offset + (__u64)h->block_count * h->block_size;
	if (shape->live_slots) {
		h->live_offset = h->file_size;
		h->live_size = sizeof(struct goidshim_live) + LIVE_FRAMES * sizeof(__u64);
		h->live_count = shape->live_slots;
		h->file_size += (__u64)h->live_count * h->live_size;
	}
	if (shape->inside_size) {
		h->inside_offset = h->file_size;
		h->inside_size = shape->inside_size;
		h->file_size += (__u64)h->lane_count * h->inside_size;
	}
}

static void fill_facts(struct goidshim_header *h)
{
	h->magic = GOIDSHIM_MAGIC;
	h->abi_version = GOIDSHIM_ABI_VERSION;
	h->source = GOIDSHIM_SOURCE_SHIM;
	h->state = GOIDSHIM_STATE_RECORDING;
	h->pid = 4242;
	h->pid_start_ticks = 1;
	h->start_ns = 1000000;
	h->start_realtime_ns = 1790000000ull * 1000000000;
	h->fsbase_method = GOIDSHIM_FSBASE_RDFSBASE;
	h->trigger = GOIDSHIM_TRIGGER_TIMER;
	h->rate_hz = 1000;
	h->user_only = 1;
	h->period_ns = 1000000;
	strcpy(h->fsbase_note, "the fastest method works");
	strcpy(h->trigger_note, "perf_event_open is refused (perf_event_paranoid is 3)");
	h->object_count = 1;
	strcpy(h->objects[0].go_version, "go1.22.12");
	h->objects[0].layout = (struct goidshim_golayout){
		.tls_offset = -8,
		.go_minor = 22,
		.fields_proved = 17,
		.g_goid = 152,
	};
}

void ringfile_open(struct ringfile *ret, const struct ringfile_shape *shape)
{
	struct goidshim_header h = { 0 };

	fill_geometry(&h, shape);
	fill_facts(&h);
	ret->size = h.file_size;
	ret->fd = memfd_create("ringfile", MFD_CLOEXEC);
	if (ret->fd < 0 || ftruncate(ret->fd, (off_t)ret->size) < 0)
		err(99, "ringfile: memfd");
	ret->bytes = mmap(NULL, ret->size, PROT_READ | PROT_WRITE, MAP_SHARED, ret->fd, 0);
	if (ret->bytes == MAP_FAILED)
		err(99, "ringfile: mmap");
	snprintf(ret->path, sizeof(ret->path), "/proc/self/fd/%d", ret->fd);
	memcpy(ret->bytes, &h, sizeof(h));
}

void ringfile_close(struct ringfile *ring)
{
	munmap(ring->bytes, ring->size);
	close(ring->fd);
}

struct goidshim_header *ringfile_header(const struct ringfile *ring)
{
	return (struct goidshim_header *)ring->bytes;
}

struct goidshim_lane *ringfile_lane(const struct ringfile *ring, __u32 lane)
{
	const struct goidshim_header *h = ringfile_header(ring);

	return (struct goidshim_lane *)(ring->bytes + h->lanes_offset +
					(__u64)lane * h->lane_size);
}

struct goidshim_block *ringfile_block(const struct ringfile *ring, __u32 block)
{
	const struct goidshim_header *h = ringfile_header(ring);

	return (struct goidshim_block *)(ring->bytes + h->blocks_offset +
					 (__u64)block * h->block_size);
}

void ringfile_claim(const struct ringfile *ring, __u32 block, __u32 lane)
{
	struct goidshim_block *b = ringfile_block(ring, block);
	struct goidshim_lane *l = ringfile_lane(ring, lane);

	l->lost[GOIDSHIM_LOST_OVERWRITTEN] += b->records;
	if (l->block)
		ringfile_block(ring, l->block - 1)->state = GOIDSHIM_BLOCK_FULL;
	l->block = block + 1;
	b->generation += 2;
	b->sequence = ringfile_header(ring)->block_next++;
	b->state = GOIDSHIM_BLOCK_ACTIVE;
	b->lane = lane;
	b->committed = 0;
	b->records = 0;
}

void *ringfile_add(const struct ringfile *ring, __u32 block, const void *record)
{
	const struct goidshim_record *r = record;
	struct goidshim_block *b = ringfile_block(ring, block);
	struct goidshim_lane *l = ringfile_lane(ring, b->lane);
	unsigned char *to = (unsigned char *)(b + 1) + b->committed;

	if (b->committed + r->size > ringfile_header(ring)->block_size - sizeof(*b))
		errx(99, "ringfile: block %u is full", block);
	memcpy(to, record, r->size);
	b->committed += r->size;
	b->records++;
	l->records++;
	return to;
}

void *ringfile_note(const struct ringfile *ring, const void *record)
{
	const struct goidshim_record *r = record;
	struct goidshim_header *h = ringfile_header(ring);
	unsigned char *to = ring->bytes + h->notes_offset + h->notes_committed;

	if (h->notes_committed + r->size > h->notes_size)
		errx(99, "ringfile: the notes are full");
	memcpy(to, record, r->size);
	h->notes_committed += r->size;
	return to;
}

union sampled {
	struct goidshim_sample sample;
	struct goidshim_wait wait;
	__u64 words[sizeof(struct goidshim_wait) / 8 + GOIDSHIM_MAX_STACK];
};

/* A record that begins with a sample and is `fixed` bytes long without its frames. */
static union sampled make_sampled(const struct ringfile *ring, __u32 lane, __u16 type,
				  size_t fixed, __u64 time_ns, __u64 goid, __u16 depth)
{
	union sampled r = { .sample = {
			.record = { .size = (__u32)(fixed + depth * sizeof(__u64)), .type = type },
			.time_ns = time_ns,
			.sequence = ++ringfile_lane(ring, lane)->samples,
			.goid = goid,
			.pc = 0x401000,
			.sp = 0xc000001000,
			.fs_base = 0x7f0000001000,
			.g = goid ? 0xc000000000 : 0,
			.start_pc = goid ? 0x402000 + goid : 0,
			.go_pc = goid ? 0x403000 : 0,
			.parent_goid = goid > 1,
			.tid = 4242 + lane,
			.periods = fixed == sizeof(r.sample),
			.class_ = goid ? GOIDSHIM_CLASS_GO : GOIDSHIM_CLASS_C_THREAD,
			.reason = goid ? GOIDSHIM_REASON_OK : GOIDSHIM_REASON_G_ZERO,
			.object = 0,
			.fsbase_method = GOIDSHIM_FSBASE_RDFSBASE,
			.stack_end = depth ? GOIDSHIM_STACK_GOEXIT : GOIDSHIM_STACK_NONE,
			.stack_depth = depth,
			.goroutine_status = 2,
		} };

	for (unsigned i = 0; i < depth; i++)
		r.words[fixed / 8 + i] = 0x401000 + i;
	return r;
}

static void *add_sampled(const struct ringfile *ring, __u32 block, __u16 type, size_t fixed,
			 __u64 time_ns, __u64 goid, __u16 depth)
{
	union sampled r = make_sampled(ring, ringfile_block(ring, block)->lane, type, fixed,
				       time_ns, goid, depth);

	return ringfile_add(ring, block, &r);
}

struct goidshim_inside *ringfile_inside(const struct ringfile *ring, __u32 lane, __u64 start_ns,
					__u64 goid, __u16 depth)
{
	const struct goidshim_header *h = ringfile_header(ring);
	union sampled r = make_sampled(ring, lane, GOIDSHIM_RECORD_BLOCK, sizeof(r.wait), start_ns,
				       goid, depth);
	struct goidshim_inside *slot = (struct goidshim_inside *)
		(ring->bytes + h->inside_offset + (__u64)lane * h->inside_size);

	if (sizeof(*slot) + depth * sizeof(__u64) > h->inside_size)
		errx(99, "ringfile: an inside slot is too small");
	r.wait.start_ns = start_ns;
	r.wait.holder_object = 0xff;
	slot->generation += 2;
	slot->state = 1;
	memcpy(&slot->wait, &r, r.sample.record.size);
	ringfile_lane(ring, lane)->owner_tid = r.sample.tid;
	return slot;
}

struct goidshim_sample *ringfile_sample(const struct ringfile *ring, __u32 block, __u64 time_ns,
					__u64 goid, __u16 depth)
{
	struct goidshim_lane *l = ringfile_lane(ring, ringfile_block(ring, block)->lane);

	l->periods++;
	l->rate_cpu_ns += ringfile_header(ring)->period_ns;
	l->rate_periods++;
	return add_sampled(ring, block, GOIDSHIM_RECORD_SAMPLE, sizeof(struct goidshim_sample),
			   time_ns, goid, depth);
}

struct goidshim_sample *ringfile_wall(const struct ringfile *ring, __u32 block, __u64 time_ns,
				      __u64 goid, __u16 depth)
{
	return add_sampled(ring, block, GOIDSHIM_RECORD_WALL, sizeof(struct goidshim_sample),
			   time_ns, goid, depth);
}

struct goidshim_alloc *ringfile_alloc(const struct ringfile *ring, __u32 block, __u64 time_ns,
				      __u64 goid, __u16 depth)
{
	struct goidshim_alloc *a = add_sampled(ring, block, GOIDSHIM_RECORD_ALLOC, sizeof(*a),
					       time_ns, goid, depth);

	a->address = 0x7f0000002000 + a->sample.sequence * 4096;
	a->size = 4096;
	a->kind = GOIDSHIM_ALLOC_MALLOC;
	a->lane = ringfile_block(ring, block)->lane;
	return a;
}

struct goidshim_live *ringfile_live(const struct ringfile *ring, const struct goidshim_alloc *alloc)
{
	struct goidshim_header *h = ringfile_header(ring);
	struct goidshim_live *live;

	if (h->live_used == h->live_count ||
	    alloc->sample.record.size > h->live_size - offsetof(struct goidshim_live, alloc))
		errx(99, "ringfile: the live slots are full");
	live = (void *)(ring->bytes + h->live_offset + (__u64)h->live_used++ * h->live_size);
	live->generation = 2;
	live->state = 1;
	memcpy(&live->alloc, alloc, alloc->sample.record.size);
	return live;
}

static struct goidshim_wait *add_wait(const struct ringfile *ring, __u32 block, __u16 type,
				      __u64 time_ns, __u64 duration_ns, __u64 goid, __u16 depth)
{
	struct goidshim_wait *w = add_sampled(ring, block, type, sizeof(*w), time_ns, goid, depth);

	w->start_ns = time_ns - duration_ns;
	w->duration_ns = duration_ns;
	w->holder_object = 0xff;
	return w;
}

struct goidshim_wait *ringfile_lock(const struct ringfile *ring, __u32 block, __u64 time_ns,
				    __u64 duration_ns, __u64 goid, __u16 depth)
{
	struct goidshim_wait *w = add_wait(ring, block, GOIDSHIM_RECORD_LOCK, time_ns, duration_ns,
					   goid, depth);

	w->address = 0x7f0000003000;
	w->kind = GOIDSHIM_LOCK_MUTEX;
	return w;
}

struct goidshim_wait *ringfile_block_call(const struct ringfile *ring, __u32 block, __u64 time_ns,
					  __u64 duration_ns, __u64 goid, __u16 depth)
{
	struct goidshim_wait *w = add_wait(ring, block, GOIDSHIM_RECORD_BLOCK, time_ns,
					   duration_ns, goid, depth);

	w->address = 3;
	w->kind = SYS_read;
	return w;
}

struct goidshim_thread *ringfile_thread(const struct ringfile *ring, __u32 block, __u64 time_ns,
					const char *name)
{
	struct goidshim_thread thread = {
		.record = { .size = sizeof(thread), .type = GOIDSHIM_RECORD_THREAD },
		.time_ns = time_ns,
		.tid = 4242 + ringfile_block(ring, block)->lane,
	};

	strncpy(thread.name, name, sizeof(thread.name) - 1);
	ringfile_lane(ring, ringfile_block(ring, block)->lane)->owners++;
	return ringfile_add(ring, block, &thread);
}

/* A struct that ends in a text: copies both into one record. */
static void *note_with_text(const struct ringfile *ring, struct goidshim_record *record,
			    size_t struct_size, const char *text)
{
	size_t size = (struct_size + strlen(text) + 1 + 7) & ~(size_t)7;
	unsigned char *whole = calloc(1, size);
	void *ret;

	if (!whole)
		err(99, "ringfile");
	record->size = (__u32)size;
	memcpy(whole, record, struct_size);
	strcpy((char *)whole + struct_size, text);
	ret = ringfile_note(ring, whole);
	free(whole);
	return ret;
}

struct goidshim_module *ringfile_module(const struct ringfile *ring, __u32 index,
					const char *path, __u64 start, __u64 end)
{
	struct goidshim_module module = {
		.record = { .type = GOIDSHIM_RECORD_MODULE },
		.time_ns = 1,
		.start = start,
		.end = end,
		.index = index,
	};

	return note_with_text(ring, &module.record, sizeof(module), path);
}

struct goidshim_message *ringfile_message(const struct ringfile *ring, const char *text)
{
	struct goidshim_message message = {
		.record = { .type = GOIDSHIM_RECORD_MESSAGE },
		.time_ns = 2,
	};

	return note_with_text(ring, &message.record, sizeof(message), text);
}

static void fill_classes(const struct ringfile *ring, __u32 block)
{
	static const struct {
		__u8 class_, reason;
	} rows[] = {
		{ GOIDSHIM_CLASS_SCHED, GOIDSHIM_REASON_NO_CURG },
		{ GOIDSHIM_CLASS_IDLE, GOIDSHIM_REASON_NO_CURG },
		{ GOIDSHIM_CLASS_C_THREAD, GOIDSHIM_REASON_G_ZERO },
		{ GOIDSHIM_CLASS_EXTRA_M, GOIDSHIM_REASON_PARKED_EXTRA_M },
		{ GOIDSHIM_CLASS_EXITING, GOIDSHIM_REASON_DEAD },
		{ GOIDSHIM_CLASS_SIGNAL, GOIDSHIM_REASON_GSIGNAL },
		{ GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_M_FAULT },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct goidshim_sample *s = ringfile_sample(ring, block, 3000000 + i, 0, 0);

		s->class_ = rows[i].class_;
		s->reason = rows[i].reason;
	}
}

static void fill_goroutines(const struct ringfile *ring, __u32 block)
{
	const struct goidshim_record newer = { .size = sizeof(newer), .type = 200 };

	ringfile_thread(ring, block, 1900000, "worker");
	ringfile_sample(ring, block, 2000000, 1, 0);
	ringfile_sample(ring, block, 2000002, 7, 3);
	ringfile_add(ring, block, &newer);
	ringfile_sample(ring, block, 2000004, 7, 0)->class_ = GOIDSHIM_CLASS_C;
	ringfile_sample(ring, block, 2000006, 7, 0)->class_ = GOIDSHIM_CLASS_RUNTIME;
}

void ringfile_fill(const struct ringfile *ring)
{
	ringfile_module(ring, 0, "/opt/app/server", 0x400000, 0x500000);
	ringfile_module(ring, 1, "/usr/lib/libc.so.6", 0x7f0000000000, 0x7f0000100000);
	ringfile_message(ring, "recording");
	ringfile_claim(ring, 0, 2);
	ringfile_sample(ring, 0, 1500000, 9, 0);	/* overwritten below */
	ringfile_claim(ring, 1, 0);
	fill_goroutines(ring, 1);
	ringfile_claim(ring, 0, 1);
	fill_classes(ring, 0);
	ringfile_claim(ring, 2, 2);
	ringfile_sample(ring, 2, 2000003, 9, 0)->periods = 3;
	ringfile_claim(ring, 3, 3);
	ringfile_sample(ring, 3, 2000005, 11, 0);
	ringfile_block(ring, 3)->generation |= 1;	/* being claimed by lane 3 */
	ringfile_header(ring)->lost[GOIDSHIM_LOST_NO_LANE] = 2;
	ringfile_lane(ring, 1)->lost[GOIDSHIM_LOST_NESTED] = 5;
}

void ringfile_fill_events(const struct ringfile *ring, __u32 block)
{
	struct goidshim_header *h = ringfile_header(ring);
	struct goidshim_wait *lock;

	h->events = GOIDSHIM_EVENT_CPU | GOIDSHIM_EVENT_HEAP | GOIDSHIM_EVENT_LOCK |
		    GOIDSHIM_EVENT_BLOCK | GOIDSHIM_EVENT_WALL;
	h->heap_interval = 1;
	h->lock_min_ns = 10000;
	h->block_min_ns = 1000000;
	h->wall_period_ns = 10000000;
	ringfile_claim(ring, block, 0);
	ringfile_live(ring, ringfile_alloc(ring, block, 3000000, 7, 2));
	ringfile_sample(ring, block, 4800000, 8, 1);	/* what holds the lock */
	lock = ringfile_lock(ring, block, 5000000, 700000, 7, 2);
	lock->kind = GOIDSHIM_LOCK_WRITE;
	lock->holder_tid = 99;
	lock->holder_goid = 8;
	lock->holder_class = GOIDSHIM_CLASS_C;
	lock->holder_object = 0;
	lock->holder_start_pc = 0x402008;
	ringfile_block_call(ring, block, 6000000, 1800000, 8, 2);
	ringfile_inside(ring, 0, 6500000, 8, 2);
	ringfile_wall(ring, block, 7000000, 9, 2);
}

void ringfile_save(const struct ringfile *ring, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, ring->bytes, ring->size) != (ssize_t)ring->size || close(fd) < 0)
		err(99, "ringfile: %s", path);
}
