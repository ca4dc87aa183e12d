// SPDX-License-Identifier: BSD-2-Clause

// Sqlite is a small cgo program to try goidshim on. It reads the machine's own
// package database into SQLite, and lets a few goroutines work on it, each for
// a known share of CPU time: some in SQL, so in C; some in Go; one in SQL that
// calls a Go function. Then it prints what each of them really used, by its own
// thread's CPU clock, to compare with what goidshim-dump says.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// job is what one goroutine does, again and again, until it has used its CPU time.
type job struct {
	name string
	cpu  time.Duration
	// prepare returns the work to repeat, and what ends it. The work's result
	// is the same each time.
	prepare func(packages []pkg) (work func() int, done func())
}

var jobs = []job{
	{"closure (C: recursive SQL)", 600 * time.Millisecond, prepareClosure},
	{"search (C: SQL)", 400 * time.Millisecond, prepareSearch},
	{"score (C: SQL, calling Go)", 300 * time.Millisecond, prepareScore},
	{"words (Go)", 200 * time.Millisecond, prepareWords},
	{"sort (Go)", 100 * time.Millisecond, prepareSort},
}

// outcome is what a job's goroutine learned.
type outcome struct {
	goid   uint64
	result int
	cpu    time.Duration
}

const clockThreadCPU = 3 // CLOCK_THREAD_CPUTIME_ID

// threadCPU returns the CPU time that this thread has used so far.
func threadCPU() time.Duration {
	var ts syscall.Timespec
	_, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockThreadCPU,
		uintptr(unsafe.Pointer(&ts)), 0)
	if errno != 0 {
		panic(errno)
	}
	return time.Duration(ts.Nano())
}

// goid returns the number of the calling goroutine, from its stack trace.
func goid() (id uint64) {
	var text [64]byte
	runtime.Stack(text[:], false)
	if _, err := fmt.Sscanf(string(text[:]), "goroutine %d ", &id); err != nil {
		panic(err)
	}
	return id
}

// run works in one thread that is this goroutine's own.
func (j job) run(packages []pkg, scale float64) (o outcome) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := threadCPU()
	budget := time.Duration(float64(j.cpu) * scale)
	work, done := j.prepare(packages)
	defer done()
	for o.cpu = 0; o.cpu < budget; o.cpu = threadCPU() - start {
		o.result = work()
	}
	o.goid = goid()
	return o
}

func runAll(packages []pkg, scale float64) []outcome {
	outcomes := make([]outcome, len(jobs))
	var all sync.WaitGroup
	all.Add(len(jobs))
	for i := range jobs {
		go func(i int) {
			defer all.Done()
			outcomes[i] = jobs[i].run(packages, scale)
		}(i)
	}
	all.Wait()
	return outcomes
}

func print(outcomes []outcome) {
	total := time.Duration(0)
	for i, o := range outcomes {
		fmt.Printf("%-28s %d\n", jobs[i].name, o.result)
		total += o.cpu
	}
	fmt.Printf("\nThe truth, by each thread's own clock:\n%10s %10s %8s  %s\n",
		"goroutine", "CPU ms", "share", "work")
	for i, o := range outcomes {
		fmt.Printf("%10d %10.1f %7.2f%%  %s\n", o.goid, o.cpu.Seconds()*1e3,
			100*o.cpu.Seconds()/total.Seconds(), jobs[i].name)
	}
}

func main() {
	status := flag.String("status", "/var/lib/dpkg/status", "the package database to read")
	scale := flag.Float64("scale", 1, "how many times the usual work")
	flag.Parse()
	packages, err := readPackages(*status)
	if err != nil {
		fmt.Fprintln(os.Stderr, "sqlite:", err)
		os.Exit(1)
	}
	print(runAll(packages, *scale))
}
