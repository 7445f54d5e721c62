package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"unicode/utf8"
)

// maxLine is how many bytes a line of a list may have, its end not counted. S3
// keys end at 1 KiB, so that whatever is longer is not a list.
const maxLine = 1 << 20

// ReadList reads rows from plain text: a line is SRC or SRC<TAB>DST, in UTF-8
// with or without a byte order mark, ended by LF or CRLF. Blank lines and lines
// whose first character other than a blank is # count, but give no row. Nothing
// is trimmed or decoded: a key may begin or end with a space.
//
// The first error ends it and reads "name:line: cause"; it wraps ErrBadRow if
// the text is at fault. At most one line is held in memory.
func ReadList(name string, r io.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		in := bufio.NewReaderSize(r, 64<<10)
		var long []byte // holds lines that do not fit into in's buffer, reused
		for number := int64(1); ; number++ {
			line, rest, err := readLine(in, long[:0])
			long = rest
			if err == io.EOF {
				return
			}
			var row Row
			if err == nil {
				row, err = parseLine(line, number)
			}
			switch {
			case err != nil:
				yield(Row{Line: number}, fmt.Errorf("%s:%d: %w", name, number, err))
				return
			case row.Source == "":
				continue // blank or comment
			case !yield(row, nil):
				return
			}
		}
	}
}

// readLine gives the next line without its end, valid until the next call, and
// the buffer it may have grown. io.EOF comes alone.
func readLine(in *bufio.Reader, long []byte) (line, rest []byte, err error) {
	for {
		part, err := in.ReadSlice('\n')
		switch {
		case err == nil && len(long) == 0:
			line = part
		default:
			long = append(long, part...)
			line = long
		}
		if len(bytes.TrimRight(line, "\r\n")) > maxLine {
			return nil, long, fmt.Errorf("%w: line is longer than %d bytes", ErrBadRow, maxLine)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == io.EOF && len(line) == 0:
			return nil, long, io.EOF
		case err != nil && err != io.EOF:
			return nil, long, fmt.Errorf("read list: %w", err)
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		return bytes.TrimSuffix(line, []byte("\r")), long, nil
	}
}

// parseLine gives the row of a line, zero for a blank line and a comment.
func parseLine(line []byte, number int64) (Row, error) {
	if number == 1 {
		if bytes.HasPrefix(line, []byte{0xff, 0xfe}) || bytes.HasPrefix(line, []byte{0xfe, 0xff}) {
			return Row{}, fmt.Errorf("%w: the list is in UTF-16, save it as UTF-8", ErrBadRow)
		}
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	if at := bytes.IndexByte(line, 0); at >= 0 {
		return Row{}, fmt.Errorf("%w: column %d is a NUL byte; a list is text in UTF-8", ErrBadRow, at+1)
	}
	if at := invalidUTF8(line); at >= 0 {
		return Row{}, fmt.Errorf("%w: column %d is not UTF-8", ErrBadRow, at+1)
	}
	if text := bytes.TrimLeft(line, " \t\r"); len(text) == 0 || text[0] == '#' {
		return Row{}, nil
	}
	source, destination, two := bytes.Cut(line, []byte("\t"))
	switch {
	case len(source) == 0:
		return Row{}, fmt.Errorf("%w: no source before the tab", ErrBadRow)
	case two && len(destination) == 0:
		return Row{}, fmt.Errorf("%w: no destination after the tab", ErrBadRow)
	case bytes.IndexByte(destination, '\t') >= 0:
		return Row{}, fmt.Errorf("%w: more than two fields; a row is SRC or SRC<TAB>DST", ErrBadRow)
	}
	return Row{Line: number, Source: string(source), Destination: string(destination)}, nil
}

// invalidUTF8 is the index of the first byte that is not UTF-8, -1 if all are.
func invalidUTF8(line []byte) int {
	if utf8.Valid(line) {
		return -1
	}
	for at := 0; at < len(line); {
		r, size := utf8.DecodeRune(line[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}
