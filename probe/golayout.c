/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/golayout.h"

#include <errno.h>
#include <string.h>

int golayout_resolve(const struct gobinary *binary, struct goidshim_golayout *ret_layout,
		     struct golayout_report *ret_report)
{
	memset(ret_report, 0, sizeof(*ret_report));
	ret_report->refusal = "not written yet";
	return -ENOTSUP;
}

const char *golayout_field_name(enum golayout_field field)
{
	return "?";
}

const char *golayout_table_source(unsigned minor)
{
	return NULL;
}

const char *golayout_origin_name(enum golayout_origin origin)
{
	return "none";
}
