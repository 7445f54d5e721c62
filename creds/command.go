package creds

import (
	"errors"
	"path/filepath"
	"strings"
)

// splitCommand is splitWords for a command whose program must have an absolute
// path.
func splitCommand(command string) ([]string, error) {
	argv, err := splitWords(command)
	if err == nil && len(argv) > 0 && !filepath.IsAbs(argv[0]) {
		return nil, errors.New("needs a command with an absolute path: the program is looked up nowhere")
	}
	return argv, err
}

// splitWords cuts a command into its arguments. Blanks separate; single quotes
// keep everything; double quotes keep everything but \" and \\; outside quotes a
// backslash keeps the next character. Nothing is expanded: there is no shell.
func splitWords(command string) ([]string, error) {
	var argv []string
	var word strings.Builder
	started := false
	var quote rune
	runes := []rune(command)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case r == 0:
			return nil, errors.New("has a zero byte in its command")
		case quote == '\'' && r != quote, quote == '"' && r != quote && r != '\\':
			word.WriteRune(r)
		case quote != 0 && r == quote:
			quote = 0
		case r == '\\':
			i++
			if i == len(runes) {
				return nil, errors.New("has a command that ends in a backslash")
			}
			if quote == '"' && runes[i] != '"' && runes[i] != '\\' {
				word.WriteRune(r)
			}
			word.WriteRune(runes[i])
			started = true
		case r == '\'' || r == '"':
			quote, started = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if started {
				argv = append(argv, word.String())
			}
			word.Reset()
			started = false
		default:
			word.WriteRune(r)
			started = true
		}
	}
	if quote != 0 {
		return nil, errors.New("has a quote in its command that is not closed")
	}
	if started {
		argv = append(argv, word.String())
	}
	return argv, nil
}
