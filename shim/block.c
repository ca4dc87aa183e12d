/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands in calls the real function from a frame of its own, so that it can
 * tell when it is back; a thread that is cancelled meanwhile is unwound through
 * that frame, which has nothing to undo. Arguments are passed on unread, for the
 * kernel to judge: a pointer that the kernel would refuse must not be followed.
 *
 * Calls that cannot block by what their arguments say are passed on untimed.
 *
 * Not seen: what the C library does inside of itself (stdio, the resolver), and
 * calls by syscall(), through which vfork() and clone() can be made: nothing may
 * stand on the stack there.
 */
#include "shim/block.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shim/interpose.h"

#define NS_PER_S 1000000000l

/* By the ABI an int and what is shorter are passed as a long is, and pointers alike. */
typedef const void *pointer;

static bool is_on;
static __u64 min_ns;

void block_enter(struct block *b, __u32 number, __u64 first, void *const *frame)
{
	b->in.pc = 0;
	if (!is_on)
		return;
	b->wait = (struct inside_wait){
		.type = GOIDSHIM_RECORD_BLOCK,
		.kind = number,
		.address = first,
	};
	inside_enter(&b->in, &b->wait, frame);
}

void block_leave(const struct block *b)
{
	if (b->in.pc)
		inside_leave(&b->in, &b->wait, min_ns);
}

static bool is_wait_for_lock(int command)
{
	return command == F_SETLKW || command == F_OFD_SETLKW;
}

/*
 * What is interposed: result, name, system call, "may it block?", parameters
 * (the first is called `a`), arguments.
 */
#define CALLS(X)								\
	CALLS_OF_FILES(X)							\
	CALLS_OF_SOCKETS(X)							\
	CALLS_OF_EVENTS(X)							\
	CALLS_OF_TIME(X)							\
	CALLS_OF_PROCESSES(X)							\
	CALLS_OF_QUEUES(X)

#define CALLS_OF_FILES(X)							\
	X(ssize_t, read, read, true, (int a, pointer b, size_t c), (a, b, c))	\
	X(ssize_t, __read_chk, read, true, (int a, pointer b, size_t c, size_t d), (a, b, c, d)) \
	X(ssize_t, pread, pread64, true, (int a, pointer b, size_t c, off_t d), (a, b, c, d)) \
	X(ssize_t, pread64, pread64, true, (int a, pointer b, size_t c, off_t d), (a, b, c, d)) \
	X(ssize_t, __pread_chk, pread64, true,					\
	  (int a, pointer b, size_t c, off_t d, size_t e), (a, b, c, d, e))	\
	X(ssize_t, __pread64_chk, pread64, true,				\
	  (int a, pointer b, size_t c, off_t d, size_t e), (a, b, c, d, e))	\
	X(ssize_t, readv, readv, true, (int a, pointer b, int c), (a, b, c))	\
	X(ssize_t, preadv, preadv, true, (int a, pointer b, int c, off_t d), (a, b, c, d)) \
	X(ssize_t, preadv64, preadv, true, (int a, pointer b, int c, off_t d), (a, b, c, d)) \
	X(ssize_t, preadv2, preadv2, !(e & RWF_NOWAIT),				\
	  (int a, pointer b, int c, off_t d, int e), (a, b, c, d, e))		\
	X(ssize_t, preadv64v2, preadv2, !(e & RWF_NOWAIT),			\
	  (int a, pointer b, int c, off_t d, int e), (a, b, c, d, e))		\
	X(ssize_t, write, write, true, (int a, pointer b, size_t c), (a, b, c))	\
	X(ssize_t, pwrite, pwrite64, true, (int a, pointer b, size_t c, off_t d), (a, b, c, d)) \
	X(ssize_t, pwrite64, pwrite64, true, (int a, pointer b, size_t c, off_t d), (a, b, c, d)) \
	X(ssize_t, writev, writev, true, (int a, pointer b, int c), (a, b, c))	\
	X(ssize_t, pwritev, pwritev, true, (int a, pointer b, int c, off_t d), (a, b, c, d)) \
	X(ssize_t, pwritev64, pwritev, true, (int a, pointer b, int c, off_t d), (a, b, c, d)) \
	X(ssize_t, pwritev2, pwritev2, !(e & RWF_NOWAIT),			\
	  (int a, pointer b, int c, off_t d, int e), (a, b, c, d, e))		\
	X(ssize_t, pwritev64v2, pwritev2, !(e & RWF_NOWAIT),			\
	  (int a, pointer b, int c, off_t d, int e), (a, b, c, d, e))		\
	X(int, open, open, !(b & O_NONBLOCK), (pointer a, int b, mode_t c), (a, b, c)) \
	X(int, open64, open, !(b & O_NONBLOCK), (pointer a, int b, mode_t c), (a, b, c)) \
	X(int, __open_2, open, !(b & O_NONBLOCK), (pointer a, int b), (a, b))	\
	X(int, __open64_2, open, !(b & O_NONBLOCK), (pointer a, int b), (a, b))	\
	X(int, openat, openat, !(c & O_NONBLOCK),				\
	  (int a, pointer b, int c, mode_t d), (a, b, c, d))			\
	X(int, openat64, openat, !(c & O_NONBLOCK),				\
	  (int a, pointer b, int c, mode_t d), (a, b, c, d))			\
	X(int, __openat_2, openat, !(c & O_NONBLOCK), (int a, pointer b, int c), (a, b, c)) \
	X(int, __openat64_2, openat, !(c & O_NONBLOCK), (int a, pointer b, int c), (a, b, c)) \
	X(int, creat, open, true, (pointer a, mode_t b), (a, b))		\
	X(int, creat64, open, true, (pointer a, mode_t b), (a, b))		\
	X(int, fsync, fsync, true, (int a), (a))				\
	X(int, fdatasync, fdatasync, true, (int a), (a))			\
	X(int, msync, msync, true, (pointer a, size_t b, int c), (a, b, c))	\
	X(int, syncfs, syncfs, true, (int a), (a))				\
	X(int, sync_file_range, sync_file_range, true,				\
	  (int a, off_t b, off_t c, unsigned d), (a, b, c, d))			\
	X(int, flock, flock, !(b & (LOCK_NB | LOCK_UN)), (int a, int b), (a, b)) \
	X(int, lockf, fcntl, b == F_LOCK, (int a, int b, off_t c), (a, b, c))	\
	X(int, lockf64, fcntl, b == F_LOCK, (int a, int b, off_t c), (a, b, c))	\
	X(int, fcntl, fcntl, is_wait_for_lock(b), (int a, int b, long c), (a, b, c)) \
	X(int, fcntl64, fcntl, is_wait_for_lock(b), (int a, int b, long c), (a, b, c)) \
	X(ssize_t, sendfile, sendfile, true, (int a, int b, pointer c, size_t d), (a, b, c, d)) \
	X(ssize_t, sendfile64, sendfile, true, (int a, int b, pointer c, size_t d), (a, b, c, d)) \
	X(ssize_t, splice, splice, !(f & SPLICE_F_NONBLOCK),			\
	  (int a, pointer b, int c, pointer d, size_t e, unsigned f), (a, b, c, d, e, f)) \
	X(ssize_t, copy_file_range, copy_file_range, true,			\
	  (int a, pointer b, int c, pointer d, size_t e, unsigned f), (a, b, c, d, e, f)) \
	X(int, tcdrain, ioctl, true, (int a), (a))

#define CALLS_OF_SOCKETS(X)							\
	X(int, connect, connect, true, (int a, pointer b, socklen_t c), (a, b, c)) \
	X(int, accept, accept, true, (int a, pointer b, pointer c), (a, b, c))	\
	X(int, accept4, accept4, true, (int a, pointer b, pointer c, int d), (a, b, c, d)) \
	X(ssize_t, recv, recvfrom, !(d & MSG_DONTWAIT),				\
	  (int a, pointer b, size_t c, int d), (a, b, c, d))			\
	X(ssize_t, __recv_chk, recvfrom, !(e & MSG_DONTWAIT),			\
	  (int a, pointer b, size_t c, size_t d, int e), (a, b, c, d, e))	\
	X(ssize_t, recvfrom, recvfrom, !(d & MSG_DONTWAIT),			\
	  (int a, pointer b, size_t c, int d, pointer e, pointer f), (a, b, c, d, e, f)) \
	X(ssize_t, __recvfrom_chk, recvfrom, !(e & MSG_DONTWAIT),		\
	  (int a, pointer b, size_t c, size_t d, int e, pointer f, pointer g),	\
	  (a, b, c, d, e, f, g))						\
	X(ssize_t, recvmsg, recvmsg, !(c & MSG_DONTWAIT), (int a, pointer b, int c), (a, b, c)) \
	X(int, recvmmsg, recvmmsg, !(d & MSG_DONTWAIT),				\
	  (int a, pointer b, unsigned c, int d, pointer e), (a, b, c, d, e))	\
	X(ssize_t, send, sendto, !(d & MSG_DONTWAIT),				\
	  (int a, pointer b, size_t c, int d), (a, b, c, d))			\
	X(ssize_t, sendto, sendto, !(d & MSG_DONTWAIT),				\
	  (int a, pointer b, size_t c, int d, pointer e, socklen_t f), (a, b, c, d, e, f)) \
	X(ssize_t, sendmsg, sendmsg, !(c & MSG_DONTWAIT), (int a, pointer b, int c), (a, b, c)) \
	X(int, sendmmsg, sendmmsg, !(d & MSG_DONTWAIT),				\
	  (int a, pointer b, unsigned c, int d), (a, b, c, d))

#define CALLS_OF_EVENTS(X)							\
	X(int, poll, poll, c != 0, (pointer a, unsigned long b, int c), (a, b, c)) \
	X(int, __poll_chk, poll, c != 0,					\
	  (pointer a, unsigned long b, int c, size_t d), (a, b, c, d))		\
	X(int, ppoll, ppoll, true, (pointer a, unsigned long b, pointer c, pointer d), (a, b, c, d)) \
	X(int, __ppoll_chk, ppoll, true,					\
	  (pointer a, unsigned long b, pointer c, pointer d, size_t e), (a, b, c, d, e)) \
	X(int, select, select, true,						\
	  (int a, pointer b, pointer c, pointer d, pointer e), (a, b, c, d, e))	\
	X(int, pselect, pselect6, true,						\
	  (int a, pointer b, pointer c, pointer d, pointer e, pointer f), (a, b, c, d, e, f)) \
	X(int, epoll_wait, epoll_wait, d != 0, (int a, pointer b, int c, int d), (a, b, c, d)) \
	X(int, epoll_pwait, epoll_pwait, d != 0,				\
	  (int a, pointer b, int c, int d, pointer e), (a, b, c, d, e))		\
	X(int, epoll_pwait2, epoll_pwait2, true,				\
	  (int a, pointer b, int c, pointer d, pointer e), (a, b, c, d, e))	\
	X(int, pause, pause, true, (void), ())					\
	X(int, sigsuspend, rt_sigsuspend, true, (pointer a), (a))

#define CALLS_OF_TIME(X)							\
	X(int, nanosleep, nanosleep, true, (pointer a, pointer b), (a, b))	\
	X(int, clock_nanosleep, clock_nanosleep, true,				\
	  (int a, int b, pointer c, pointer d), (a, b, c, d))			\
	X(int, usleep, nanosleep, true, (unsigned a), (a))			\
	X(unsigned, sleep, nanosleep, true, (unsigned a), (a))			\
	X(int, thrd_sleep, nanosleep, true, (pointer a, pointer b), (a, b))

#define CALLS_OF_PROCESSES(X)							\
	X(pid_t, wait, wait4, true, (pointer a), (a))				\
	X(pid_t, waitpid, wait4, !(c & WNOHANG), (pid_t a, pointer b, int c), (a, b, c)) \
	X(pid_t, wait3, wait4, !(b & WNOHANG), (pointer a, int b, pointer c), (a, b, c)) \
	X(pid_t, wait4, wait4, !(c & WNOHANG),					\
	  (pid_t a, pointer b, int c, pointer d), (a, b, c, d))			\
	X(int, waitid, waitid, !(d & WNOHANG),					\
	  (int a, id_t b, pointer c, int d), (a, b, c, d))			\
	X(int, system, wait4, true, (pointer a), (a))				\
	X(int, pclose, wait4, true, (pointer a), (a))				\
	X(int, pthread_join, futex, true, (pthread_t a, pointer b), (a, b))	\
	X(int, pthread_timedjoin_np, futex, true,				\
	  (pthread_t a, pointer b, pointer c), (a, b, c))			\
	X(int, pthread_clockjoin_np, futex, true,				\
	  (pthread_t a, pointer b, int c, pointer d), (a, b, c, d))		\
	X(int, thrd_join, futex, true, (pthread_t a, pointer b), (a, b))	\
	X(int, pthread_barrier_wait, futex, true, (pointer a), (a))

#define CALLS_OF_QUEUES(X)							\
	X(ssize_t, msgrcv, msgrcv, !(e & IPC_NOWAIT),				\
	  (int a, pointer b, size_t c, long d, int e), (a, b, c, d, e))		\
	X(int, msgsnd, msgsnd, !(d & IPC_NOWAIT),				\
	  (int a, pointer b, size_t c, int d), (a, b, c, d))			\
	X(int, semop, semop, true, (int a, pointer b, size_t c), (a, b, c))	\
	X(int, semtimedop, semtimedop, true,					\
	  (int a, pointer b, size_t c, pointer d), (a, b, c, d))		\
	X(ssize_t, mq_receive, mq_timedreceive, true,				\
	  (int a, pointer b, size_t c, pointer d), (a, b, c, d))		\
	X(ssize_t, mq_timedreceive, mq_timedreceive, true,			\
	  (int a, pointer b, size_t c, pointer d, pointer e), (a, b, c, d, e))	\
	X(int, mq_send, mq_timedsend, true,					\
	  (int a, pointer b, size_t c, unsigned d), (a, b, c, d))		\
	X(int, mq_timedsend, mq_timedsend, true,				\
	  (int a, pointer b, size_t c, unsigned d, pointer e), (a, b, c, d, e))

/* The first argument, for a record; pause() has none. */
#define FIRST_OF(arguments) FIRST_OF_ arguments
#define FIRST_OF_(...) FIRST_OF__(__VA_ARGS__ __VA_OPT__(,) 0, 0)
#define FIRST_OF__(first, ...) ((__u64)(first))

#define HOOK(result, name, number, may_block, parameters, arguments)		\
	static result hook_##name parameters					\
	{									\
		result (*next) parameters =					\
			(result (*) parameters)interpose_##name.next;		\
		struct block call;							\
		result ret;							\
										\
		if (!(may_block))						\
			return next arguments;					\
		block_enter(&call, __NR_##number, FIRST_OF(arguments),		\
			    __builtin_frame_address(0));			\
		ret = next arguments;						\
		block_leave(&call);						\
		return ret;							\
	}

#define THUNK(result, name, number, may_block, parameters, arguments) INTERPOSE(name);
#define ROW(result, name, number, may_block, parameters, arguments) \
	INTERPOSE_HOOK(name, hook_##name),

CALLS(THUNK)
CALLS(HOOK)

/*
 * Semaphores do not enter the kernel unless they must. What they check before
 * they take one, they must check here too: cancellation, and the time.
 */
INTERPOSE(sem_wait);
INTERPOSE(sem_timedwait);
INTERPOSE(sem_clockwait);

/* sem_trywait() changes errno when it fails: then the real call would not. */
static bool is_taken_at_once(sem_t *semaphore)
{
	int saved = errno;
	bool taken;

	pthread_testcancel();
	taken = sem_trywait(semaphore) == 0;
	errno = saved;
	return taken;
}

static bool is_time(const struct timespec *t)
{
	return t->tv_nsec >= 0 && t->tv_nsec < NS_PER_S;
}

/* The wait of three functions, which differ in what they are called with. */
#define HOOK_SEMAPHORE(name, is_valid, parameters, arguments)			\
	static int hook_##name parameters					\
	{									\
		struct block call;							\
		int ret;							\
										\
		if ((is_valid) && is_taken_at_once(a))				\
			return 0;						\
		block_enter(&call, __NR_futex, (__u64)a, __builtin_frame_address(0)); \
		ret = INTERPOSE_NEXT(name) arguments;				\
		block_leave(&call);						\
		return ret;							\
	}

HOOK_SEMAPHORE(sem_wait, true, (sem_t *a), (a))
HOOK_SEMAPHORE(sem_timedwait, is_time(b), (sem_t *a, const struct timespec *b), (a, b))
HOOK_SEMAPHORE(sem_clockwait, is_time(c) && (b == CLOCK_REALTIME || b == CLOCK_MONOTONIC),
	       (sem_t *a, clockid_t b, const struct timespec *c), (a, b, c))

static const struct interpose_hook hooks[] = {
	CALLS(ROW)
	INTERPOSE_HOOK(sem_wait, hook_sem_wait),
	INTERPOSE_HOOK(sem_timedwait, hook_sem_timedwait),
	INTERPOSE_HOOK(sem_clockwait, hook_sem_clockwait),
};

#define HOOKS (sizeof(hooks) / sizeof(hooks[0]))

void block_find(void)
{
	for (size_t i = 0; i < HOOKS; i++)
		interpose_find(hooks[i].function);
}

void block_start(__u64 min)
{
	min_ns = min;
	__atomic_store_n(&is_on, true, __ATOMIC_RELEASE);
	interpose_start(hooks, HOOKS);
}
