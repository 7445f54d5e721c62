package manifest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestReadList(t *testing.T) {
	long := strings.Repeat("k", maxLine)
	tests := []struct {
		name, text string
		want       []Row
		err        string // "" for none
	}{
		{name: "empty"},
		{name: "one column", text: "a\nb\n", want: []Row{{1, "a", ""}, {2, "b", ""}}},
		{name: "two columns", text: "a\tx\nb\n", want: []Row{{1, "a", "x"}, {2, "b", ""}}},
		{name: "no final newline", text: "a\nb", want: []Row{{1, "a", ""}, {2, "b", ""}}},
		{name: "CRLF and mark", text: "\ufeffa\tx\r\nb\r\n", want: []Row{{1, "a", "x"}, {2, "b", ""}}},
		{name: "only the last CR goes", text: "a\r\r\n", want: []Row{{1, "a\r", ""}}},
		{name: "CR at the very end", text: "a\r", want: []Row{{1, "a", ""}}},
		{name: "blanks and comments", text: "# one\n\n \t \n  # two\r\n\r\na#b\n", want: []Row{{6, "a#b", ""}}},
		{name: "spaces are part of a key", text: " a b \t c \n", want: []Row{{1, " a b ", " c "}}},
		{name: "percent stays", text: "a%20b\n", want: []Row{{1, "a%20b", ""}}},
		{name: "a mark inside is a character", text: "a\n\ufeffb\n", want: []Row{{1, "a", ""}, {2, "\ufeffb", ""}}},
		{name: "longest line", text: long + "\r\n", want: []Row{{1, long, ""}}},
		{name: "too long", text: "a\n" + long + "k\n", want: []Row{{1, "a", ""}}, err: "l.txt:2: bad row: line is longer than 1048576 bytes"},
		{name: "NUL", text: "a\nb\x00c\n", want: []Row{{1, "a", ""}}, err: "l.txt:2: bad row: column 2 is a NUL byte; a list is text in UTF-8"},
		{name: "NUL in comment", text: "#\x00\n", err: "l.txt:1: bad row: column 2 is a NUL byte; a list is text in UTF-8"},
		{name: "not UTF-8", text: "caf\xe9\n", err: "l.txt:1: bad row: column 4 is not UTF-8"},
		{name: "UTF-16 little", text: "\xff\xfea\x00\n\x00", err: "l.txt:1: bad row: the list is in UTF-16, save it as UTF-8"},
		{name: "UTF-16 big", text: "\xfe\xff\x00a", err: "l.txt:1: bad row: the list is in UTF-16, save it as UTF-8"},
		{name: "three columns", text: "a\tb\tc\n", err: "l.txt:1: bad row: more than two fields; a row is SRC or SRC<TAB>DST"},
		{name: "no source", text: "\tb\n", err: "l.txt:1: bad row: no source before the tab"},
		{name: "no destination", text: "a\t\n", err: "l.txt:1: bad row: no destination after the tab"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(test.text), iotest.HalfReader(strings.NewReader(test.text))} {
				rows, err := readAll(r)
				if diff := cmp.Diff(test.want, rows); diff != "" {
					t.Error(diff)
				}
				if got := fmt.Sprint(err); (err == nil) != (test.err == "") || (err != nil && got != test.err) {
					t.Errorf("error %q, want %q", got, test.err)
				}
				if err != nil && !errors.Is(err, ErrBadRow) {
					t.Errorf("%v is not ErrBadRow", err)
				}
			}
		})
	}
}

func TestReadListTellsWhereReadingFailed(t *testing.T) {
	cause := errors.New("disk on fire")
	_, err := readAll(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(cause)))
	if !errors.Is(err, cause) || errors.Is(err, ErrBadRow) || !strings.HasPrefix(err.Error(), "l.txt:2: ") {
		t.Errorf("error = %v", err)
	}
}

func readAll(r io.Reader) (rows []Row, err error) {
	for row, err := range ReadList("l.txt", r) {
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// FuzzReadList checks that whatever is accepted can be written and read again as the same rows.
func FuzzReadList(f *testing.F) {
	f.Add("\ufeffa\tx\r\n# c\n\nb")
	f.Add("a\x00")
	f.Add(strings.Repeat("k", 70_000) + "\nb\tc\n")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := readAll(strings.NewReader(text))
		if err != nil {
			return
		}
		var again strings.Builder
		for _, row := range rows {
			again.WriteString(row.Source)
			if row.Destination != "" {
				again.WriteString("\t" + row.Destination)
			}
			again.WriteString("\r\n")
		}
		if len(rows) > 0 && strings.HasPrefix(rows[0].Source, "\ufeff") {
			return // a second mark is a character, which needs a first one before it
		}
		got, err := readAll(strings.NewReader(again.String()))
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			rows[i].Line = int64(i) + 1
		}
		if diff := cmp.Diff(rows, got); diff != "" {
			t.Error(diff)
		}
	})
}
