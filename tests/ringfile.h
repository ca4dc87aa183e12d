/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring written by hand: what the tests of the readers read. It is a memfd that
 * stays mapped, so a test can change it under a reader as a live producer does,
 * or as an attacker would. Built on format.h alone, not on the shim.
 *
 * Every function ends the test program when the system refuses it something.
 */
#ifndef TESTS_RINGFILE_H
#define TESTS_RINGFILE_H

#include <stddef.h>

#include "goidshim/format.h"

struct ringfile {
	int fd;
	size_t size;
	unsigned char *bytes;		/* the file, mapped shared */
	char path[32];			/* to open it by, in this process */
};

/* Geometry; 0 takes the default. */
struct ringfile_shape {
	__u32 lanes;			/* 4 */
	__u32 blocks;			/* 8 */
	__u32 block_size;		/* 1024 */
	__u32 notes_size;		/* 1024 */
	__u32 inside_size;		/* 0: no inside slots */
	__u32 live_slots;		/* 0 */
	__u32 newer_header;		/* bytes of header that this version does not know */
	__u32 newer_lane;		/* bytes of each lane likewise */
};

/* A ring of a Go 1.22 program, pid 4242, 1000 Hz, with no records. */
void ringfile_open(struct ringfile *ret, const struct ringfile_shape *shape);
void ringfile_close(struct ringfile *ring);

struct goidshim_header *ringfile_header(const struct ringfile *ring);
struct goidshim_lane *ringfile_lane(const struct ringfile *ring, __u32 lane);
struct goidshim_block *ringfile_block(const struct ringfile *ring, __u32 block);

/* A lane claims a block, as the producer does: its old records are gone. */
void ringfile_claim(const struct ringfile *ring, __u32 block, __u32 lane);

/*
 * Appends a record to a claimed block, or to the notes; counts it in the lane.
 * Returns the copy in the ring.
 */
void *ringfile_add(const struct ringfile *ring, __u32 block, const void *record);
void *ringfile_note(const struct ringfile *ring, const void *record);

/* A sample of class GO, or of C_THREAD for goid 0, with `depth` made-up frames. */
struct goidshim_sample *ringfile_sample(const struct ringfile *ring, __u32 block, __u64 time_ns,
					__u64 goid, __u16 depth);
/* The same as a sample of wall time, and as an allocation of 4 KiB by malloc. */
struct goidshim_sample *ringfile_wall(const struct ringfile *ring, __u32 block, __u64 time_ns,
				      __u64 goid, __u16 depth);
struct goidshim_alloc *ringfile_alloc(const struct ringfile *ring, __u32 block, __u64 time_ns,
				      __u64 goid, __u16 depth);

/* An allocation is in use: a copy of its record goes to the next live slot. */
struct goidshim_live *ringfile_live(const struct ringfile *ring,
				    const struct goidshim_alloc *alloc);

/* A wait that ended at `time_ns`: for a mutex that nobody is known to have held; in read(3). */
struct goidshim_wait *ringfile_lock(const struct ringfile *ring, __u32 block, __u64 time_ns,
				    __u64 duration_ns, __u64 goid, __u16 depth);
struct goidshim_wait *ringfile_block_call(const struct ringfile *ring, __u32 block, __u64 time_ns,
					  __u64 duration_ns, __u64 goid, __u16 depth);
struct goidshim_thread *ringfile_thread(const struct ringfile *ring, __u32 block, __u64 time_ns,
					const char *name);
struct goidshim_module *ringfile_module(const struct ringfile *ring, __u32 index,
					const char *path, __u64 start, __u64 end);
struct goidshim_message *ringfile_message(const struct ringfile *ring, const char *text);

/* A thread's lane and its inside slot: since `start_ns` in system call 0, with `depth` frames. */
struct goidshim_inside *ringfile_inside(const struct ringfile *ring, __u32 lane, __u64 start_ns,
					__u64 goid, __u16 depth);

/*
 * One of everything: three lanes, samples of every class and reason, stacks,
 * threads, modules, messages, losses, a block overwritten, one being claimed, a
 * record type that this version does not know.
 */
void ringfile_fill(const struct ringfile *ring);

/*
 * One of each record and slot of the events heap, lock, block and wall, in blocks
 * from `block` on, of lane 0; for a shape that has the slots.
 */
void ringfile_fill_events(const struct ringfile *ring, __u32 block);

/* Writes the file's bytes to `path`. */
void ringfile_save(const struct ringfile *ring, const char *path);

#endif
