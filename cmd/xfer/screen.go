package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/term"
)

// A screen is standard error: messages, and below them at most one line that is
// drawn over and over. Messages and that line never run into each other.
type screen struct {
	mu   sync.Mutex
	w    io.Writer
	tty  bool
	line string // as drawn last; "" when there is none
}

func newScreen(w *os.File) *screen {
	return &screen{w: w, tty: term.IsTerminal(int(w.Fd()))}
}

// say prints a message on a line of its own.
func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.w, "%s%s\n", s.wiped(), harmless(fmt.Sprintf(format, args...)))
	if s.line != "" {
		fmt.Fprint(s.w, s.line)
	}
}

// Write draws what the progress bar gives it as the line below the messages.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if text := strings.Trim(string(p), "\r\n "); text != "" {
		s.line = "\r" + text
	}
	return s.w.Write(p)
}

// wipe takes the drawn line away for good.
func (s *screen) wipe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprint(s.w, s.wiped())
	s.line = ""
}

func (s *screen) wiped() string {
	if s.line == "" {
		return ""
	}
	return "\r\x1b[2K"
}

// harmless shows a text that may hold a stranger's key or message: characters
// that could move the cursor, change colours or turn the writing direction are
// written as escapes. Line breaks stay.
func harmless(text string) string {
	clean := strings.IndexFunc(text, hostile) < 0
	if clean {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if hostile(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func hostile(r rune) bool {
	return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
}
