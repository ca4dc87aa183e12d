/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The semaphores of the USDT probes: counters that the kernel raises in each
 * process while somebody listens. Listeners find them by the probes' notes.
 */
#include "shim/usdt.sig.h"

#define SEMAPHORE __attribute__((section(".probes")))

volatile __u16 goidshim_sample_semaphore SEMAPHORE;
volatile __u16 goidshim_thread_semaphore SEMAPHORE;
volatile __u16 goidshim_objects_semaphore SEMAPHORE;
volatile __u16 otel_memory_alloc_semaphore SEMAPHORE;
volatile __u16 otel_memory_free_semaphore SEMAPHORE;
