/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shim/config: what each variable may say, and that anything else costs exactly
 * one line and changes nothing. The log is the test's own.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shim/config.h"
#include "shim/log.h"
#include "shim/unwind/unwind.sig.h"

TestSuite(config, .timeout = 5);

static char lines[16][512];
static unsigned line_count;
static enum log_level configured_level;
static const char *configured_path;

void log_configure(enum log_level level, const char *path)
{
	configured_level = level;
	configured_path = path;
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list args;

	cr_assert(eq(int, level, LOG_WARN));
	cr_assert(lt(u32, line_count, 16));
	va_start(args, format);
	vsnprintf(lines[line_count++], sizeof(lines[0]), format, args);
	va_end(args);
}

/* Reads an environment of up to three entries. */
static struct config read_config(const char *a, const char *b, const char *c)
{
	const char *environment[] = { "PATH=/bin", a, b, c, NULL };
	struct config config;

	line_count = 0;
	config_read((char **)environment, &config);
	return config;
}

static bool same(const struct config *a, const struct config *b)
{
	return a->enable == b->enable && a->events == b->events &&
	       a->heap_interval == b->heap_interval && a->lock_min_ns == b->lock_min_ns &&
	       a->block_min_ns == b->block_min_ns &&
	       a->rate_hz == b->rate_hz && a->trigger == b->trigger &&
	       a->fsbase_method == b->fsbase_method && a->ring_mode == b->ring_mode &&
	       a->ring_size == b->ring_size && a->unwind == b->unwind &&
	       a->stack_depth == b->stack_depth && a->ring_path == b->ring_path &&
	       a->log_level == b->log_level && a->log_path == b->log_path;
}

Test(config, has_defaults)
{
	struct config c = read_config(NULL, NULL, NULL);

	cr_expect(c.enable);
	cr_expect(eq(u32, c.events, GOIDSHIM_EVENT_CPU));
	cr_expect(eq(u64, c.heap_interval, 512 << 10));
	cr_expect(eq(u64, c.lock_min_ns, 10000));
	cr_expect(eq(u64, c.block_min_ns, 1000000));
	cr_expect(eq(u32, c.rate_hz, 99));
	cr_expect(eq(u32, c.trigger, CONFIG_AUTO));
	cr_expect(eq(u32, c.fsbase_method, CONFIG_AUTO));
	cr_expect(eq(u32, c.ring_mode, GOIDSHIM_RING_OVERWRITE));
	cr_expect(eq(u64, c.ring_size, 32 << 20));
	cr_expect(c.ring_path == NULL);
	cr_expect(eq(u32, line_count, 0));
}

/* What a good value does: the field at `offset` of `size` bytes becomes `value`. */
#define FIELD(name) offsetof(struct config, name), sizeof(((struct config *)0)->name)

static const struct {
	const char *entry;
	size_t offset;
	size_t size;
	__u64 value;
} good[] = {
	{ "GOIDSHIM_ENABLE=0", FIELD(enable), 0 },
	{ "GOIDSHIM_ENABLE=no", FIELD(enable), 0 },
	{ "GOIDSHIM_ENABLE=off", FIELD(enable), 0 },
	{ "GOIDSHIM_ENABLE=1", FIELD(enable), 1 },
	{ "GOIDSHIM_ENABLE=yes", FIELD(enable), 1 },
	{ "GOIDSHIM_ENABLE=on", FIELD(enable), 1 },
	{ "GOIDSHIM_EVENTS=cpu", FIELD(events), GOIDSHIM_EVENT_CPU },
	{ "GOIDSHIM_EVENTS=heap", FIELD(events), GOIDSHIM_EVENT_HEAP },
	{ "GOIDSHIM_EVENTS=block", FIELD(events), GOIDSHIM_EVENT_BLOCK },
	{ "GOIDSHIM_EVENTS=heap,cpu", FIELD(events), GOIDSHIM_EVENT_CPU | GOIDSHIM_EVENT_HEAP },
	{ "GOIDSHIM_EVENTS=lock", FIELD(events), GOIDSHIM_EVENT_LOCK },
	{ "GOIDSHIM_EVENTS=wall,cpu", FIELD(events), GOIDSHIM_EVENT_CPU | GOIDSHIM_EVENT_WALL },
	{ "GOIDSHIM_HEAP_INTERVAL=1", FIELD(heap_interval), 1 },
	{ "GOIDSHIM_HEAP_INTERVAL=64K", FIELD(heap_interval), 64 << 10 },
	{ "GOIDSHIM_LOCK_MIN=0", FIELD(lock_min_ns), 0 },
	{ "GOIDSHIM_LOCK_MIN=20us", FIELD(lock_min_ns), 20000 },
	{ "GOIDSHIM_BLOCK_MIN=0", FIELD(block_min_ns), 0 },
	{ "GOIDSHIM_BLOCK_MIN=750ns", FIELD(block_min_ns), 750 },
	{ "GOIDSHIM_BLOCK_MIN=20us", FIELD(block_min_ns), 20000 },
	{ "GOIDSHIM_BLOCK_MIN=5ms", FIELD(block_min_ns), 5000000 },
	{ "GOIDSHIM_BLOCK_MIN=3600s", FIELD(block_min_ns), 3600000000000 },
	{ "GOIDSHIM_RATE=1", FIELD(rate_hz), 1 },
	{ "GOIDSHIM_RATE=999", FIELD(rate_hz), 999 },
	{ "GOIDSHIM_RATE=10000", FIELD(rate_hz), 10000 },
	{ "GOIDSHIM_TRIGGER=auto", FIELD(trigger), CONFIG_AUTO },
	{ "GOIDSHIM_TRIGGER=sigtrap", FIELD(trigger), GOIDSHIM_TRIGGER_SIGTRAP },
	{ "GOIDSHIM_TRIGGER=perf", FIELD(trigger), GOIDSHIM_TRIGGER_PERF },
	{ "GOIDSHIM_TRIGGER=timer", FIELD(trigger), GOIDSHIM_TRIGGER_TIMER },
	{ "GOIDSHIM_FSBASE=auto", FIELD(fsbase_method), CONFIG_AUTO },
	{ "GOIDSHIM_FSBASE=rdfsbase", FIELD(fsbase_method), GOIDSHIM_FSBASE_RDFSBASE },
	{ "GOIDSHIM_FSBASE=arch_prctl", FIELD(fsbase_method), GOIDSHIM_FSBASE_ARCH_PRCTL },
	{ "GOIDSHIM_FSBASE=fault", FIELD(fsbase_method), GOIDSHIM_FSBASE_FAULT },
	{ "GOIDSHIM_RING_SIZE=64K", FIELD(ring_size), 64 << 10 },
	{ "GOIDSHIM_RING_SIZE=65536", FIELD(ring_size), 65536 },
	{ "GOIDSHIM_RING_SIZE=3M", FIELD(ring_size), 3 << 20 },
	{ "GOIDSHIM_RING_SIZE=4G", FIELD(ring_size), 4ull << 30 },
	{ "GOIDSHIM_UNWIND=cfi", FIELD(unwind), UNWIND_CFI },
	{ "GOIDSHIM_UNWIND=auto", FIELD(unwind), UNWIND_CFI },
	{ "GOIDSHIM_UNWIND=fp", FIELD(unwind), UNWIND_FP },
	{ "GOIDSHIM_UNWIND=libunwind", FIELD(unwind), UNWIND_LIBUNWIND },
	{ "GOIDSHIM_UNWIND=none", FIELD(unwind), UNWIND_NONE },
	{ "GOIDSHIM_STACK=0", FIELD(stack_depth), 0 },
	{ "GOIDSHIM_STACK=256", FIELD(stack_depth), 256 },
	{ "GOIDSHIM_RING_MODE=drop", FIELD(ring_mode), GOIDSHIM_RING_DROP },
	{ "GOIDSHIM_RING_MODE=overwrite", FIELD(ring_mode), GOIDSHIM_RING_OVERWRITE },
	{ "GOIDSHIM_LOG=quiet", FIELD(log_level), LOG_QUIET },
	{ "GOIDSHIM_LOG=warn", FIELD(log_level), LOG_WARN },
	{ "GOIDSHIM_LOG=info", FIELD(log_level), LOG_INFO },
};

Test(config, takes_each_good_value_in_silence)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct config c = read_config(good[i].entry, NULL, NULL);
		__u64 value = 0;

		memcpy(&value, (char *)&c + good[i].offset, good[i].size);
		cr_expect(eq(u64, value, good[i].value), "%s", good[i].entry);
		cr_expect(eq(u32, line_count, 0), "%s", good[i].entry);
	}
}

/* What the line must say to help. */
static const struct {
	const char *entry;
	const char *allowed;
} bad[] = {
	{ "GOIDSHIM_ENABLE=", "1 or 0" },
	{ "GOIDSHIM_ENABLE=2", "1 or 0" },
	{ "GOIDSHIM_ENABLE=YES", "1 or 0" },
	{ "GOIDSHIM_EVENTS=sleep", "cpu" },
	{ "GOIDSHIM_EVENTS=", "cpu" },
	{ "GOIDSHIM_EVENTS=cpu,", "cpu" },
	{ "GOIDSHIM_EVENTS=cpu heap", "cpu" },
	{ "GOIDSHIM_EVENTS=cpu,sleeplessness-itself", "cpu" },
	{ "GOIDSHIM_HEAP_INTERVAL=0", "1 to 1G" },
	{ "GOIDSHIM_HEAP_INTERVAL=2G", "1 to 1G" },
	{ "GOIDSHIM_HEAP_INTERVAL=-1", "1 to 1G" },
	{ "GOIDSHIM_BLOCK_MIN=", "500us" },
	{ "GOIDSHIM_BLOCK_MIN=5", "500us" },
	{ "GOIDSHIM_BLOCK_MIN=ms", "500us" },
	{ "GOIDSHIM_BLOCK_MIN=-1ms", "500us" },
	{ "GOIDSHIM_BLOCK_MIN=1.5ms", "500us" },
	{ "GOIDSHIM_BLOCK_MIN=1 ms", "500us" },
	{ "GOIDSHIM_BLOCK_MIN=1m", "500us" },
	{ "GOIDSHIM_BLOCK_MIN=3601s", "3600s" },
	{ "GOIDSHIM_BLOCK_MIN=18446744073s", "3600s" },
	{ "GOIDSHIM_BLOCK_MIN=99999999999999999999s", "3600s" },
	{ "GOIDSHIM_RATE=", "1 to 10000" },
	{ "GOIDSHIM_RATE=0", "1 to 10000" },
	{ "GOIDSHIM_RATE=10001", "1 to 10000" },
	{ "GOIDSHIM_RATE=-1", "1 to 10000" },
	{ "GOIDSHIM_RATE=+99", "1 to 10000" },
	{ "GOIDSHIM_RATE= 99", "1 to 10000" },
	{ "GOIDSHIM_RATE=99 ", "1 to 10000" },
	{ "GOIDSHIM_RATE=99.5", "1 to 10000" },
	{ "GOIDSHIM_RATE=0x63", "1 to 10000" },
	{ "GOIDSHIM_RATE=1K", "1 to 10000" },
	{ "GOIDSHIM_RATE=18446744073709551715", "1 to 10000" },
	{ "GOIDSHIM_RATE=fast", "1 to 10000" },
	{ "GOIDSHIM_TRIGGER=", "auto, sigtrap, perf, timer" },
	{ "GOIDSHIM_TRIGGER=SIGTRAP", "auto, sigtrap, perf, timer" },
	{ "GOIDSHIM_TRIGGER=sigtrap,perf", "auto, sigtrap, perf, timer" },
	{ "GOIDSHIM_FSBASE=rdgsbase", "auto, rdfsbase, arch_prctl, fault" },
	{ "GOIDSHIM_RING=", "an absolute path" },
	{ "GOIDSHIM_RING=ring", "an absolute path" },
	{ "GOIDSHIM_RING_SIZE=", "64K to 4G" },
	{ "GOIDSHIM_RING_SIZE=63K", "64K to 4G" },
	{ "GOIDSHIM_RING_SIZE=5G", "64K to 4G" },
	{ "GOIDSHIM_RING_SIZE=17179869185G", "64K to 4G" },
	{ "GOIDSHIM_RING_SIZE=99999999999G", "64K to 4G" },
	{ "GOIDSHIM_RING_SIZE=64KB", "64K to 4G" },
	{ "GOIDSHIM_RING_SIZE=64k", "64K to 4G" },
	{ "GOIDSHIM_RING_SIZE=M", "64K to 4G" },
	{ "GOIDSHIM_RING_MODE=ring", "overwrite, drop" },
	{ "GOIDSHIM_UNWIND=dwarf", "auto, cfi, libunwind, fp, none" },
	{ "GOIDSHIM_STACK=257", "0 to 256" },
	{ "GOIDSHIM_STACK=deep", "0 to 256" },
	{ "GOIDSHIM_LOG=debug", "quiet, warn, info" },
	{ "GOIDSHIM_LOG_FILE=", "a path" },
};

Test(config, answers_a_bad_value_with_one_line_and_the_default)
{
	struct config defaults = read_config(NULL, NULL, NULL);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config c = read_config(bad[i].entry, NULL, NULL);
		size_t name = strcspn(bad[i].entry, "=");

		cr_expect(same(&c, &defaults), "%s", bad[i].entry);
		cr_expect(eq(u32, line_count, 1), "%s", bad[i].entry);
		cr_expect(strstr(lines[0], bad[i].allowed) != NULL, "%s: %s", bad[i].entry, lines[0]);
		cr_expect(strncmp(lines[0], bad[i].entry, name) == 0, "%s: %s", bad[i].entry,
			  lines[0]);
	}
}

static const char *const unknown[] = {
	"GOIDSHIM_RATES=99", "GOIDSHIM_=1", "GOIDSHIM_rate=99", "GOIDSHIM_RATE", "GOIDSHIM_RIN=/x",
};

Test(config, names_an_unknown_variable_and_those_there_are)
{
	struct config defaults = read_config(NULL, NULL, NULL);

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		struct config c = read_config(unknown[i], NULL, NULL);

		cr_expect(same(&c, &defaults), "%s", unknown[i]);
		cr_expect(eq(u32, line_count, 1), "%s", unknown[i]);
		cr_expect(strstr(lines[0], "_RATE, _TRIGGER") != NULL, "%s: %s", unknown[i], lines[0]);
		cr_expect(strncmp(lines[0], unknown[i], strcspn(unknown[i], "=")) == 0, "%s",
			  lines[0]);
	}
}

Test(config, tells_every_mistake_and_still_takes_the_rest)
{
	struct config c = read_config("GOIDSHIM_RATE=x", "GOIDSHIM_TRIGER=perf",
				      "GOIDSHIM_RING=/tmp/r.%p");

	cr_expect(eq(u32, line_count, 2));
	cr_expect(eq(u32, c.rate_hz, 99));
	cr_expect(strcmp(c.ring_path, "/tmp/r.%p") == 0);
}

Test(config, is_not_moved_by_names_of_others)
{
	struct config defaults = read_config(NULL, NULL, NULL);
	struct config c = read_config("GOIDSHIMS_RATE=1", "XGOIDSHIM_RATE=1", "GOID=1");

	cr_expect(same(&c, &defaults));
	cr_expect(eq(u32, line_count, 0));
}

static void cuts(const char *start, const char *help)
{
	char entry[5000];

	memset(entry, 'x', sizeof(entry));
	entry[sizeof(entry) - 1] = 0;
	memcpy(entry, start, strlen(start));
	read_config(entry, NULL, NULL);
	cr_expect(eq(u32, line_count, 1), "%s", start);
	cr_expect(lt(sz, strlen(lines[0]), 250), "%s", start);
	cr_expect(strstr(lines[0], help) != NULL, "%s: the help comes after it", start);
}

Test(config, cuts_what_is_long_short)
{
	cuts("GOIDSHIM_TRIGGER=", "auto, sigtrap");
	cuts("GOIDSHIM_TRIG", "_TRIGGER, ");
}

Test(config, sets_up_the_log_without_a_word)
{
	const char *environment[] = { "GOIDSHIM_LOG=info", "GOIDSHIM_LOG_FILE=/tmp/log",
				      "GOIDSHIM_X=", NULL };

	config_read_log((char **)environment);
	cr_expect(eq(int, configured_level, LOG_INFO));
	cr_expect(strcmp(configured_path, "/tmp/log") == 0);
	environment[0] = "GOIDSHIM_LOG=loud";
	environment[1] = "GOIDSHIM_LOG_FILE=";
	config_read_log((char **)environment);
	cr_expect(eq(int, configured_level, LOG_WARN), "the default");
	cr_expect(configured_path == NULL);
	cr_expect(eq(u32, line_count, 0));
}
