# SPDX-License-Identifier: BSD-2-Clause
# examples/: a small real cgo program to try it on. Depends on nothing.
sqlite_sources = %D%/sqlite/main.go %D%/sqlite/packages.go %D%/sqlite/jobs.go
EXTRA_DIST += $(sqlite_sources) %D%/sqlite/flamegraph.png
dist_noinst_SCRIPTS += %D%/demo.sh

if HAVE_EXAMPLE
noinst_DATA += %D%/sqlite/sqlite
CLEANFILES += %D%/sqlite/sqlite

# Built in one step from Debian's Go packages and the system's SQLite.
%D%/sqlite/sqlite: $(sqlite_sources)
	@$(MKDIR_P) %D%/sqlite
	$(AM_V_GEN)cd $(srcdir)/%D%/sqlite && \
		GO111MODULE=off GOFLAGS= GOPATH=$(GO_PACKAGES) $(GO) build -tags libsqlite3 \
		-o $(abs_builddir)/%D%/sqlite/sqlite $(notdir $(sqlite_sources))
endif

demo: all
	@$(SHELL) $(srcdir)/%D%/demo.sh

.PHONY: demo
