/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * goidshim/format.h - the ring file, defined once.
 *
 * A ring is one file, by default /dev/shm/goidshim.<pid>, mode 0600, that the
 * shim (or the BPF sampler) writes and that any number of readers map
 * read-only. It outlives its process. The prose is in goidshim-format(5); this
 * header and that page change in the same commit.
 *
 *	+--------------------+ 0
 *	| goidshim_header    |	who, how, geometry, counters
 *	+--------------------+ lanes_offset
 *	| goidshim_lane []   |	one per producer context; single writer each
 *	+--------------------+ notes_offset
 *	| notes              |	append-only records: modules, messages
 *	+--------------------+ blocks_offset
 *	| goidshim_block []  |	fixed-size blocks of records, claimed by lanes
 *	+--------------------+ blocks_offset + block_count * block_size, or live_offset
 *	| goidshim_live []   |	C memory that is in use (event heap)
 *	+--------------------+ live_offset + live_count * live_size, or inside_offset
 *	| goidshim_inside [] |	waits that have not ended (events lock and block)
 *	+--------------------+ inside_offset + lane_count * inside_size
 *
 * Shapes: little-endian, fixed-width types, no pointers, no bit-fields; every
 * record starts on 8 bytes and its size is a multiple of 8. Units: _ns is
 * nanoseconds of CLOCK_MONOTONIC unless said, sizes and offsets are bytes.
 *
 * Compatibility: within one GOIDSHIM_ABI_VERSION fields are only appended and
 * reserved fields only gain a meaning; header_size, lane_size and the record's
 * own size let an old reader skip what it does not know.
 *
 * Consistency: a producer fills a record and then advances the block's
 * `committed` with a release store. Bytes beyond `committed` mean nothing. A
 * block's `generation` is odd while a lane claims it: a reader copies a block,
 * reads `generation` again, and drops the copy if it changed.
 *
 * Everything in a ring file is untrusted input to a reader.
 */
#ifndef GOIDSHIM_FORMAT_H
#define GOIDSHIM_FORMAT_H

#include <linux/types.h>

#include "goidshim/goid.h"

#define GOIDSHIM_MAGIC 0x4d494853444f4947ull	/* "GOIDSHIM" */
#define GOIDSHIM_ABI_VERSION 1u
#define GOIDSHIM_RECORD_ALIGN 8u
#define GOIDSHIM_MAX_OBJECTS 8u			/* Go runtimes in one process */
#define GOIDSHIM_MAX_STACK 256u			/* frames in one sample */

enum goidshim_source {
	GOIDSHIM_SOURCE_SHIM = 1,	/* libgoidshim.so inside the process */
	GOIDSHIM_SOURCE_KERNEL = 2,	/* the BPF sampler */
};

enum goidshim_state {
	GOIDSHIM_STATE_STARTING = 0,
	GOIDSHIM_STATE_RECORDING = 1,
	GOIDSHIM_STATE_STOPPED = 2,	/* stood down; `trigger_note` says why */
};

/* What raises a sample. */
enum goidshim_trigger {
	GOIDSHIM_TRIGGER_NONE = 0,
	GOIDSHIM_TRIGGER_SIGTRAP = 1,	/* one inherited perf task-clock event, SIGTRAP */
	GOIDSHIM_TRIGGER_PERF = 2,	/* a perf task-clock event per thread, SIGRTMIN */
	GOIDSHIM_TRIGGER_TIMER = 3,	/* a CPU-time timer per thread, SIGRTMIN */
	GOIDSHIM_TRIGGER_BPF = 4,	/* perf cpu-clock with a BPF program */
};

enum goidshim_ring_mode {
	GOIDSHIM_RING_OVERWRITE = 0,	/* the newest records are kept */
	GOIDSHIM_RING_DROP = 1,		/* the oldest records are kept */
};

/* Why a sample that was due is not (or no longer) in the ring. */
enum goidshim_lost {
	GOIDSHIM_LOST_OVERWRITTEN = 0,	/* its block was claimed again (records) */
	GOIDSHIM_LOST_FULL = 1,		/* drop mode and no free block */
	GOIDSHIM_LOST_NO_BLOCK = 2,	/* every block is in use by a lane */
	GOIDSHIM_LOST_NO_LANE = 3,	/* more producers than lanes */
	GOIDSHIM_LOST_FOREIGN_THREAD = 4, /* FS base is not the C library's: no lane can be found */
	GOIDSHIM_LOST_NESTED = 5,	/* the producer was interrupted by itself, or where a record cannot be made */
	GOIDSHIM_LOST_NO_TRIGGER = 6,	/* threads that could not be given a trigger */
	GOIDSHIM_LOST_BUFFER = 7,	/* the BPF sampler's buffer was full: we were late */
	GOIDSHIM_LOST_LIVE = 8,		/* sampled memory that could not be followed to its free */
	GOIDSHIM_LOST_MAX = 16		/* room for more */
};

/* What is recorded: bits of header.events. */
enum goidshim_event {
	GOIDSHIM_EVENT_CPU = 1 << 0,
	GOIDSHIM_EVENT_HEAP = 1 << 1,
	GOIDSHIM_EVENT_LOCK = 1 << 2,
	GOIDSHIM_EVENT_BLOCK = 1 << 3,
	GOIDSHIM_EVENT_WALL = 1 << 4,
};

struct goidshim_object {
	struct goidshim_golayout layout;
	char go_version[32];		/* NUL-terminated; "go1.27.3" */
	__u64 load_bias;		/* run-time address minus ELF address */
	__u32 module;			/* index of its module record */
	__u32 reserved;
};

struct goidshim_header {
	__u64 magic;
	__u32 abi_version;
	__u32 header_size;		/* sizeof(struct goidshim_header) of the writer */
	__u64 file_size;

	__u32 source;			/* enum goidshim_source */
	__u32 state;			/* enum goidshim_state */
	__u32 pid;			/* in the target's own pid namespace */
	__u32 uid;
	__u64 pid_start_ticks;		/* field 22 of /proc/<pid>/stat: with pid, an identity */
	__u8 boot_id[16];		/* of the machine that wrote it; 0 if unknown */
	__u64 start_ns;			/* CLOCK_MONOTONIC when recording began */
	__u64 start_realtime_ns;	/* CLOCK_REALTIME at the same instant */

	__u32 fsbase_method;		/* enum goidshim_fsbase_method in use */
	__u32 trigger;			/* enum goidshim_trigger in use */
	__u32 rate_hz;			/* asked */
	__u32 user_only;		/* 1: CPU time spent in the kernel is not sampled */
	__u64 period_ns;		/* CPU time that one sample period stands for */
	__u32 ring_mode;		/* enum goidshim_ring_mode */
	__u32 object_count;
	char fsbase_note[96];		/* why this method, NUL-terminated */
	char trigger_note[160];		/* why this trigger, NUL-terminated */

	__u64 lanes_offset;
	__u32 lane_size;		/* sizeof(struct goidshim_lane) of the writer */
	__u32 lane_count;
	__u64 notes_offset;
	__u64 notes_size;
	__u64 blocks_offset;
	__u32 block_size;
	__u32 block_count;

	__u32 events;			/* enum goidshim_event, or-ed; 0: cpu alone (an old writer) */
	__u32 live_size;		/* bytes from one live slot to the next */
	__u64 live_offset;		/* live slots; 0: none */
	__u32 live_count;
	__u32 reserved_live;
	__u64 heap_interval;		/* bytes allocated between two samples, on average; 1: all */
	__u64 lock_min_ns;		/* shorter waits are not recorded */
	__u64 block_min_ns;		/* shorter calls are not recorded */
	__u64 wall_period_ns;		/* wall time that one period of event wall stands for */
	__u64 inside_offset;		/* inside slots, one per lane; 0: none */
	__u32 inside_size;		/* bytes from one inside slot to the next */
	__u32 reserved_inside;

	struct goidshim_object objects[GOIDSHIM_MAX_OBJECTS];

	/* From here on fields change while recording; all are atomics. */
	__u64 notes_committed __attribute__((aligned(64)));	/* bytes of notes, release */
	__u64 lost[GOIDSHIM_LOST_MAX];	/* losses of producers that had no lane */
	__u64 lane_free __attribute__((aligned(64)));	/* producers' free list: tag << 32 | index + 1 */
	__u32 lane_used;		/* lanes [0, lane_used) have had an owner */
	__u32 block_limit;		/* blocks that the file system had room for */
	__u64 block_next __attribute__((aligned(64)));	/* blocks claimed so far */
	__u32 blocks_reserved;		/* blocks [0, blocks_reserved) are backed by memory */
	__u32 live_used;		/* live slots [0, live_used) have been used */
};

/* A lane's kinds: one thread may own one of each. */
enum goidshim_lane_kind {
	GOIDSHIM_LANE_SAMPLES = 0,	/* the thread's signal handler */
	GOIDSHIM_LANE_CALLS = 1,	/* the thread's interposed calls */
};

/*
 * One producer context. Only its owner writes it (counters with relaxed
 * stores), so a reader may see one field newer than another.
 */
struct goidshim_lane {
	__u32 owner_tid;		/* 0: free */
	__u32 kind;			/* enum goidshim_lane_kind */
	__u32 block;			/* the block being written, index + 1; 0: none yet */
	__u32 next_free;		/* free list link, index + 1 */
	__u64 owners;			/* threads that have owned this lane */
	__u64 records;			/* records committed */
	__u64 samples;			/* of those, samples */
	__u64 periods;			/* sample periods those samples stand for */
	/*
	 * The achieved rate. At checkpoints (a thread's samples 1, 2, 4, ... 64,
	 * then every 64) the producer reads its own CPU clock; between two
	 * checkpoints of one thread both sums grow. Rate = rate_periods /
	 * rate_cpu_ns. With user_only the clock counts user time only.
	 */
	__u64 rate_cpu_ns;
	__u64 rate_periods;
	__u64 lost[GOIDSHIM_LOST_MAX];
	__u64 checkpoint_cpu_ns;	/* producer's own: clock at the last checkpoint */
	__u64 checkpoint_periods;	/* producer's own: periods since the last checkpoint */
	__u64 owner_samples;		/* producer's own: samples of the present owner */
	__u64 calls;			/* calls recorded or lost by LANE_CALLS owners */
	__u64 wall_samples;		/* records WALL; not among `samples` */
	__u64 wall_periods;		/* periods of wall_period_ns that those stand for */
	__u64 wall_idle_periods;	/* in which the thread served no goroutine: no records */
	__u64 reserved[1];
};

enum goidshim_block_state {
	GOIDSHIM_BLOCK_FREE = 0,
	GOIDSHIM_BLOCK_ACTIVE = 1,	/* a lane writes it */
	GOIDSHIM_BLOCK_FULL = 2,	/* complete; may be claimed again in overwrite mode */
};

/* A block's header; records follow at once. */
struct goidshim_block {
	__u64 generation;		/* odd: being claimed; changes with every claim */
	__u64 sequence;			/* value of block_next that claimed it: order of claims */
	__u32 state;			/* enum goidshim_block_state */
	__u32 lane;			/* index of the lane that writes or wrote it */
	__u32 committed;		/* bytes of records after this header, release */
	__u32 records;			/* records in those bytes */
	__u64 reserved[4];
};

enum goidshim_record_type {
	GOIDSHIM_RECORD_SAMPLE = 1,	/* struct goidshim_sample */
	GOIDSHIM_RECORD_THREAD = 2,	/* struct goidshim_thread */
	GOIDSHIM_RECORD_MODULE = 3,	/* struct goidshim_module (notes) */
	GOIDSHIM_RECORD_MESSAGE = 4,	/* struct goidshim_message (notes) */
	GOIDSHIM_RECORD_ALLOC = 5,	/* struct goidshim_alloc */
	GOIDSHIM_RECORD_LOCK = 6,	/* struct goidshim_wait */
	GOIDSHIM_RECORD_BLOCK = 7,	/* struct goidshim_wait */
	GOIDSHIM_RECORD_WALL = 8,	/* struct goidshim_sample: its periods are wall time, its
					   sequence counts the lane's wall_samples */
};

/* Every record begins with this. A reader skips a type that it does not know. */
struct goidshim_record {
	__u32 size;			/* of the whole record, multiple of 8 */
	__u16 type;			/* enum goidshim_record_type */
	__u16 flags;			/* 0 */
};

/* How a stack ended. */
enum goidshim_stack_end {
	GOIDSHIM_STACK_NONE = 0,	/* no stack was taken */
	GOIDSHIM_STACK_GOEXIT = 1,	/* complete: the goroutine's first function */
	GOIDSHIM_STACK_THREAD = 2,	/* complete: the C thread's first function */
	GOIDSHIM_STACK_SCHED = 3,	/* complete: the scheduler's first function */
	GOIDSHIM_STACK_DEPTH = 4,	/* cut: more frames than asked for */
	GOIDSHIM_STACK_NO_CFI = 5,	/* cut: C without call-frame information */
	GOIDSHIM_STACK_NO_MODULE = 6,	/* cut: a pc outside every known module (JIT) */
	GOIDSHIM_STACK_EXPRESSION = 7,	/* cut: a rule that our tables cannot hold, or a wrong one */
	GOIDSHIM_STACK_FAULT = 8,	/* cut: stack memory could not be read */
	GOIDSHIM_STACK_STUCK = 9,	/* cut: a step that did not move up the stack */
	GOIDSHIM_STACK_NO_FUNCTION = 10, /* cut: Go pc without a function */
	GOIDSHIM_STACK_CROSSING = 11,	/* cut: a Go/C crossing that made no sense */
	GOIDSHIM_STACK_POINTERS = 12,	/* cut: as far as frame pointers led (the BPF sampler) */
	GOIDSHIM_STACK_MAX
};

/*
 * One sample. `stack_depth` frames (pcs, innermost first, __u64 each) follow,
 * then `labels_size` bytes of labels, padded to 8. A label is the size of its
 * key and of its value (__u16 each) and then the bytes of both, without NUL and
 * without padding between labels; a key is never empty.
 *
 * The first frame is an instruction; a caller's is its return address, one past
 * the call. The frames after runtime.asyncPreempt and runtime.sigpanic were
 * interrupted, not calling: their pcs are instructions too. Where a signal
 * interrupted C, the instruction's address + 1 is stored, as if it had called.
 */
struct goidshim_sample {
	struct goidshim_record record;
	__u64 time_ns;
	__u64 sequence;			/* of this lane, from 1; unique with the lane's index */
	__u64 goid;			/* 0 unless goidshim_class_has_goid(class_) */
	__u64 pc;			/* where the thread was interrupted */
	__u64 sp;
	__u64 fs_base;
	__u64 g;			/* TLS g, as read; 0 if it could not be */
	__u64 start_pc;			/* entry of the goroutine's first function; 0 unknown */
	__u64 go_pc;			/* return address of its go statement; 0 unknown */
	__u64 parent_goid;		/* 0 unknown */
	__u64 cgo_call;			/* calls into C that g's m had made; 0 unknown. The same in
					   two samples of a thread: no other call began between */
	__u32 tid;
	__u32 periods;			/* sample periods this sample stands for, >= 1 */
	__u8 class_;			/* enum goidshim_class */
	__u8 reason;			/* enum goidshim_reason */
	__u8 object;			/* index in header.objects; 0xff none */
	__u8 fsbase_method;		/* enum goidshim_fsbase_method */
	__u8 stack_end;			/* enum goidshim_stack_end */
	__u8 stack_gap;			/* why frames are missing between C's and the goroutine's
					   (enum goidshim_stack_end); 0: none are */
	__u16 stack_depth;
	__u32 goroutine_status;		/* g.atomicstatus */
	__u32 labels_size;
};

/* By which kind of call memory was had. */
enum goidshim_alloc_kind {
	GOIDSHIM_ALLOC_MALLOC = 1,
	GOIDSHIM_ALLOC_CALLOC = 2,
	GOIDSHIM_ALLOC_REALLOC = 3,	/* also reallocarray; the old memory was freed */
	GOIDSHIM_ALLOC_ALIGNED = 4,	/* posix_memalign, aligned_alloc, memalign, valloc, pvalloc */
	GOIDSHIM_ALLOC_NEW = 5,		/* C++ operator new that does not come through malloc */
	GOIDSHIM_ALLOC_MAP = 6,		/* anonymous mmap, mremap */
	GOIDSHIM_ALLOC_MAX
};

/*
 * C memory was had. `sample` is the call: its pc is inside the call instruction
 * and so is the first frame, its class and goid say for whom, its sequence
 * counts the lane's calls, periods is 0. Frames follow this struct.
 *
 * An allocation of `size` bytes is recorded with probability
 * 1 - exp(-max(size, 1) / heap_interval), or always when heap_interval is 1: a
 * sum over records in which each counts for the inverse of that is unbiased.
 *
 * A free leaves no record: it takes the allocation out of the live slots.
 */
struct goidshim_alloc {
	struct goidshim_sample sample;
	__u64 address;
	__u64 size;			/* bytes asked for */
	__u32 kind;			/* enum goidshim_alloc_kind */
	__u32 lane;			/* that wrote the record: with its sequence, an identity */
};

/*
 * A recorded allocation that has not been freed: a copy of its record, kept
 * apart from the blocks, which are overwritten. A reader copies a slot between
 * two equal even readings of `generation`.
 */
struct goidshim_live {
	__u64 generation;		/* odd while the slot is being written */
	__u32 state;			/* 1: in use; 0: freed */
	__u32 reserved;
	struct goidshim_alloc alloc;	/* and its frames, to at most live_size */
};

/* What a thread waited for (record LOCK). */
enum goidshim_lock_kind {
	GOIDSHIM_LOCK_MUTEX = 1,
	GOIDSHIM_LOCK_READ = 2,		/* rwlock, to share it */
	GOIDSHIM_LOCK_WRITE = 3,	/* rwlock, to have it alone */
	GOIDSHIM_LOCK_SPIN = 4,
	GOIDSHIM_LOCK_COND = 5,		/* condition variable: nobody holds one */
	GOIDSHIM_LOCK_MAX
};

/*
 * A call that waited at least lock_min_ns (LOCK) or block_min_ns (BLOCK): written
 * once it has its lock, or has come back. `sample` is the call, as in an ALLOC
 * record, with time_ns when it had ended. Frames follow this struct.
 *
 * The holder is who had the lock when the waiter began to sleep; it may have
 * passed through other hands since. holder_tid is the thread that took it,
 * holder_goid the goroutine that it took it for, 0 unless
 * goidshim_class_has_goid(holder_class). Class NONE: not known, for the reason.
 */
struct goidshim_wait {
	struct goidshim_sample sample;
	__u64 start_ns;
	__u64 duration_ns;		/* 0 in an inside slot */
	__u64 address;			/* LOCK: of the lock; BLOCK: the call's first argument */
	__u32 kind;			/* LOCK: enum goidshim_lock_kind; BLOCK: system call number */
	__u32 holder_tid;		/* 0: unknown, or nobody */
	__u64 holder_goid;
	__u64 holder_start_pc;		/* entry of its goroutine's first function; 0 unknown */
	__u8 holder_class;		/* enum goidshim_class */
	__u8 holder_reason;		/* enum goidshim_reason */
	__u8 holder_object;		/* index in header.objects; 0xff none */
	__u8 reserved[5];
};

/*
 * The call that a thread is inside of now, in the slot of its calls' lane: a
 * wait that has not ended and so is in no record yet. A reader copies a slot
 * between two equal even readings of `generation`.
 */
struct goidshim_inside {
	__u64 generation;		/* odd while the slot is being written */
	__u32 state;			/* 1: inside; 0: the call has returned */
	__u32 reserved;
	struct goidshim_wait wait;	/* and its frames, to at most inside_size */
};

/* A thread took a lane. */
struct goidshim_thread {
	struct goidshim_record record;
	__u64 time_ns;
	__u64 fs_base;
	__u32 tid;
	__u32 reserved;
	char name[16];			/* comm, NUL-terminated */
};

/*
 * A file mapped into the process, perhaps in the place of one that was noted
 * before. `path` is NUL-terminated and padded to 8.
 */
struct goidshim_module {
	struct goidshim_record record;
	__u64 time_ns;			/* before it was first seen */
	__u64 load_bias;		/* run-time address minus ELF address */
	__u64 start;			/* lowest mapped address */
	__u64 end;			/* one past the highest */
	__u64 inode;			/* of the file, with `device`; 0 unknown */
	__u64 device;
	__u64 file_size;
	__u64 mtime_ns;
	__u32 index;			/* counts from 0, each once; 0 is the executable */
	__u8 build_id_size;		/* 0: none */
	__u8 reserved[3];
	__u8 build_id[32];
	char path[];
};

/* A line that the shim logged. `text` is NUL-terminated and padded to 8. */
struct goidshim_message {
	struct goidshim_record record;
	__u64 time_ns;
	char text[];
};

_Static_assert(sizeof(struct goidshim_object) == 120, "ring format");
_Static_assert(sizeof(struct goidshim_header) % 64 == 0, "ring format");
_Static_assert(sizeof(struct goidshim_lane) == 256, "ring format");
_Static_assert(sizeof(struct goidshim_block) == 64, "ring format");
_Static_assert(sizeof(struct goidshim_record) == 8, "ring format");
_Static_assert(sizeof(struct goidshim_sample) == 120, "ring format");
_Static_assert(sizeof(struct goidshim_alloc) == 144, "ring format");
_Static_assert(sizeof(struct goidshim_live) == 160, "ring format");
_Static_assert(sizeof(struct goidshim_wait) == 176, "ring format");
_Static_assert(sizeof(struct goidshim_inside) == 192, "ring format");
_Static_assert(sizeof(struct goidshim_thread) == 48, "ring format");
_Static_assert(sizeof(struct goidshim_module) == 112, "ring format");
_Static_assert(sizeof(struct goidshim_message) == 16, "ring format");

#endif
