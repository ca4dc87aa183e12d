/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * evidence.h - what the witness and the sampler hand from their kernel side to
 * their user side: map values and events. Compiled by both, so types only,
 * fixed width.
 */
#ifndef BPF_EVIDENCE_H
#define BPF_EVIDENCE_H

#include "goidshim/goid.h"
#include "goidshim/format.h"

/* What one comparison of the shim's reading with the witness's came to. */
enum evidence_verdict {
	EVIDENCE_AGREED = 0,
	EVIDENCE_SHIM_WRONG = 1,	/* nothing below explains it */
	EVIDENCE_STALE_FSBASE = 2,	/* thread.fsbase lags behind a WRFSBASE */
	EVIDENCE_UNREADABLE = 3,	/* the kernel could not read the memory just then */
	EVIDENCE_CHANGED = 4,		/* two readings of ours in one hit differ */
	EVIDENCE_NO_LAYOUT = 5,		/* a sample before any Go object was known to us */
	EVIDENCE_VERDICT_MAX
};

enum evidence_field {
	EVIDENCE_FS_BASE = 0,
	EVIDENCE_G = 1,
	EVIDENCE_GOID = 2,
	EVIDENCE_CLASS = 3,
	EVIDENCE_REASON = 4,
	EVIDENCE_FIELD_MAX
};

/* Whose offsets a reading was made with. */
enum evidence_layout {
	EVIDENCE_LAYOUT_SHIM = 0,	/* the shim's own, from its ring header */
	EVIDENCE_LAYOUT_OWN = 1,	/* derived by us from the process's memory */
	EVIDENCE_LAYOUT_MAX
};

struct evidence_counts {
	/* Each reading once, by the class that the shim says. */
	__u64 classes[GOIDSHIM_CLASS_MAX][EVIDENCE_VERDICT_MAX];
	/* Each field that differs, of the readings that did not agree. */
	__u64 fields[EVIDENCE_FIELD_MAX][EVIDENCE_VERDICT_MAX];
};

/* Where the kernel keeps pointers into a thread's libc TCB. */
enum evidence_tcb {
	EVIDENCE_TCB_ROBUST_LIST = 0,
	EVIDENCE_TCB_CLEAR_TID = 1,
	EVIDENCE_TCB_RSEQ = 2,
	EVIDENCE_TCB_MAX
};

struct evidence_layouts {
	__u32 count;
	__u32 reserved;
	struct goidshim_golayout layouts[GOIDSHIM_MAX_OBJECTS];
};

/* One process under observation. Written by the kernel side only. */
struct evidence_process {
	__u64 mm;			/* the kernel's address space: changes with every exec */
	__u64 tcb_offset[EVIDENCE_TCB_MAX];	/* kernel's pointer minus TCB, calibrated */
	__u32 tcb_calibrated;		/* bit per enum evidence_tcb */
	__u32 reserved;
	__u64 threads;			/* thread probe hits */
	__u64 events_lost;		/* events that found the buffer full */
	__u64 readings_lost;		/* sample probe hits that found no room for their lane */
	struct evidence_layouts published;	/* by the shim, in its ring header */
};

struct evidence_lane_key {
	__u32 tgid;
	__u32 lane;
};

#define EVIDENCE_SCRATCH_WORDS 32

/*
 * One lane of one process: all that a reading of it needs and adds to. A lane has
 * one producer at a time, and that is the thread that runs the probe, so nothing
 * here needs care. Written by the kernel side only.
 */
struct evidence_lane {
	/* A lane counts its samples from 1, so a gap is a hit that we did not get. */
	__u64 first;
	__u64 last;
	__u64 hits;
	__u64 ended;			/* first to last of earlier owners: pids come again */
	__u64 generation;		/* of the layouts, when they were copied to here */
	__u32 whose;			/* enum evidence_layout */
	__u32 reserved;
	struct evidence_layouts layouts;
	struct evidence_counts counts[EVIDENCE_LAYOUT_MAX];
	__u64 scratch[EVIDENCE_SCRATCH_WORDS];	/* the kernel side's own */
};

enum evidence_kind {
	EVIDENCE_EVENT_READING = 1,	/* a comparison */
	EVIDENCE_EVENT_OBJECTS = 2,	/* a process has published Go objects */
};

/* One side's account of a thread. */
struct evidence_account {
	__u64 fs_base;
	__u64 g;
	__u64 goid;
	__u8 class_;
	__u8 reason;
	__u8 reserved[6];
};

struct evidence_event {
	__u32 kind;			/* enum evidence_kind */
	__u32 tgid;
	__u32 tid;
	__u8 verdict;			/* enum evidence_verdict */
	__u8 fields;			/* bit per enum evidence_field that differs */
	__u8 layout;			/* enum evidence_layout */
	__u8 reserved;
	__u64 time_ns;
	__u64 sequence;
	__u32 lane;
	__u32 object_count;
	__u64 pc;
	__u64 sp;
	__u64 tcb;			/* the libc TCB by the kernel's pointers; 0 unknown */
	struct evidence_account shim;
	struct evidence_account witness;
	__u64 m;
	__u64 curg;
};

/* The most frames that the sampler takes. */
#define EVIDENCE_STACK_MAX 64

/* One sample of the sampler; the fields are those of struct goidshim_sample. */
struct evidence_sample {
	__u64 time_ns;
	__u64 goid;
	__u64 pc;
	__u64 sp;
	__u64 fs_base;
	__u64 g;
	__u64 start_pc;
	__u64 go_pc;
	__u64 parent_goid;
	__u32 tid;
	__u32 goroutine_status;
	__u8 class_;
	__u8 reason;
	__u8 object;
	__u8 stack_end;
	__u16 stack_depth;
	__u16 reserved;
	char name[16];			/* the thread's comm */
	__u64 thread_start_ns;		/* tells it from an earlier thread of the same tid */
	__u64 thread_cpu_ns;		/* what it has used, as of the scheduler's last look */
	__u64 stack[EVIDENCE_STACK_MAX];
};

/* What the sampler's kernel side has counted; one of each CPU. */
struct evidence_sampler_counts {
	__u64 samples;
	__u64 kernel_mode;		/* of those, interrupted inside the kernel */
	__u64 lost;			/* samples that found the buffer full */
};

#endif
