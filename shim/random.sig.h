/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random numbers for samplers: a generator per thread, of one word, because
 * nothing of the C library's may be called where they are drawn. Not for secrets.
 * Signal-safe: yes; a generator belongs to one context of one thread.
 */
#ifndef SHIM_RANDOM_SIG_H
#define SHIM_RANDOM_SIG_H

#include <linux/types.h>

/* Spreads what a seed is made of over all bits (the finalizer of splitmix64). */
static inline __u64 random_mix(__u64 x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

/* xorshift64*, by Vigna. The state must not be 0. */
static inline __u64 random_next(__u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

#endif
