/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/goself.sig.h"

#include "probe/peek.sig.h"

/* A g that is nobody's, for threads that have none; it has room for every goid's offset. */
static const __u64 nobody[64];
static const __u64 *const nobody_at = nobody;

/* In doubt, it is. Before 1.21 an extra M that is parked leaves no g behind. */
static bool may_be_extra_m(const struct goidshim_golayout *layout, __u64 m)
{
	__u8 is_extra;

	if (layout->go_minor < 21)
		return false;
	return layout->m_isextra == GOIDSHIM_NO_OFFSET ||
	       !peek_u8(m + layout->m_isextra, &is_extra) || is_extra;
}

void goself_learn(struct goself *self, const struct goidshim_golayout *layout,
		  const struct goid_reading *reading)
{
	__u64 curg_at = 0;

	if (reading->class_ == GOIDSHIM_CLASS_C && reading->g == reading->g0 &&
	    !may_be_extra_m(layout, reading->m))
		curg_at = reading->m + layout->m_curg;
	else if (reading->class_ == GOIDSHIM_CLASS_C_THREAD && reading->g == 0 &&
		 layout->g_goid < sizeof(nobody))
		curg_at = (__u64)&nobody_at;
	self->g = GOSELF_UNKNOWN;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (!curg_at)
		return;
	self->curg_at = curg_at;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	self->g = reading->g;
}
