# SPDX-License-Identifier: BSD-2-Clause
# examples/: small cgo programs to try it on. Depends on nothing.
sqlite_sources = %D%/sqlite/main.go %D%/sqlite/packages.go %D%/sqlite/jobs.go
EXTRA_DIST += $(sqlite_sources) %D%/sqlite/flamegraph.png
ledger_sources = %D%/ledger/main.go %D%/ledger/ledger.c %D%/ledger/ledger.h
EXTRA_DIST += $(ledger_sources)
dist_noinst_SCRIPTS += %D%/demo.sh

if HAVE_EXAMPLE
noinst_DATA += %D%/sqlite/sqlite %D%/ledger/ledger
CLEANFILES += %D%/sqlite/sqlite %D%/ledger/ledger

# Built in one step from Debian's Go packages and the system's SQLite.
%D%/sqlite/sqlite: $(sqlite_sources)
	@$(MKDIR_P) %D%/sqlite
	$(AM_V_GEN)cd $(srcdir)/%D%/sqlite && \
		GO111MODULE=off GOFLAGS= GOPATH=$(GO_PACKAGES) $(GO) build -tags libsqlite3 \
		-o $(abs_builddir)/%D%/sqlite/sqlite $(notdir $(sqlite_sources))

%D%/ledger/ledger: $(ledger_sources)
	@$(MKDIR_P) %D%/ledger
	$(AM_V_GEN)cd $(srcdir)/%D%/ledger && \
		GO111MODULE=off GOFLAGS= $(GO) build -o $(abs_builddir)/%D%/ledger/ledger .
endif

demo: all
	@$(SHELL) $(srcdir)/%D%/demo.sh

.PHONY: demo
