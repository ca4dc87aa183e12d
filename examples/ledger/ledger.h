/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LEDGER_H
#define LEDGER_H

int ledger_open(const char *path);
void ledger_enter(long entry);
long ledger_sum(void);
void ledger_note(const char *text);
void ledger_audit(void);
void ledger_close(const char *path);

#endif
