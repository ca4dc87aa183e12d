/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel: may we use BPF on this machine, and if not, why not? Asked before
 * anything is loaded, because the kernel's own answer is a bare EPERM.
 */
#ifndef BPF_KERNEL_H
#define BPF_KERNEL_H

/*
 * kernel_can_bpf - is everything there that our programs need?
 *
 * Also silences libbpf's own messages, unless GOIDSHIM_BPF_DEBUG is set.
 * Returns 0; -EPERM without the rights; -EACCES if the kernel is locked down;
 * -ENODATA without BTF; -ENOSYS if the kernel is too old.
 */
int kernel_can_bpf(void);

/* One line for any error of loading or attaching: why, and what to do about it. */
const char *kernel_explain(int error);

#endif
