package creds

import (
	"errors"
	"strings"
)

// parseLines reads NAME=value lines, as a shell, an .env file or an AWS
// credentials file has them, and "Name: value" lines as copied from a web page,
// where the value may also stand on the line below its name.
func parseLines(text string) (found, error) {
	var f found
	pending := "" // a name that waits for its value
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '[' || line[0] == ';' {
			continue
		}
		name, value := splitLine(line)
		_, _, known := spelled(name)
		switch {
		case known && value == "":
			pending = name
			continue
		case !known && pending != "":
			name, value = pending, unquote(line)
		}
		pending = ""
		if err := f.put(name, value); err != nil {
			return found{}, err
		}
	}
	if f == (found{}) {
		return f, errors.New("it holds no keys")
	}
	return f, nil
}

// splitLine cuts a line at its first '=' or ':' and drops what a shell wants
// before the name and around the value. Without either the line is all name.
func splitLine(line string) (name, value string) {
	for _, word := range []string{"export ", "set ", "setx ", "$env:", "$Env:"} {
		if rest, ok := strings.CutPrefix(line, word); ok {
			line = strings.TrimSpace(rest)
			break
		}
	}
	at := strings.IndexAny(line, "=:")
	if at < 0 {
		return line, ""
	}
	return strings.TrimSpace(line[:at]), unquote(line[at+1:])
}

// unquote drops blanks, a closing ';' or ',' and one pair of quotes.
func unquote(value string) string {
	value = strings.TrimSpace(strings.TrimRight(strings.TrimSpace(value), ";,"))
	if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		return value[1 : n-1]
	}
	return value
}
