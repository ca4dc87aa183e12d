/* SPDX-License-Identifier: BSD-2-Clause */
/* The order of bring-up, and nothing else. */
#include "shim/init.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "probe/fsbase.h"
#include "shim/block.h"
#include "shim/call.sig.h"
#include "shim/config.h"
#include "shim/fault.sig.h"
#include "shim/handler.h"
#include "shim/heap.h"
#include "shim/lock.h"
#include "shim/log.h"
#include "shim/notes.sig.h"
#include "shim/objects.h"
#include "shim/sampler.sig.h"
#include "shim/segment.h"
#include "shim/trigger.h"
#include "shim/unwind/modules.h"
#include "shim/unwind/unwindlib.h"
#include "shim/usdt.sig.h"
#include "shim/wall.h"

__attribute__((visibility("default"))) const unsigned goidshim_abi_version = GOIDSHIM_ABI_VERSION;

static enum { DORMANT, RECORDING, STANDING_DOWN } state;

/* Held while looking; who finds it held says that another look is due. */
static int looking;
static int look_again;

bool init_is_recording(void)
{
	return __atomic_load_n(&state, __ATOMIC_ACQUIRE) == RECORDING &&
	       (__u32)getpid() == sampler.ring.pid;
}

static void find_clock(void)
{
	void *vdso = dlopen("linux-vdso.so.1", RTLD_NOW | RTLD_NOLOAD);

	if (vdso)
		sampler.clock_gettime = (int (*)(int, struct __kernel_timespec *))dlsym(
			vdso, "__vdso_clock_gettime");
}

/* An unpredictable word: signals that carry it are ours. */
static __u64 make_cookie(void)
{
	const __u64 *random = (const __u64 *)getauxval(AT_RANDOM);

	return (random ? random[1] : 0) ^ sampler_now() ^ 0x676f69647368696dull;
}

static __u32 module_of(__u64 load_bias)
{
	const struct module *module = modules_find_bias(load_bias);

	return module ? module->index : 0;
}

/* New Go objects become visible to handlers one by one, each complete. */
static void publish_objects(void)
{
	struct goidshim_header *h = sampler.ring.header;
	unsigned count = objects_find();

	modules_refresh(unwind.backend == UNWIND_CFI);
	for (unsigned i = sampler.object_count; i < count; i++) {
		h->objects[i] = *objects_get(i);
		h->objects[i].module = module_of(h->objects[i].load_bias);
		sampler.layouts[i] = h->objects[i].layout;
		sampler.go[i] = objects_get_go(i);
		__atomic_store_n(&h->object_count, i + 1, __ATOMIC_RELEASE);
		usdt_objects(h, i + 1);
		__atomic_store_n(&sampler.object_count, i + 1, __ATOMIC_RELEASE);
	}
}

/* How the FS base will be read. -errno when no method works, or it is not libc's. */
static int choose_fsbase(const struct config *config)
{
	struct goidshim_header *h = sampler.ring.header;
	enum goidshim_fsbase_method method;
	int err = fsbase_choose(config->fsbase_method, getauxval(AT_HWCAP2), &method,
				h->fsbase_note);

	if (err) {
		log_line(LOG_WARN, "not recording: FS base: %s", h->fsbase_note);
		return err;
	}
	sampler.fsbase_method = h->fsbase_method = method;
	return 0;
}

static void choose_unwinder(const struct config *config)
{
	sampler.stack_depth = config->stack_depth;
	unwind.backend = config->unwind;
	if (unwind.backend == UNWIND_LIBUNWIND && unwindlib_open() < 0) {
		log_line(LOG_WARN, "GOIDSHIM_UNWIND: libunwind.so.8 cannot be used; using cfi");
		unwind.backend = UNWIND_CFI;
	}
}

static int take_signals(__u32 events, const struct trigger *trigger)
{
	int err = handler_take(SIGSEGV, fault_on_signal);

	if (!err)
		err = handler_take(SIGBUS, fault_on_signal);
	if (!err && trigger->sig)
		err = handler_take(trigger->sig, sampler_on_signal);
	if (!err && (events & GOIDSHIM_EVENT_WALL) && trigger->sig != wall_signal())
		err = handler_take(wall_signal(), sampler_on_signal);
	if (err)
		log_line(LOG_WARN, "not recording: cannot install a signal handler: %s",
			 strerror(-err));
	return err;
}

static int choose_trigger(const struct config *config, struct trigger *ret)
{
	struct goidshim_header *h = sampler.ring.header;
	int err = trigger_choose(config->trigger, config->rate_hz, objects_can_exec(), ret);

	if (err) {
		log_line(LOG_WARN, "not recording: no trigger works: %s", ret->note);
		return err;
	}
	if (config->trigger && config->trigger != ret->kind)
		log_line(LOG_WARN, "GOIDSHIM_TRIGGER: %s; using the next best", ret->note);
	sampler.signal = (__u32)ret->sig;
	sampler.trigger = h->trigger = ret->kind;
	sampler.user_only = h->user_only = ret->user_only;
	memcpy(h->trigger_note, ret->note, sizeof(h->trigger_note));
	return 0;
}

/* Events of interposed calls. */
static void start_calls(const struct config *config)
{
	int err = call_start();

	if (err) {
		log_line(LOG_WARN, "not recording calls: %s (Linux 4.14 is needed)",
			 strerror(-err));
		return;
	}
	if (config->events & GOIDSHIM_EVENT_HEAP)
		heap_start(config->heap_interval, sampler.cookie);
	if (config->events & GOIDSHIM_EVENT_LOCK)
		lock_start(config->lock_min_ns);
	if (config->events & GOIDSHIM_EVENT_BLOCK)
		block_start(config->block_min_ns);
}

/* From here on the target's calls and threads may enter what is ready now. */
static void start_events(const struct config *config, const struct trigger *trigger)
{
	unsigned failed = 0;

	block_find();
	if (config->events & ~(__u32)(GOIDSHIM_EVENT_CPU | GOIDSHIM_EVENT_WALL))
		start_calls(config);
	if (config->events & GOIDSHIM_EVENT_CPU)
		failed += trigger_start(trigger, sampler.cookie);
	if (config->events & GOIDSHIM_EVENT_WALL)
		failed += wall_start(config->rate_hz, ~sampler.cookie);
	for (; failed; failed--)
		ring_lose_without_lane(&sampler.ring, GOIDSHIM_LOST_NO_TRIGGER);
}

static void start_recording(const struct config *config)
{
	struct trigger trigger = { 0 };

	if (segment_create(config, &sampler.ring) < 0)
		return;
	find_clock();
	sampler.cookie = make_cookie();
	choose_unwinder(config);
	if (choose_fsbase(config) < 0 ||
	    ((config->events & GOIDSHIM_EVENT_CPU) && choose_trigger(config, &trigger) < 0) ||
	    take_signals(config->events, &trigger) < 0) {
		segment_remove(&sampler.ring);
		return;
	}
	notes_start(&sampler.ring);
	publish_objects();
	segment_publish(&sampler.ring);
	__atomic_store_n(&state, RECORDING, __ATOMIC_RELEASE);
	start_events(config, &trigger);
}

/* The first Go in the process: whatever happens now, it is tried once. */
static void begin(void)
{
	struct config config;

	state = STANDING_DOWN;
	if (getauxval(AT_SECURE)) {
		log_line(LOG_WARN, "not recording: the program runs with raised privileges");
		return;
	}
	config_read(environ, &config);
	if (config.enable)
		start_recording(&config);
}

static void look(void)
{
	if (state == DORMANT && objects_find() > 0)
		begin();
	else if (init_is_recording())
		publish_objects();
}

void init_look_for_go(void)
{
	int saved = errno;

	call_pause();
	while (state != STANDING_DOWN && objects_changed()) {
		if (__atomic_exchange_n(&looking, 1, __ATOMIC_ACQUIRE)) {
			/* Waiting here could deadlock with the dynamic linker. */
			__atomic_store_n(&look_again, 1, __ATOMIC_RELAXED);
			break;
		}
		look();
		__atomic_store_n(&looking, 0, __ATOMIC_RELEASE);
		if (!__atomic_exchange_n(&look_again, 0, __ATOMIC_RELAXED))
			break;
	}
	call_resume();
	errno = saved;
}

__attribute__((constructor)) static void start(void)
{
	config_read_log(environ);
	lock_find();
	init_look_for_go();
}
