// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// pkg is one paragraph of dpkg's status file.
type pkg struct {
	name, section, description string
	depends                    []string
}

// readPackages reads dpkg's status file: paragraphs of "Field: value" lines,
// continued by lines that begin with a space.
func readPackages(path string) ([]pkg, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var packages []pkg
	var p pkg
	var field string
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			packages = append(packages, p)
			p = pkg{}
		} else if line[0] != ' ' {
			field = p.set(line)
		} else if field == "Description" {
			p.description += line
		}
	}
	if len(packages) == 0 && lines.Err() == nil {
		return nil, fmt.Errorf("%s: holds no package", path)
	}
	return packages, lines.Err()
}

// set takes a field's first line and returns the field's name.
func (p *pkg) set(line string) (field string) {
	colon := strings.IndexByte(line, ':')
	if colon < 0 {
		return ""
	}
	value := strings.TrimSpace(line[colon+1:])
	switch line[:colon] {
	case "Package":
		p.name = value
	case "Section":
		p.section = value
	case "Description":
		p.description = value
	case "Depends", "Pre-Depends":
		p.depends = append(p.depends, dependencies(value)...)
	}
	return line[:colon]
}

// dependencies takes the first alternative of each: "a (>= 1), b | c" is a and b.
func dependencies(value string) (names []string) {
	for _, clause := range strings.Split(value, ",") {
		if words := strings.Fields(clause); len(words) > 0 {
			names = append(names, strings.TrimSuffix(words[0], ":any"))
		}
	}
	return names
}
