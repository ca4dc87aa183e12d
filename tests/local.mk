# SPDX-License-Identifier: BSD-2-Clause

dist_noinst_SCRIPTS += %D%/go-toolchains
