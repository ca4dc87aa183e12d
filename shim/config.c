/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "shim/log.h"
#include "shim/unwind/unwind.sig.h"

#define PREFIX "GOIDSHIM_"

/* One word of a variable's vocabulary. */
struct choice {
	const char *word;
	__u32 value;
};

static const struct choice enable_choices[] = {
	{ "1", 1 }, { "0", 0 }, { "yes", 1 }, { "no", 0 }, { "on", 1 }, { "off", 0 }, { 0, 0 },
};

static const struct choice events_choices[] = {
	{ "cpu", GOIDSHIM_EVENT_CPU },
	{ "heap", GOIDSHIM_EVENT_HEAP },
	{ "lock", GOIDSHIM_EVENT_LOCK },
	{ "block", GOIDSHIM_EVENT_BLOCK },
	{ "wall", GOIDSHIM_EVENT_WALL },
	{ 0, 0 },
};

static const struct choice trigger_choices[] = {
	{ "auto", CONFIG_AUTO },
	{ "sigtrap", GOIDSHIM_TRIGGER_SIGTRAP },
	{ "perf", GOIDSHIM_TRIGGER_PERF },
	{ "timer", GOIDSHIM_TRIGGER_TIMER },
	{ 0, 0 },
};

static const struct choice fsbase_choices[] = {
	{ "auto", CONFIG_AUTO },
	{ "rdfsbase", GOIDSHIM_FSBASE_RDFSBASE },
	{ "arch_prctl", GOIDSHIM_FSBASE_ARCH_PRCTL },
	{ "fault", GOIDSHIM_FSBASE_FAULT },
	{ 0, 0 },
};

static const struct choice mode_choices[] = {
	{ "overwrite", GOIDSHIM_RING_OVERWRITE },
	{ "drop", GOIDSHIM_RING_DROP },
	{ 0, 0 },
};

static const struct choice unwind_choices[] = {
	{ "auto", UNWIND_CFI },
	{ "cfi", UNWIND_CFI },
	{ "libunwind", UNWIND_LIBUNWIND },
	{ "fp", UNWIND_FP },
	{ "none", UNWIND_NONE },
	{ 0, 0 },
};

static const struct choice log_choices[] = {
	{ "quiet", LOG_QUIET }, { "warn", LOG_WARN }, { "info", LOG_INFO }, { 0, 0 },
};

static bool choose(const struct choice *choices, const char *value, __u32 *ret)
{
	for (; choices->word; choices++) {
		if (strcmp(choices->word, value) == 0) {
			*ret = choices->value;
			return true;
		}
	}
	return false;
}

/* Digits only, then nothing or one of K, M, G. */
static bool parse_number(const char *value, bool suffixes, __u64 *ret)
{
	char *end;
	unsigned shift = 0;

	if (*value < '0' || *value > '9' || strlen(value) > 12)
		return false;
	*ret = strtoull(value, &end, 10);
	if (suffixes && *end && end[1] == 0)
		shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
	if (*ret > ~0ull >> shift)
		return false;
	*ret <<= shift;
	return end[shift != 0] == 0;
}

/* How long: a number and its unit; "0" needs none. At most an hour. */
static bool parse_duration(const char *value, __u64 *ret)
{
	static const struct choice units[] = {
		{ "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 }, { 0, 0 },
	};
	const __u64 hour_ns = 3600ull * 1000000000;
	size_t digits = strspn(value, "0123456789");
	char number[16] = "";
	__u32 unit = 1;

	if (digits == 0 || digits >= sizeof(number))
		return false;
	memcpy(number, value, digits);
	*ret = strtoull(number, NULL, 10);
	if (!choose(units, value + digits, &unit) && strcmp(value, "0") != 0)
		return false;
	if (*ret > hour_ns / unit)
		return false;
	*ret *= unit;
	return true;
}

static bool set_enable(struct config *c, const char *value)
{
	__u32 enable;

	if (!choose(enable_choices, value, &enable))
		return false;
	c->enable = enable;
	return true;
}

/* Words between commas: each one of the choices, or all of it is refused. */
static bool set_events(struct config *c, const char *value)
{
	c->events = 0;
	for (;;) {
		size_t n = strcspn(value, ",");
		char word[16];
		__u32 event;

		if (n >= sizeof(word))
			return false;
		memcpy(word, value, n);
		word[n] = 0;
		if (!choose(events_choices, word, &event))
			return false;
		c->events |= event;
		if (!value[n])
			return true;
		value += n + 1;
	}
}

static bool set_heap_interval(struct config *c, const char *value)
{
	return parse_number(value, true, &c->heap_interval) && c->heap_interval >= 1 &&
	       c->heap_interval <= 1ull << 30;
}

static bool set_lock_min(struct config *c, const char *value)
{
	return parse_duration(value, &c->lock_min_ns);
}

static bool set_block_min(struct config *c, const char *value)
{
	return parse_duration(value, &c->block_min_ns);
}

static bool set_rate(struct config *c, const char *value)
{
	__u64 rate;

	if (!parse_number(value, false, &rate) || rate < 1 || rate > 10000)
		return false;
	c->rate_hz = (__u32)rate;
	return true;
}

static bool set_trigger(struct config *c, const char *value)
{
	return choose(trigger_choices, value, &c->trigger);
}

static bool set_fsbase(struct config *c, const char *value)
{
	return choose(fsbase_choices, value, &c->fsbase_method);
}

static bool set_ring(struct config *c, const char *value)
{
	c->ring_path = value;
	return *value == '/';
}

static bool set_ring_size(struct config *c, const char *value)
{
	__u64 size;

	if (!parse_number(value, true, &size) || size < (64u << 10) || size > (4ull << 30))
		return false;
	c->ring_size = size;
	return true;
}

static bool set_ring_mode(struct config *c, const char *value)
{
	return choose(mode_choices, value, &c->ring_mode);
}

static bool set_unwind(struct config *c, const char *value)
{
	return choose(unwind_choices, value, &c->unwind);
}

static bool set_stack(struct config *c, const char *value)
{
	__u64 depth;

	if (!parse_number(value, false, &depth) || depth > GOIDSHIM_MAX_STACK)
		return false;
	c->stack_depth = (__u32)depth;
	return true;
}

static bool set_log(struct config *c, const char *value)
{
	return choose(log_choices, value, &c->log_level);
}

static bool set_log_file(struct config *c, const char *value)
{
	c->log_path = *value ? value : NULL;
	return *value != 0;
}

#define DURATION "a time, as 500us, 1ms or 2s (at most 3600s)"

static const struct variable {
	const char *name;
	bool (*set)(struct config *, const char *value);
	const char *allowed;
} variables[] = {
	{ "LOG_FILE", set_log_file, "a path" },
	{ "LOG", set_log, "quiet, warn, info" },
	{ "ENABLE", set_enable, "1 or 0" },
	{ "EVENTS", set_events, "a list of cpu, heap, lock, block, wall" },
	{ "HEAP_INTERVAL", set_heap_interval, "1 to 1G (bytes)" },
	{ "LOCK_MIN", set_lock_min, DURATION },
	{ "BLOCK_MIN", set_block_min, DURATION },
	{ "RATE", set_rate, "1 to 10000 (Hz)" },
	{ "TRIGGER", set_trigger, "auto, sigtrap, perf, timer" },
	{ "FSBASE", set_fsbase, "auto, rdfsbase, arch_prctl, fault" },
	{ "RING", set_ring, "an absolute path, %p is the pid" },
	{ "RING_SIZE", set_ring_size, "64K to 4G" },
	{ "RING_MODE", set_ring_mode, "overwrite, drop" },
	{ "UNWIND", set_unwind, "auto, cfi, libunwind, fp, none" },
	{ "STACK", set_stack, "0 to 256 (frames)" },
};

#define VARIABLES (sizeof(variables) / sizeof(variables[0]))

/* The value in "GOIDSHIM_<name>=value", or null. */
static const char *value_of(const char *entry, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(entry, PREFIX, strlen(PREFIX)) != 0)
		return NULL;
	entry += strlen(PREFIX);
	return strncmp(entry, name, n) == 0 && entry[n] == '=' ? entry + n + 1 : NULL;
}

static bool is_known(const char *entry)
{
	for (size_t i = 0; i < VARIABLES; i++)
		if (value_of(entry, variables[i].name))
			return true;
	return false;
}

static void read_variable(const struct variable *v, char **environ, struct config *c)
{
	struct config changed = *c;

	for (char **e = environ; *e; e++) {
		const char *value = value_of(*e, v->name);

		if (!value)
			continue;
		if (v->set(&changed, value))
			*c = changed;
		else
			log_line(LOG_WARN, "%s%s: '%.40s' is not %s; using the default", PREFIX,
				 v->name, value, v->allowed);
		return;
	}
}

/* As much of an entry's name as a line of warning can bear. */
static int name_length(const char *entry)
{
	size_t n = strcspn(entry, "=");

	return n < 40 ? (int)n : 40;
}

static void warn_of_unknown(char **environ)
{
	char allowed[256] = "";

	for (char **e = environ; *e; e++) {
		if (strncmp(*e, PREFIX, strlen(PREFIX)) != 0 || is_known(*e))
			continue;
		for (size_t i = 0; i < VARIABLES && !*allowed; i++)
			for (size_t j = 0; j < VARIABLES; j++) {
				strcat(allowed, j ? ", _" : "_");
				strcat(allowed, variables[j].name);
			}
		log_line(LOG_WARN, "%.*s is not a variable of goidshim; there are GOIDSHIM: %s",
			 name_length(*e), *e, allowed);
	}
}

void config_read_log(char **environ)
{
	struct config c = { .log_level = LOG_WARN };

	for (char **e = environ; *e; e++) {
		const char *path = value_of(*e, "LOG_FILE"), *level = value_of(*e, "LOG");

		if (path)
			set_log_file(&c, path);
		if (level)
			set_log(&c, level);
	}
	log_configure(c.log_level, c.log_path);
}

void config_read(char **environ, struct config *ret)
{
	*ret = (struct config){
		.enable = true,
		.events = GOIDSHIM_EVENT_CPU,
		.heap_interval = 512u << 10,
		.lock_min_ns = 10000,
		.block_min_ns = 1000000,
		.rate_hz = 99,
		.ring_size = 32u << 20,
		.unwind = UNWIND_CFI,
		.stack_depth = 64,
	};
	for (size_t i = 0; i < VARIABLES; i++)
		read_variable(&variables[i], environ, ret);
	warn_of_unknown(environ);
}
