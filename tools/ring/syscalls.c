/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/ring/syscalls.h"

#include <sys/syscall.h>

const char *syscalls_name(unsigned number)
{
	static const char *const names[] = {
		[SYS_read] = "read", [SYS_write] = "write", [SYS_readv] = "readv",
		[SYS_writev] = "writev", [SYS_pread64] = "pread64", [SYS_pwrite64] = "pwrite64",
		[SYS_preadv] = "preadv", [SYS_pwritev] = "pwritev", [SYS_preadv2] = "preadv2",
		[SYS_pwritev2] = "pwritev2", [SYS_open] = "open", [SYS_openat] = "openat",
		[SYS_openat2] = "openat2", [SYS_close] = "close", [SYS_recvfrom] = "recvfrom",
		[SYS_sendto] = "sendto", [SYS_recvmsg] = "recvmsg", [SYS_sendmsg] = "sendmsg",
		[SYS_recvmmsg] = "recvmmsg", [SYS_sendmmsg] = "sendmmsg", [SYS_accept] = "accept",
		[SYS_accept4] = "accept4", [SYS_connect] = "connect", [SYS_shutdown] = "shutdown",
		[SYS_sendfile] = "sendfile", [SYS_splice] = "splice", [SYS_tee] = "tee",
		[SYS_vmsplice] = "vmsplice", [SYS_copy_file_range] = "copy_file_range",
		[SYS_poll] = "poll", [SYS_ppoll] = "ppoll", [SYS_select] = "select",
		[SYS_pselect6] = "pselect6", [SYS_epoll_wait] = "epoll_wait",
		[SYS_epoll_pwait] = "epoll_pwait", [SYS_epoll_pwait2] = "epoll_pwait2",
		[SYS_nanosleep] = "nanosleep", [SYS_clock_nanosleep] = "clock_nanosleep",
		[SYS_pause] = "pause", [SYS_rt_sigsuspend] = "rt_sigsuspend",
		[SYS_rt_sigtimedwait] = "rt_sigtimedwait", [SYS_futex] = "futex",
		[SYS_wait4] = "wait4", [SYS_waitid] = "waitid", [SYS_fsync] = "fsync",
		[SYS_fdatasync] = "fdatasync", [SYS_sync] = "sync", [SYS_syncfs] = "syncfs",
		[SYS_msync] = "msync", [SYS_sync_file_range] = "sync_file_range",
		[SYS_flock] = "flock", [SYS_fcntl] = "fcntl", [SYS_ioctl] = "ioctl",
		[SYS_semop] = "semop", [SYS_semtimedop] = "semtimedop", [SYS_msgrcv] = "msgrcv",
		[SYS_msgsnd] = "msgsnd", [SYS_mq_timedsend] = "mq_timedsend",
		[SYS_mq_timedreceive] = "mq_timedreceive", [SYS_io_getevents] = "io_getevents",
		[SYS_io_pgetevents] = "io_pgetevents", [SYS_io_uring_enter] = "io_uring_enter",
		[SYS_getrandom] = "getrandom", [SYS_stat] = "stat", [SYS_fstat] = "fstat",
		[SYS_lstat] = "lstat", [SYS_newfstatat] = "newfstatat", [SYS_statx] = "statx",
		[SYS_rename] = "rename", [SYS_renameat] = "renameat",
		[SYS_renameat2] = "renameat2", [SYS_unlink] = "unlink",
		[SYS_unlinkat] = "unlinkat", [SYS_mkdir] = "mkdir", [SYS_rmdir] = "rmdir",
		[SYS_link] = "link", [SYS_symlink] = "symlink", [SYS_truncate] = "truncate",
		[SYS_ftruncate] = "ftruncate", [SYS_fallocate] = "fallocate",
		[SYS_getdents] = "getdents", [SYS_getdents64] = "getdents64", [SYS_mmap] = "mmap",
		[SYS_munmap] = "munmap", [SYS_mremap] = "mremap", [SYS_mprotect] = "mprotect",
		[SYS_madvise] = "madvise", [SYS_mlock] = "mlock", [SYS_execve] = "execve",
		[SYS_vfork] = "vfork", [SYS_clone] = "clone",
	};

	if (number >= sizeof(names) / sizeof(names[0]) || !names[number])
		return "unknown";
	return names[number];
}
