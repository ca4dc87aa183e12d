// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"database/sql"
	"sort"
	"strings"

	sqlite3 "github.com/mattn/go-sqlite3"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func init() {
	sql.Register("sqlite3_with_score", &sqlite3.SQLiteDriver{
		ConnectHook: func(conn *sqlite3.SQLiteConn) error {
			return conn.RegisterFunc("score", score, true)
		},
	})
}

// fill makes a database in memory. Each job has its own, so that none waits for
// another's lock.
func fill(packages []pkg) *sql.DB {
	db, err := sql.Open("sqlite3_with_score", ":memory:")
	check(err)
	db.SetMaxOpenConns(1)
	transaction, err := db.Begin()
	check(err)
	_, err = transaction.Exec(`
		CREATE TABLE package (name TEXT, section TEXT, description TEXT);
		CREATE TABLE depends (package TEXT, needs TEXT);
		CREATE INDEX depends_package ON depends (package)`)
	check(err)
	for _, p := range packages {
		_, err = transaction.Exec("INSERT INTO package VALUES (?, ?, ?)",
			p.name, p.section, p.description)
		check(err)
		for _, needs := range p.depends {
			_, err = transaction.Exec("INSERT INTO depends VALUES (?, ?)", p.name, needs)
			check(err)
		}
	}
	check(transaction.Commit())
	return db
}

// prepareQuery repeats a query that answers with one number.
func prepareQuery(packages []pkg, query string) (work func() int, done func()) {
	db := fill(packages)
	statement, err := db.Prepare(query)
	check(err)
	work = func() (n int) {
		check(statement.QueryRow().Scan(&n))
		return n
	}
	return work, func() { check(db.Close()) }
}

func prepareClosure(packages []pkg) (func() int, func()) {
	return prepareQuery(packages, `
		WITH RECURSIVE closure (root, name) AS (
			SELECT name, name FROM package
			UNION
			SELECT root, needs FROM closure JOIN depends ON package = name
		) SELECT count(*) FROM closure`)
}

func prepareSearch(packages []pkg) (func() int, func()) {
	return prepareQuery(packages, `
		SELECT count(*) FROM package
		WHERE description LIKE '%library%' AND description NOT LIKE '%development%files%'`)
}

func prepareScore(packages []pkg) (func() int, func()) {
	return prepareQuery(packages, `SELECT sum(score(description)) FROM package`)
}

// score is called by SQLite.
func score(text string) int {
	vowels := 0
	for _, letter := range text {
		if strings.ContainsRune("aeiou", letter) {
			vowels++
		}
	}
	return vowels
}

func nothing() {}

func prepareWords(packages []pkg) (func() int, func()) {
	return func() int {
		seen := make(map[string]int)
		for _, p := range packages {
			for _, word := range strings.Fields(p.description) {
				seen[word]++
			}
		}
		return len(seen)
	}, nothing
}

func prepareSort(packages []pkg) (func() int, func()) {
	return func() int {
		names := make([]string, len(packages))
		for i, p := range packages {
			names[i] = p.description
		}
		sort.Strings(names)
		return len(names)
	}, nothing
}
