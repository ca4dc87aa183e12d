/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The samples of a ring, added up by where and for whom: each different stack
 * once, and each different pair of a stack and its owner (goroutine, thread,
 * labels, what it waited for) with how often it was seen. What all profile formats are made from.
 * Signal-safe: no.
 */
#ifndef TOOLS_STACKS_H
#define TOOLS_STACKS_H

#include "goidshim/format.h"
#include "tools/tables/hashindex.h"

struct stack {
	size_t first;		/* in `pcs` */
	uint16_t depth;		/* at least 1 */
	uint8_t end;		/* enum goidshim_stack_end */
	uint8_t gap;		/* the same; 0: no frames are missing inside */
	uint32_t era;		/* see symbolizer_era */
};

/* Go labels, as packed in the ring. */
struct stacks_labels {
	size_t first;		/* in `label_bytes` */
	uint32_t size;
};

/* What a LOCK or a BLOCK record waited for. */
struct stacks_wait {
	uint64_t address;	/* of the lock; 0: it waited in the kernel */
	uint64_t holder_goid;	/* 0: none, or unknown */
	uint64_t holder_start_pc;
	uint32_t holder_tid;	/* 0: nobody is known to have held it */
	uint32_t kind;		/* enum goidshim_lock_kind, or the system call's number */
	uint8_t holder_class;	/* enum goidshim_class */
	uint8_t holder_reason;
	uint8_t holder_object;
	uint8_t zero[5];
};

/* Samples that have all of this in common. */
struct series {
	uint64_t goid;		/* 0: none */
	uint64_t start_pc;	/* entry of the goroutine's first function; 0 unknown */
	uint32_t labels;	/* 0: none */
	uint32_t tid;
	uint32_t wait;		/* 0: none */
	uint8_t object;
	uint8_t class_;		/* enum goidshim_class */
	uint8_t reason;		/* enum goidshim_reason */
	uint8_t zero;
	uint32_t stack;
	uint64_t samples;
	uint64_t weight;	/* of all of them */
};

struct stacks_late;

struct stacks {
	__u64 *pcs;		/* innermost first, as in the ring */
	size_t pc_count;
	size_t pc_room;
	struct stack *stacks;
	size_t count;
	size_t room;
	struct hashindex index;
	char *label_bytes;
	size_t label_size;
	size_t label_room;
	struct stacks_labels *labels;
	size_t labels_count;
	size_t labels_room;
	struct hashindex labels_index;
	struct stacks_wait *waits;
	size_t wait_count;
	size_t wait_room;
	struct hashindex wait_index;
	struct series *series;
	size_t series_count;
	size_t series_room;
	struct hashindex series_index;
	struct stacks_late *late;	/* see stacks_add_late; NULL: none yet */
	unsigned late_count;
	uint64_t samples;
	uint64_t weight;
	uint64_t last_ns;	/* time of the newest sample; 0: none */
};

/*
 * The number of the series that a sample, or another record that begins with
 * one, belongs to; a new one of no samples if need be. `era` is its stack's
 * (symbolizer_era). Returns 0 or -ENOMEM.
 */
int stacks_find(struct stacks *stacks, const struct goidshim_sample *sample, uint32_t era,
		uint32_t *ret_series);

/*
 * Adds one record of such a weight (CPU time, for one); a stack of no frames is
 * that of its pc alone. *ret_series, if not NULL, becomes a copy of the series that
 * it went to. Returns 0 or -ENOMEM.
 */
int stacks_add(struct stacks *stacks, const struct goidshim_sample *sample, uint32_t era,
	       uint64_t weight, struct series *ret_series);

/*
 * The same for one of very many, where it does not matter when: it may have to wait
 * for some more to come, since looking up several together hides most of the time
 * that memory takes. What is read of `stacks` is whole after stacks_flush(). Both
 * return 0 or -ENOMEM.
 */
int stacks_add_late(struct stacks *stacks, const struct goidshim_sample *sample, uint32_t era,
		    uint64_t weight);
int stacks_flush(struct stacks *stacks);

/* What the records of a series waited for; NULL: they are no waits. */
const struct stacks_wait *stacks_wait_of(const struct stacks *stacks, const struct series *series);
void stacks_free(struct stacks *stacks);

#endif
