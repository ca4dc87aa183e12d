/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/unwind/flow.h"

#include <errno.h>
#include <string.h>

#include "shim/unwind/pages.h"

enum {
	BYTES_MAX = 1 << 20,
	DISTANCE_MAX = 1 << 29,
	RED_ZONE = 128,		/* below rsp, and yet safe from signal handlers */
	RETURN_ADDRESS = -8,	/* from the CFA */
};

static const __u8 callee_saved[] = { INSN_RBX, INSN_RBP, 12, 13, 14, 15 };

/* -------------------------------------------------------------------- a state */

static void state_at_entry(struct flow_state *s)
{
	for (int r = 0; r < INSN_REGISTERS; r++) {
		s->value[r] = FLOW_ENTRY + r;
		s->saved[r] = 0;
	}
	s->value[INSN_RSP] = RETURN_ADDRESS;
}

static void state_of_nothing(struct flow_state *s)
{
	for (int r = 0; r < INSN_REGISTERS; r++) {
		s->value[r] = FLOW_UNKNOWN;
		s->saved[r] = 0;
	}
}

static bool is_place(__s32 value)
{
	return value > -DISTANCE_MAX && value < DISTANCE_MAX;
}

static __s32 add(__s32 value, __s32 distance)
{
	__s64 sum = (__s64)value + distance;

	if (distance == 0)
		return value;
	return is_place(value) && sum > -DISTANCE_MAX && sum < DISTANCE_MAX ? (__s32)sum
									    : FLOW_UNKNOWN;
}

/* Both are true before an instruction. Did that change what is known of it? */
static bool state_meet(struct flow_state *known, const struct flow_state *other)
{
	bool changed = false;

	for (int r = 0; r < INSN_REGISTERS; r++) {
		if (known->value[r] != other->value[r] && known->value[r] != FLOW_UNKNOWN) {
			known->value[r] = FLOW_UNKNOWN;
			changed = true;
		}
		if (known->saved[r] != other->saved[r] && known->saved[r] != 0) {
			known->saved[r] = 0;
			changed = true;
		}
	}
	return changed;
}

/* ------------------------------------------------ what an instruction does to it */

static __s32 load(const struct flow_state *s, __s32 place)
{
	for (int r = 0; r < INSN_REGISTERS && is_place(place); r++)
		if (s->saved[r] != 0 && s->saved[r] == place)
			return FLOW_ENTRY + r;
	return FLOW_UNKNOWN;
}

static void store(struct flow_state *s, __s32 place, __s32 width, __s32 value)
{
	if (!is_place(place) || width == 0)
		return;
	if (place < 0 && place + width > RETURN_ADDRESS) {
		state_of_nothing(s);
		return;
	}
	for (int r = 0; r < INSN_REGISTERS; r++)
		if (s->saved[r] < place + width && s->saved[r] + 8 > place)
			s->saved[r] = 0;
	if (value < FLOW_ENTRY || value >= FLOW_ENTRY + INSN_REGISTERS || place >= 0 || place % 8)
		return;
	/* The first place is the one to keep, while it is above the stack pointer. */
	value -= FLOW_ENTRY;
	if (s->saved[value] == 0 || !is_place(s->value[INSN_RSP]) ||
	    s->saved[value] < s->value[INSN_RSP])
		s->saved[value] = place;
}

static void push(struct flow_state *s, __s32 value)
{
	s->value[INSN_RSP] = add(s->value[INSN_RSP], -8);
	store(s, s->value[INSN_RSP], 8, value);
}

static __s32 pop(struct flow_state *s)
{
	__s32 value = load(s, s->value[INSN_RSP]);

	s->value[INSN_RSP] = add(s->value[INSN_RSP], 8);
	return value;
}

static __s32 address(const struct flow_state *s, const struct insn *i)
{
	if (i->base == INSN_NO_REGISTER || !is_place(s->value[i->base]))
		return FLOW_UNKNOWN;
	return add(s->value[i->base], i->value);
}

static __s32 value_of(const struct flow_state *s, __u8 reg)
{
	return reg == INSN_NO_REGISTER ? FLOW_UNKNOWN : s->value[reg];
}

static void change(struct flow_state *s, const struct insn *i)
{
	store(s, address(s, i), i->width, FLOW_UNKNOWN);
	for (int r = 0; r < INSN_REGISTERS; r++)
		if (i->writes & 1u << r)
			s->value[r] = FLOW_UNKNOWN;
}

static void pop_operand(struct flow_state *s, const struct insn *i)
{
	__s32 value = pop(s);

	if (i->reg == INSN_NO_REGISTER)
		store(s, address(s, i), i->width, FLOW_UNKNOWN);
	else
		s->value[i->reg] = i->reg == INSN_RSP ? FLOW_UNKNOWN : value;
}

static void act(struct flow_state *s, const struct insn *i)
{
	switch (i->act) {
	case INSN_NOP:
		break;
	case INSN_SET:
		s->value[i->reg] = add(s->value[i->base], i->value);
		break;
	case INSN_LOAD:
		s->value[i->reg] = load(s, address(s, i));
		break;
	case INSN_STORE:
		store(s, address(s, i), 8, s->value[i->reg]);
		break;
	case INSN_PUSH:
		push(s, value_of(s, i->reg));
		break;
	case INSN_POP:
		pop_operand(s, i);
		break;
	case INSN_LEAVE:
		s->value[INSN_RSP] = is_place(s->value[INSN_RBP]) ? s->value[INSN_RBP]
								  : FLOW_UNKNOWN;
		s->value[INSN_RBP] = pop(s);
		break;
	default:
		change(s, i);
	}
}

/* What is below a stack pointer is not safe. */
static void forget_below(struct flow_state *s, __s32 place)
{
	for (int r = 0; r < INSN_REGISTERS && is_place(place); r++)
		if (s->saved[r] < place)
			s->saved[r] = 0;
}

/* After an instruction before which the stack pointer was at `before`. */
static void forget_left(struct flow_state *s, __s32 before)
{
	if (is_place(s->value[INSN_RSP]))
		forget_below(s, s->value[INSN_RSP] - RED_ZONE);
	else
		forget_below(s, before);
}

/* After a call has come back; `ours`: of a function that may have ways of its own. */
static void state_after_call(struct flow_state *s, bool ours)
{
	__s32 kept[sizeof(callee_saved)];

	forget_below(s, s->value[INSN_RSP]);
	for (unsigned i = 0; i < sizeof(callee_saved); i++)
		kept[i] = ours ? FLOW_UNKNOWN : s->value[callee_saved[i]];
	for (int r = 0; r < INSN_REGISTERS; r++)
		if (r != INSN_RSP)
			s->value[r] = FLOW_UNKNOWN;
	for (unsigned i = 0; i < sizeof(callee_saved); i++)
		s->value[callee_saved[i]] = kept[i];
}

/* ----------------------------------------------------------------------- nodes */

const struct flow_range *flow_find(const struct flow *f, __u64 pc)
{
	unsigned low = 0;
	unsigned high = f->ranges;

	while (high - low > 1) {
		unsigned middle = low + (high - low) / 2;

		if (f->range[middle].start <= pc)
			low = middle;
		else
			high = middle;
	}
	if (f->ranges == 0 || pc < f->range[low].start || pc >= f->range[low].end)
		return NULL;
	return &f->range[low];
}

static void put_to_work(struct flow *f, struct flow_node *n)
{
	if (!n->waiting)
		f->work[f->works++] = (__u32)(n - f->node);
	n->waiting = true;
}

static __u32 nodes_max(const struct flow *f)
{
	return (__u32)(f->bytes / 2 + 64);
}

/*
 * What is certain when pc is reached this way, from `near` as a rule. False: pc is
 * not in the ranges.
 */
static bool reach(struct flow *f, const struct flow_range *near, __u64 pc,
		  const struct flow_state *state)
{
	const struct flow_range *range =
		near != NULL && pc >= near->start && pc < near->end ? near : flow_find(f, pc);
	struct flow_node *n;
	__u32 *index;

	if (range == NULL)
		return false;
	index = &f->node_at[range->before + (pc - range->start)];
	if (*index != 0) {
		n = &f->node[*index - 1];
		if (state_meet(&n->state, state))
			put_to_work(f, n);
		return true;
	}
	if (f->nodes == nodes_max(f)) {
		f->exhausted = true;
		return true;
	}
	n = &f->node[f->nodes++];
	*index = f->nodes;
	n->range = range;
	n->pc = pc;
	n->callee = 0;
	n->length = 0;
	n->waiting = false;
	n->state = *state;
	put_to_work(f, n);
	return true;
}

/* ------------------------------------------------------------------- following */

/* A function is left, by a return or by a jump to another one. */
static void leave(struct flow *f, const struct flow_state *s)
{
	bool clean = s->value[INSN_RSP] == RETURN_ADDRESS;

	if (is_place(s->value[INSN_RSP]) && !clean)
		f->strange = true;
	for (unsigned i = 0; i < sizeof(callee_saved); i++)
		clean &= s->value[callee_saved[i]] == FLOW_ENTRY + callee_saved[i];
	if (clean)
		f->returns++;
	else
		f->faults++;
}

/* From instruction `i` of node `n` on, after which `s` is certain. */
static void follow_next(struct flow *f, const struct flow_node *n, const struct flow_state *s)
{
	if (!reach(f, n->range, n->pc + n->length, s))
		f->faults++;
}

static void follow_call(struct flow *f, const struct flow_node *n, struct flow_state *s)
{
	state_after_call(s, n->callee != 0 && flow_find(f, n->callee) != NULL);
	if (f->doubt_calls)
		state_of_nothing(s);
	follow_next(f, n, s);
}

/* To where it is in these ranges, or out of the function. */
static void follow_jump(struct flow *f, const struct flow_node *n, __u64 target,
			const struct flow_state *s)
{
	if (!reach(f, n->range, target, s))
		leave(f, s);
}

static void follow_flow(struct flow *f, const struct flow_node *n, const struct insn *i,
			struct flow_state *s)
{
	switch (i->flow) {
	case INSN_CALL:
	case INSN_CALL_INDIRECT:
		follow_call(f, n, s);
		break;
	case INSN_JUMP:
		follow_jump(f, n, i->target, s);
		break;
	case INSN_RETURN:
		f->strange |= i->value != 0;
		/* fall through */
	case INSN_JUMP_INDIRECT:
		leave(f, s);
		break;
	case INSN_BRANCH:
		follow_jump(f, n, i->target, s);
		/* fall through */
	case INSN_NEXT:
		follow_next(f, n, s);
		break;
	default:
		break;
	}
}

static void follow(struct flow *f, struct flow_node *n)
{
	struct flow_state s = n->state;
	struct insn i;

	if (!insn_decode((const __u8 *)n->pc, n->range->end - n->pc, n->pc, &i)) {
		f->faults++;
		return;
	}
	n->length = i.length;
	n->callee = i.flow == INSN_CALL ? i.target : 0;
	act(&s, &i);
	forget_left(&s, n->state.value[INSN_RSP]);
	if (is_place(s.value[INSN_RSP]) && s.value[INSN_RSP] > RETURN_ADDRESS) {
		f->strange = true;
		state_of_nothing(&s);
	}
	follow_flow(f, n, &i, &s);
}

/* Forgets what was followed before. */
static void reset(struct flow *f, bool doubt_calls)
{
	for (__u32 i = 0; i < f->nodes; i++) {
		const struct flow_node *n = &f->node[i];

		f->node_at[n->range->before + (n->pc - n->range->start)] = 0;
	}
	f->nodes = f->works = 0;
	f->returns = f->faults = 0;
	f->exhausted = f->strange = false;
	f->doubt_calls = doubt_calls;
}

static void run(struct flow *f, __u64 pc, const struct flow_state *state)
{
	reach(f, NULL, pc, state);
	while (f->works > 0 && !f->exhausted && !(f->strict && f->faults > 0)) {
		struct flow_node *n = &f->node[f->work[--f->works]];

		n->waiting = false;
		if (f->steps-- <= 0)
			f->exhausted = true;
		else
			follow(f, n);
	}
}

void flow_follow(struct flow *f, __u64 pc, bool is_function)
{
	struct flow_state state;

	if (is_function)
		state_at_entry(&state);
	else
		state_of_nothing(&state);
	reset(f, false);
	run(f, pc, &state);
	if (f->strange && !f->strict) {
		reset(f, true);
		run(f, pc, &state);
	}
}

/* ------------------------------------------------------------------- the answer */

/* DWARF counts some registers in another order. */
static __u8 dwarf_number(int r)
{
	static const __u8 number[8] = { CFI_RAX, CFI_RCX, CFI_RDX, CFI_RBX,
					CFI_RSP, CFI_RBP, CFI_RSI, CFI_RSI + 1 };

	return r < 8 ? number[r] : (__u8)r;
}

/* The register to find the CFA by: one that calls keep, if there is one. */
static int frame_register(const struct flow_state *s)
{
	if (is_place(s->value[INSN_RSP]))
		return INSN_RSP;
	for (unsigned i = 0; i < sizeof(callee_saved); i++)
		if (is_place(s->value[callee_saved[i]]))
			return callee_saved[i];
	for (int r = 0; r < INSN_REGISTERS; r++)
		if (is_place(s->value[r]))
			return r;
	return -1;
}

static __s16 saved_in(const struct flow_state *s, __u8 r)
{
	if (s->value[r] == FLOW_ENTRY + r)
		return CFI_SAME;
	return s->saved[r] != 0 && s->saved[r] >= -8 * 0x7ff0 ? (__s16)(s->saved[r] / 8) : CFI_LOST;
}

void flow_rule(const struct flow_state *state, struct cfi_rule *ret)
{
	int r = frame_register(state);

	memset(ret, 0, sizeof(*ret));
	if (r < 0)
		return;
	ret->kind = CFI_OFFSET;
	ret->derived = 1;
	ret->cfa_register = dwarf_number(r);
	ret->cfa_index = ret->pc_register = CFI_NO_REGISTER;
	ret->cfa_offset = -state->value[r];
	for (unsigned i = 0; i < sizeof(callee_saved); i++)
		ret->saved[CFI_SLOT_RBX + i] = saved_in(state, callee_saved[i]);
	ret->saved[CFI_SLOT_PC] = RETURN_ADDRESS / 8;
}

/* ------------------------------------------------------------------ beginning */

static size_t node_size(const struct flow *f)
{
	return nodes_max(f) * (sizeof(*f->node) + sizeof(*f->work));
}

int flow_open(struct flow *f, struct flow_range *ranges, unsigned count, long steps)
{
	void *at;

	memset(f, 0, sizeof(*f));
	f->range = ranges;
	f->ranges = count;
	f->steps = steps;
	for (unsigned i = 0; i < count; i++) {
		ranges[i].before = f->bytes;
		f->bytes += ranges[i].end - ranges[i].start;
		if (f->bytes > BYTES_MAX)
			return -EFBIG;
	}
	at = pages_map(node_size(f) + f->bytes * sizeof(*f->node_at));
	if (at == NULL)
		return -ENOMEM;
	f->node = at;
	f->work = (__u32 *)(f->node + nodes_max(f));
	f->node_at = f->work + nodes_max(f);
	return 0;
}

void flow_close(struct flow *f)
{
	pages_unmap(f->node, node_size(f) + f->bytes * sizeof(*f->node_at));
}
