package manifest

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
)

// runPairs is how many pairs are sorted in memory at a time: 16 MiB, twice,
// because one run is sorted and written while the next is gathered.
const runPairs = 1 << 20

// pairSize is the bytes of a pair in the file.
const pairSize = 16

// A pair is a number to sort by, and the ID of a row.
type pair struct {
	key, id uint64
}

func comparePairs(a, b pair) int {
	if c := cmp.Compare(a.key, b.key); c != 0 {
		return c
	}
	return cmp.Compare(a.id, b.id)
}

// A sorter sorts any number of pairs in bounded memory: sorted runs go to a
// file that has no name, so that nothing is left behind by a crash, and are
// merged as they are read. One goroutine uses it; it has one of its own.
type sorter struct {
	file *os.File
	runs []int64 // pairs in each run
	fill []pair
	size int // of a run
	idle chan []pair
	work chan []pair
	done chan error // of one: how the writing goroutine ended
}

// newSorter makes a sorter whose file is in dir. The caller closes it.
func newSorter(dir string, size int) (*sorter, error) {
	f, err := os.CreateTemp(dir, ".xfer-sort-*")
	if err != nil {
		return nil, fmt.Errorf("sort rows: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, fmt.Errorf("sort rows: %w", err)
	}
	s := &sorter{
		file: f, size: size, fill: make([]pair, 0, size),
		idle: make(chan []pair, 1), work: make(chan []pair), done: make(chan error, 1),
	}
	s.idle <- nil
	go s.spill(s.work)
	return s, nil
}

// add takes one pair.
func (s *sorter) add(p pair) {
	s.fill = append(s.fill, p)
	if len(s.fill) == s.size {
		s.hand()
	}
}

// hand gives the full run to the writing goroutine and goes on with the other buffer.
func (s *sorter) hand() {
	s.runs = append(s.runs, int64(len(s.fill)))
	s.work <- s.fill
	next := <-s.idle
	if next == nil {
		next = make([]pair, 0, s.size)
	}
	s.fill = next[:0]
}

// spill sorts runs and writes them one behind the other.
func (s *sorter) spill(work <-chan []pair) {
	var failed error
	out := bufio.NewWriterSize(s.file, 256<<10)
	var b [pairSize]byte
	for run := range work {
		if failed == nil {
			slices.SortFunc(run, comparePairs)
			for _, p := range run {
				binary.NativeEndian.PutUint64(b[:], p.key)
				binary.NativeEndian.PutUint64(b[8:], p.id)
				if _, failed = out.Write(b[:]); failed != nil {
					break
				}
			}
		}
		select {
		case s.idle <- run:
		default: // the first buffer was never missed
		}
	}
	if err := out.Flush(); failed == nil {
		failed = err
	}
	s.done <- failed
}

// finish ends the adding. Afterwards sorted may be called, more than once.
func (s *sorter) finish() error {
	if s.work == nil {
		return nil
	}
	if len(s.fill) > 0 {
		s.runs = append(s.runs, int64(len(s.fill)))
		s.work <- s.fill
	}
	close(s.work)
	s.work, s.fill = nil, nil
	if err := <-s.done; err != nil {
		return fmt.Errorf("sort rows: %w", err)
	}
	return nil
}

// close frees the file. It may be called at any time.
func (s *sorter) close() {
	if s.work != nil {
		close(s.work)
		<-s.done //nolint:errcheck // the sorting is given up
		s.work = nil
	}
	s.file.Close()
}

// sorted gives all pairs in order. An error is the last thing it gives.
func (s *sorter) sorted() iter.Seq2[pair, error] {
	return func(yield func(pair, error) bool) {
		heads := make([]*runHead, 0, len(s.runs))
		at := int64(0)
		for _, n := range s.runs {
			section := io.NewSectionReader(s.file, at*pairSize, n*pairSize)
			head := &runHead{in: bufio.NewReaderSize(section, 64<<10)}
			at += n
			if !head.next() {
				yield(pair{}, head.err)
				return
			}
			heads = append(heads, head)
		}
		for len(heads) > 0 {
			least := 0
			for i := 1; i < len(heads); i++ {
				if comparePairs(heads[i].pair, heads[least].pair) < 0 {
					least = i
				}
			}
			head := heads[least]
			if !yield(head.pair, nil) {
				return
			}
			if head.next() {
				continue
			}
			if head.err != nil {
				yield(pair{}, head.err)
				return
			}
			heads = slices.Delete(heads, least, least+1)
		}
	}
}

// A runHead is the next pair of a run.
type runHead struct {
	in *bufio.Reader
	pair
	err error
}

// next moves on; false at the end, with err set if that is not the end of the run.
func (h *runHead) next() bool {
	var b [pairSize]byte
	if _, err := io.ReadFull(h.in, b[:]); err != nil {
		if err != io.EOF {
			h.err = fmt.Errorf("sort rows: %w", err)
		}
		return false
	}
	h.pair = pair{binary.NativeEndian.Uint64(b[:]), binary.NativeEndian.Uint64(b[8:])}
	return true
}

// dirOf is where the temporary files of the job file at path go: beside it, as
// that is where there is room for a list of this size.
func dirOf(path string) string { return filepath.Dir(path) }
