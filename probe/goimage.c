/* SPDX-License-Identifier: BSD-2-Clause */
/* The bytes of one ELF object by run-time address, bounds-checked. See goimage.h. */
#include "probe/goimage.h"

#include <errno.h>
#include <string.h>

int goimage_add_segment(struct goimage *image, const struct goimage_segment *segment)
{
	if (image->segment_count == GOIMAGE_MAX_SEGMENTS)
		return -E2BIG;
	if (segment->file_size > segment->mem_size)
		return -EBADMSG;
	if (segment->vaddr + segment->mem_size < segment->vaddr)
		return -EBADMSG;
	image->segments[image->segment_count++] = *segment;
	return 0;
}

static int add_phdr(struct goimage *image, const ElfW(Phdr) *phdr)
{
	struct goimage_segment segment = {
		.vaddr = image->load_bias + phdr->p_vaddr,
		.mem_size = phdr->p_memsz,
		.flags = phdr->p_flags,
	};

	if (phdr->p_type == PT_TLS) {
		image->tls_vaddr = segment.vaddr;
		image->tls_mem_size = phdr->p_memsz;
		image->tls_align = phdr->p_align ? phdr->p_align : 1;
	}
	if (phdr->p_type != PT_LOAD)
		return 0;
	segment.bytes = phdr->p_flags & PF_R ? (const __u8 *)segment.vaddr : NULL;
	segment.file_size = phdr->p_flags & PF_R ? phdr->p_filesz : 0;
	return goimage_add_segment(image, &segment);
}

int goimage_from_phdr(const struct dl_phdr_info *info, struct goimage *ret)
{
	int err;

	memset(ret, 0, sizeof(*ret));
	ret->load_bias = info->dlpi_addr;
	ret->is_executable = info->dlpi_name == NULL || info->dlpi_name[0] == '\0';
	ret->is_live = true;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		err = add_phdr(ret, &info->dlpi_phdr[i]);
		if (err)
			return err;
	}
	return 0;
}

static const struct goimage_segment *find_segment(const struct goimage *image, __u64 vaddr)
{
	for (unsigned i = 0; i < image->segment_count; i++) {
		const struct goimage_segment *segment = &image->segments[i];

		if (vaddr - segment->vaddr < segment->mem_size)
			return segment;
	}
	return NULL;
}

__u64 goimage_room(const struct goimage *image, __u64 vaddr)
{
	const struct goimage_segment *segment = find_segment(image, vaddr);

	if (!segment || vaddr - segment->vaddr >= segment->file_size)
		return 0;
	return segment->file_size - (vaddr - segment->vaddr);
}

const __u8 *goimage_bytes(const struct goimage *image, __u64 vaddr, __u64 size)
{
	const struct goimage_segment *segment = find_segment(image, vaddr);

	if (!segment || vaddr - segment->vaddr >= segment->file_size)
		return NULL;
	if (size > segment->file_size - (vaddr - segment->vaddr))
		return NULL;
	return segment->bytes + (vaddr - segment->vaddr);
}

int goimage_read_u64(const struct goimage *image, __u64 vaddr, __u64 *ret)
{
	const __u8 *bytes = goimage_bytes(image, vaddr, sizeof(*ret));
	const struct goimage_segment *segment;

	if (bytes) {
		memcpy(ret, bytes, sizeof(*ret));
		return 0;
	}
	segment = find_segment(image, vaddr);
	if (!segment || segment->bytes == NULL || vaddr - segment->vaddr < segment->file_size)
		return -EFAULT;
	*ret = 0;
	return 0;
}

bool goimage_is_code(const struct goimage *image, __u64 vaddr)
{
	const struct goimage_segment *segment = find_segment(image, vaddr);

	return segment && (segment->flags & PF_X);
}
