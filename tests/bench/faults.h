/* SPDX-License-Identifier: BSD-2-Clause */
/* The floor of everything that works by a fault, and a handler for what does. */
#ifndef TESTS_BENCH_FAULTS_H
#define TESTS_BENCH_FAULTS_H

/* Installs a handler for peeks, fsbase's FAULT method, and the floor below. */
void faults_catch(void);

/* A load at a bad address whose handler does nothing but step over it. */
void faults_bare(unsigned long n, void *arg);

#endif
