/* SPDX-License-Identifier: BSD-2-Clause */
#include "bpf/kernel.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/* bpf_get_attach_cookie, on which libbpf's USDT support stands. */
#define KERNEL_MAJOR 5
#define KERNEL_MINOR 15

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return 0;
}

static bool is_old(void)
{
	unsigned major = 0, minor = 0;
	struct utsname name;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major < KERNEL_MAJOR || (major == KERNEL_MAJOR && minor < KERNEL_MINOR);
}

static bool has_capability(const __u32 effective[2], unsigned capability)
{
	return effective[capability / 32] & (1u << capability % 32);
}

static bool has_rights(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	__u32 effective[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	effective[0] = data[0].effective;
	effective[1] = data[1].effective;
	return has_capability(effective, CAP_SYS_ADMIN) ||
	       (has_capability(effective, CAP_BPF) && has_capability(effective, CAP_PERFMON));
}

/* "none integrity [confidentiality]": only the last forbids reading memory by BPF. */
static bool is_locked_down(void)
{
	char text[128] = "";
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");

	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return strstr(text, "[confidentiality]") != NULL;
}

int kernel_can_bpf(void)
{
	if (!getenv("GOIDSHIM_BPF_DEBUG"))
		libbpf_set_print(quiet);
	if (is_old())
		return -ENOSYS;
	if (!has_rights())
		return -EPERM;
	if (is_locked_down())
		return -EACCES;
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return -ENODATA;
	return 0;
}

const char *kernel_explain(int error)
{
	switch (error) {
	case -EPERM:
		return "no right to use BPF: run as root, or with CAP_BPF and CAP_PERFMON";
	case -EACCES:
		return "the kernel is locked down (confidentiality): BPF may not read memory";
	case -ENODATA:
		return "the kernel has no type information: /sys/kernel/btf/vmlinux is missing";
	case -ENOSYS:
		return "the kernel is too old: Linux 5.15 or later is needed";
	case -ESRCH:
		return "no such process";
	default:
		return strerror(-error);
	}
}
