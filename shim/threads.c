/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pthread_create(), interposed: every thread is armed before its function
 * begins and gives back what it holds when it ends. It is also where Go shows
 * itself that was loaded later: its runtime begins by making a thread.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#include "shim/call.sig.h"
#include "shim/holder.sig.h"
#include "shim/init.h"
#include "shim/inside.sig.h"
#include "shim/ring.sig.h"
#include "shim/sampler.sig.h"
#include "shim/trigger.h"
#include "shim/wall.h"

typedef int pthread_create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

struct start {
	void *(*function)(void *);
	void *argument;
};

static pthread_create_fn *next_pthread_create(void)
{
	static pthread_create_fn *next;

	if (!next)
		next = (pthread_create_fn *)dlsym(RTLD_NEXT, "pthread_create");
	return next;
}

static void leave(void *unused)
{
	trigger_disarm_thread();
	wall_disarm_thread();
	sampler_leave_thread();
	holder_leave_thread();
	inside_leave_thread();
	call_leave_thread();
}

/* Ends by return, by pthread_exit() or by cancellation: leave() sees them all. */
static void *thread_main(void *context)
{
	struct start start = *(struct start *)context;
	void *ret;

	call_pause();
	free(context);
	call_resume();
	if (trigger_arm_thread() < 0)
		ring_lose_without_lane(&sampler.ring, GOIDSHIM_LOST_NO_TRIGGER);
	if (wall_arm_thread() < 0)
		ring_lose_without_lane(&sampler.ring, GOIDSHIM_LOST_NO_TRIGGER);
	pthread_cleanup_push(leave, NULL);
	ret = start.function(start.argument);
	pthread_cleanup_pop(1);
	return ret;
}

__attribute__((visibility("default"))) int pthread_create(pthread_t *thread,
							  const pthread_attr_t *attr,
							  void *(*function)(void *), void *argument)
{
	struct start *start;
	int err;

	init_look_for_go();
	call_pause();
	start = init_is_recording() ? malloc(sizeof(*start)) : NULL;
	call_resume();
	if (!start)
		return next_pthread_create()(thread, attr, function, argument);
	*start = (struct start){ .function = function, .argument = argument };
	err = next_pthread_create()(thread, attr, thread_main, start);
	if (err)
		free(start);
	return err;
}
