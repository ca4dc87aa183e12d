/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/tables/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int array_reserve(void *at, size_t count, size_t more, size_t *room, size_t size)
{
	size_t wanted = *room ? *room : 256;
	void *array;

	if (count + more <= *room)
		return 0;
	while (wanted < count + more)
		wanted *= 2;
	memcpy(&array, at, sizeof(array));
	array = reallocarray(array, wanted, size);
	if (!array)
		return -ENOMEM;
	memset((char *)array + *room * size, 0, (wanted - *room) * size);
	memcpy(at, &array, sizeof(array));
	*room = wanted;
	return 0;
}
