/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lock that can be had at once is had by the C library's own trylock, and that
 * is all; unlocking is not interposed. Only when it cannot does a second function,
 * off that path, wait in the real one: it is jumped to, so that its return address
 * is the program's. Whatever else trylock says (a recursion too deep, a ceiling, a
 * lock that cannot be recovered), the real function decides and says again.
 *
 * Some forms of locking refuse a bad timeout even where they need not wait; so only
 * with a good one is the lock tried first.
 *
 * For whom a lock is taken is noted before it is tried. Readers of a lock and who
 * has a spin lock are named nowhere; nothing is noted for them.
 *
 * Nothing is held across the real functions: waiting for a condition variable is
 * where threads are cancelled.
 */
#include "shim/lock.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "shim/holder.sig.h"
#include "shim/interpose.h"
#include "shim/lock.sig.h"

INTERPOSE(pthread_mutex_lock);
INTERPOSE(pthread_mutex_timedlock);
INTERPOSE(pthread_mutex_clocklock);
INTERPOSE(pthread_mutex_trylock);
INTERPOSE(pthread_rwlock_rdlock);
INTERPOSE(pthread_rwlock_timedrdlock);
INTERPOSE(pthread_rwlock_clockrdlock);
INTERPOSE(pthread_rwlock_wrlock);
INTERPOSE(pthread_rwlock_timedwrlock);
INTERPOSE(pthread_rwlock_clockwrlock);
INTERPOSE(pthread_rwlock_trywrlock);
INTERPOSE(pthread_spin_lock);
INTERPOSE(pthread_cond_wait);
INTERPOSE(pthread_cond_timedwait);
INTERPOSE(pthread_cond_clockwait);

/* Only called. */
static struct interpose interpose_pthread_rwlock_tryrdlock = { .name = "pthread_rwlock_tryrdlock" };
static struct interpose interpose_pthread_spin_trylock = { .name = "pthread_spin_trylock" };

typedef const struct timespec *restrict timeout;

/* Where the C library keeps which thread has it. */
static const int *mutex_owner(const pthread_mutex_t *lock)
{
	return &lock->__data.__owner;
}

static const int *writer_of(const pthread_rwlock_t *lock)
{
	return &lock->__data.__cur_writer;
}

/* The lock is ours. Its owner may have died and left it in disorder. */
static bool is_had(int err)
{
	return err == 0 || err == EOWNERDEAD;
}

/*
 * Where trylock is no lock that does not wait. Of a robust mutex that cannot be
 * recovered it says so, as lock does, but (in the C library, up to 2.36 at least)
 * leaves it locked, so that who comes next waits for ever. And it may have a mutex
 * with a priority ceiling that lock refuses. Those are never tried.
 */
enum { MUTEX_ROBUST = 16, MUTEX_PROTECT = 64 }; /* bits of __kind */

static bool is_untried(const pthread_mutex_t *lock)
{
	return __builtin_expect(lock->__data.__kind & (MUTEX_ROBUST | MUTEX_PROTECT), 0);
}

/* Of those: is it free, or had by this thread? If another thread has it now, a wait goes unseen. */
static __attribute__((noinline)) bool is_free(const pthread_mutex_t *lock)
{
	const __u32 state = lock->__data.__kind & MUTEX_ROBUST ? FUTEX_TID_MASK : 0x7ffff;

	holder_note((__u64)lock, (__u32)*mutex_owner(lock));
	return !((__u32)lock->__data.__lock & state) ||
	       (__u32)*mutex_owner(lock) == holder_self.tid;
}

static bool is_good(clockid_t clock, timeout until)
{
	return (clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC) && until->tv_nsec >= 0 &&
	       until->tv_nsec < 1000000000;
}

static int try_mutex(pthread_mutex_t *lock)
{
	holder_note((__u64)lock, (__u32)*mutex_owner(lock));
	return INTERPOSE_NEXT(pthread_mutex_trylock)(lock);
}

static int try_read(pthread_rwlock_t *lock)
{
	return INTERPOSE_NEXT(pthread_rwlock_tryrdlock)(lock);
}

static int try_write(pthread_rwlock_t *lock)
{
	holder_note((__u64)lock, (__u32)*writer_of(lock));
	return INTERPOSE_NEXT(pthread_rwlock_trywrlock)(lock);
}

/* The body of a function that was called, or jumped to, by the program. */
#define WAIT(kind, lock, owner, name, arguments)				\
	do {									\
		struct lock_wait wait_;						\
		int err_;							\
										\
		lock_before(&wait_, kind, (__u64)(lock), owner,			\
			    __builtin_frame_address(0));			\
		err_ = INTERPOSE_NEXT(name) arguments;				\
		lock_after(&wait_);						\
		return err_;							\
	} while (0)

/*
 * hook_NAME: has the lock if `may_try` and `try`; where that is no question, since it
 * is `untried`, if `is_free`; otherwise waits for it.
 */
#define HOOK(name, parameters, arguments, kind, owner, untried, is_free, may_try, try) \
	static __attribute__((noinline)) int wait_##name parameters		\
	{									\
		WAIT(kind, lock, owner, name, arguments);			\
	}									\
	static int hook_##name parameters					\
	{									\
		int err;							\
										\
		if (untried)							\
			return (is_free) ? INTERPOSE_NEXT(name) arguments	\
					 : wait_##name arguments;		\
		err = (may_try) ? try(lock) : EBUSY;				\
		return is_had(err) ? err : wait_##name arguments;		\
	}

#define HOOK_MUTEX(name, parameters, arguments, may_try)			\
	HOOK(name, parameters, arguments, GOIDSHIM_LOCK_MUTEX, mutex_owner(lock), \
	     is_untried(lock), is_free(lock), may_try, try_mutex)
#define HOOK_READ(name, parameters, arguments, may_try)				\
	HOOK(name, parameters, arguments, GOIDSHIM_LOCK_READ, writer_of(lock),	\
	     false, true, may_try, try_read)
#define HOOK_WRITE(name, parameters, arguments, may_try)			\
	HOOK(name, parameters, arguments, GOIDSHIM_LOCK_WRITE, writer_of(lock),	\
	     false, true, may_try, try_write)

/* The three forms in which each can be had: whatever it takes, in time, and by a clock. */
#define HOOK_FORMS(HOOK_, type, plain, timed, clocked)				\
	HOOK_(plain, (type *lock), (lock), true)				\
	HOOK_(timed, (type *restrict lock, timeout until), (lock, until),	\
	      is_good(CLOCK_REALTIME, until))					\
	HOOK_(clocked, (type *restrict lock, clockid_t clock, timeout until),	\
	      (lock, clock, until), is_good(clock, until))

HOOK_FORMS(HOOK_MUTEX, pthread_mutex_t,
	   pthread_mutex_lock, pthread_mutex_timedlock, pthread_mutex_clocklock)
HOOK_FORMS(HOOK_READ, pthread_rwlock_t,
	   pthread_rwlock_rdlock, pthread_rwlock_timedrdlock, pthread_rwlock_clockrdlock)
HOOK_FORMS(HOOK_WRITE, pthread_rwlock_t,
	   pthread_rwlock_wrlock, pthread_rwlock_timedwrlock, pthread_rwlock_clockwrlock)

static __attribute__((noinline)) int wait_spin_lock(pthread_spinlock_t *lock)
{
	WAIT(GOIDSHIM_LOCK_SPIN, lock, NULL, pthread_spin_lock, (lock));
}

static int hook_spin_lock(pthread_spinlock_t *lock)
{
	return INTERPOSE_NEXT(pthread_spin_trylock)(lock) == 0 ? 0 : wait_spin_lock(lock);
}

/* A thread that waits gives the mutex away, and takes it again, for whom it works now. */
#define HOOK_CONDITION(name, parameters, arguments)				\
	static int hook_##name parameters					\
	{									\
		holder_note((__u64)mutex, 0);					\
		WAIT(GOIDSHIM_LOCK_COND, condition, NULL, name, arguments);	\
	}

HOOK_CONDITION(pthread_cond_wait,
	       (pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex),
	       (condition, mutex))
HOOK_CONDITION(pthread_cond_timedwait,
	       (pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, timeout until),
	       (condition, mutex, until))
HOOK_CONDITION(pthread_cond_clockwait,
	       (pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
		clockid_t clock, timeout until),
	       (condition, mutex, clock, until))

static const struct interpose_hook hooks[] = {
	INTERPOSE_HOOK(pthread_mutex_lock, hook_pthread_mutex_lock),
	INTERPOSE_HOOK(pthread_mutex_timedlock, hook_pthread_mutex_timedlock),
	INTERPOSE_HOOK(pthread_mutex_clocklock, hook_pthread_mutex_clocklock),
	INTERPOSE_HOOK(pthread_mutex_trylock, try_mutex),
	INTERPOSE_HOOK(pthread_rwlock_rdlock, hook_pthread_rwlock_rdlock),
	INTERPOSE_HOOK(pthread_rwlock_timedrdlock, hook_pthread_rwlock_timedrdlock),
	INTERPOSE_HOOK(pthread_rwlock_clockrdlock, hook_pthread_rwlock_clockrdlock),
	INTERPOSE_HOOK(pthread_rwlock_wrlock, hook_pthread_rwlock_wrlock),
	INTERPOSE_HOOK(pthread_rwlock_timedwrlock, hook_pthread_rwlock_timedwrlock),
	INTERPOSE_HOOK(pthread_rwlock_clockwrlock, hook_pthread_rwlock_clockwrlock),
	INTERPOSE_HOOK(pthread_rwlock_trywrlock, try_write),
	INTERPOSE_HOOK(pthread_spin_lock, hook_spin_lock),
	INTERPOSE_HOOK(pthread_cond_wait, hook_pthread_cond_wait),
	INTERPOSE_HOOK(pthread_cond_timedwait, hook_pthread_cond_timedwait),
	INTERPOSE_HOOK(pthread_cond_clockwait, hook_pthread_cond_clockwait),
};

#define HOOKS (sizeof(hooks) / sizeof(hooks[0]))

void lock_find(void)
{
	for (size_t i = 0; i < HOOKS; i++)
		interpose_find(hooks[i].function);
	interpose_find(&interpose_pthread_rwlock_tryrdlock);
	interpose_find(&interpose_pthread_spin_trylock);
}

void lock_start(__u64 min_ns)
{
	lock_min_ns = min_ns;
	interpose_start(hooks, HOOKS);
}
