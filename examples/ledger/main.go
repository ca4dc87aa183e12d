// SPDX-License-Identifier: BSD-2-Clause

// The ledger example: goroutines that share a small C library, and what goes
// wrong in such programs. Each entry is written under the library's one lock,
// and made safe by fsync before the lock is let go; reports take the same lock;
// notes are C strings that nobody frees; and one goroutine asks a peer that
// never answers. Go's own profiles show none of it.
package main

// #include <stdlib.h>
// #include "ledger.h"
import "C"

import (
	"flag"
	"fmt"
	"log"
	"os"
	"sync"
	"time"
	"unsafe"
)

var work sync.WaitGroup

// enter writes entries, each of them safely on disk.
func enter(count int) {
	defer work.Done()
	for i := 0; i < count; i++ {
		C.ledger_enter(C.long(i))
		time.Sleep(time.Millisecond)
	}
}

// report adds up all entries, again and again.
func report(count int) {
	defer work.Done()
	for i := 0; i < count; i++ {
		C.ledger_sum()
		time.Sleep(2 * time.Millisecond)
	}
}

// annotate makes C strings, and forgets them.
func annotate(count int) {
	defer work.Done()
	note := C.CString(fmt.Sprintf("%16384d", count))
	defer C.free(unsafe.Pointer(note))
	for i := 0; i < 20*count; i++ {
		C.ledger_note(note)
	}
}

// audit asks a peer, and waits for its answer.
func audit() { C.ledger_audit() }

func main() {
	count := flag.Int("count", 200, "entries to write")
	folder := flag.String("folder", os.TempDir(), "where the ledger is")
	flag.Parse()
	path := C.CString(*folder + "/ledger")
	defer C.free(unsafe.Pointer(path))
	if C.ledger_open(path) != 0 {
		log.Fatalf("%s: cannot make a ledger here", *folder)
	}
	work.Add(3)
	go audit()
	go enter(*count)
	go report(*count)
	go annotate(*count)
	work.Wait()
	C.ledger_close(path)
}
