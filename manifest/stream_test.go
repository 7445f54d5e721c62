package manifest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"xfer/engine"
)

func openStreamed(t testing.TB, dir string) *Job {
	t.Helper()
	j, err := OpenStream(t.Context(), filepath.Join(dir, "job"), listOf("s3://src/"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, j)
	start(t, j)
	return j
}

// rowsOf is a stream of keys, "key>destination" for one with its own. It ends with err if that is not nil.
func rowsOf(err error, keys ...string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for i, key := range keys {
			source, destination, _ := strings.Cut(key, ">")
			if !yield(Row{int64(i + 1), "s3://src/" + source, destination}, nil) {
				return
			}
		}
		if err != nil {
			yield(Row{}, err)
		}
	}
}

func TestAStreamIsCopiedWhileItComes(t *testing.T) {
	j := openStreamed(t, t.TempDir())
	if !j.Change().Created {
		t.Error("not created")
	}
	keys := make(chan string)
	loaded := make(chan error)
	go func() {
		change, err := j.Load(t.Context(), func(yield func(Row, error) bool) {
			line := int64(0)
			for key := range keys {
				if line++; !yield(Row{Line: line, Source: "s3://src/" + key}, nil) {
					return
				}
			}
		})
		if change.Added != 3 {
			err = errors.Join(err, fmt.Errorf("change = %+v", change))
		}
		loaded <- err
	}()
	after := uint64(0)
	for _, key := range []string{"a", "b", "c"} {
		keys <- key
		page, err := j.Pending(t.Context(), after) // waits for the row, with the stream still open
		if err != nil || len(page) != 1 || page[0].Source != "s3://src/"+key {
			t.Fatalf("after %d: %+v, %v", after, page, err)
		}
		after = page[0].ID
		settle(t, j, copiedRow(page[0].Object, "e", 1))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Pending(ctx, after); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for no row: %v", err)
	}
	close(keys)
	if page, err := j.Pending(t.Context(), after); err != nil || len(page) != 0 {
		t.Errorf("at the end: %+v, %v", page, err)
	}
	if err := <-loaded; err != nil {
		t.Error(err)
	}
	if !j.Info().Whole || !j.Totals().Finished() {
		t.Errorf("%+v, %+v", j.Info(), j.Totals())
	}
}

func TestAStreamWithADuplicate(t *testing.T) {
	for _, batch := range []int{1, indexRun} { // from the file, and from memory
		j := openStreamed(t, t.TempDir())
		j.stream.batch = batch
		_, err := j.Load(t.Context(), rowsOf(nil, "a", "b", "c", "x>s3://dst/p/b"))
		if want := "s3://src/:4: two rows with one destination: s3://dst/p/b, as in line 2"; !errors.Is(err, ErrDuplicate) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("error = %v", err)
		}
		if j.Info().Whole {
			t.Error("counts as read to its end")
		}
	}
}

func TestAnInterruptedStreamIsTakenUp(t *testing.T) {
	dir := t.TempDir()
	j := openStreamed(t, dir)
	broken := errors.New("connection reset")
	if _, err := j.Load(t.Context(), rowsOf(broken, "a", "b")); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	rows := pending(t, j) // what came can be copied
	settle(t, j, copiedRow(rows[0].Object, "e", 1))
	begin(t, j, rows[1].ID, 2)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}

	j = openStreamed(t, dir)
	change, err := j.Load(t.Context(), rowsOf(nil, "a", "b", "c"))
	if err != nil || change.Added != 1 || change.Dropped != 0 {
		t.Fatalf("%+v, %v", change, err)
	}
	rows = pending(t, j)
	if diff := cmp.Diff([]string{"b", "c"}, names(rows)); diff != "" || rows[0].Begun == nil || j.Totals().Pass != 1 {
		t.Errorf("%s, %+v", diff, j.Totals())
	}
	if !j.Info().Whole {
		t.Error("not read to its end")
	}
}

func TestALateRowKeepsItsUpload(t *testing.T) {
	dir := t.TempDir()
	j := openStreamed(t, dir)
	if _, err := j.Load(t.Context(), rowsOf(nil, "a", "b")); err != nil {
		t.Fatal(err)
	}
	begin(t, j, 1, 2)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = openStreamed(t, dir)
	first := make(chan struct{})
	loaded := make(chan error)
	go func() {
		_, err := j.Load(t.Context(), func(yield func(Row, error) bool) {
			yield(Row{Source: "s3://src/b"}, nil)
			<-first
			yield(Row{Source: "s3://src/a"}, nil)
		})
		loaded <- err
	}()
	page, err := j.Pending(t.Context(), 0)
	if err != nil || len(page) != 1 || page[0].ID != 2 {
		t.Fatalf("%+v, %v", page, err)
	}
	close(first)
	if err := <-loaded; err != nil {
		t.Fatal(err)
	}
	page, err = j.Pending(t.Context(), 2)
	if err != nil || len(page) != 1 || page[0].Source != "s3://src/a" || page[0].ID != 3 || page[0].Begun.Upload.ID != "upload-1" {
		t.Fatalf("%+v, %v", page, err)
	}
	if receipts, err := j.Receipts(t.Context(), 3); err != nil || len(receipts) != 2 {
		t.Errorf("receipts = %v, %v", receipts, err)
	}
	if got := j.Totals(); got.Rows != 2 || got.Recorded != 10 {
		t.Errorf("totals = %+v", got)
	}
}

// TestStreamsAgreeWithAMap reads one stream after another: rows in other orders,
// rows new, gone and with other sources, some readings breaking off. Beside each
// a run takes what Pending gives and settles most of it.
func TestStreamsAgreeWithAMap(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	dir := t.TempDir()
	known := make(map[string]string) // destination to source, of rows in the job
	done := make(map[string]bool)    // by destination, in this pass
	next := 0
	for round := range 40 {
		keys := make(map[string]string)
		for destination, source := range known {
			switch r.IntN(10) {
			case 0: // vanishes
			case 1:
				next++
				keys[destination] = fmt.Sprint("other", next)
			default:
				keys[destination] = source
			}
		}
		for range r.IntN(12) {
			next++
			keys[fmt.Sprint("s3://dst/p/d", next)] = fmt.Sprint("key", next)
		}
		order := slices.Sorted(maps.Keys(keys))
		for range r.IntN(3) * len(order) / 4 {
			a, b := r.IntN(len(order)), r.IntN(len(order))
			order[a], order[b] = order[b], order[a]
		}
		var broken error
		if r.IntN(4) == 0 && len(order) > 0 {
			broken = errors.New("broken off")
			order = order[:r.IntN(len(order))]
		}
		wasWhole, finished := false, len(known) > 0
		for destination := range known {
			finished = finished && done[destination]
		}

		j, err := OpenStream(t.Context(), filepath.Join(dir, "job"), listOf("s3://src/"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		j.stream.batch = 7
		wasWhole = j.Info().Whole
		start(t, j)
		if finished && wasWhole {
			clear(done)
		}
		var stream []string
		for _, destination := range order {
			stream = append(stream, keys[destination]+">"+destination)
		}
		loaded := make(chan error)
		go func() {
			_, err := j.Load(t.Context(), rowsOf(broken, stream...))
			loaded <- err
		}()
		given := make(map[string]bool)
		all := r.IntN(2) == 0 // settle all of it, so that a pass can end
		for after := uint64(0); ; {
			page, err := j.Pending(t.Context(), after)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			var results []engine.Result
			for _, p := range page {
				if p.ID <= after || given[p.Destination] || done[p.Destination] && known[p.Destination] == strings.TrimPrefix(p.Source, "s3://src/") {
					t.Fatalf("round %d: %+v is given out of order, twice, or though it is done", round, p.Object)
				}
				after = p.ID
				given[p.Destination] = true
				if got := strings.TrimPrefix(p.Source, "s3://src/"); got != keys[p.Destination] {
					t.Fatalf("round %d: %s comes from %s, not from %s", round, p.Destination, got, keys[p.Destination])
				}
				if all || r.IntN(4) > 0 {
					results = append(results, copiedRow(p.Object, "e", 1))
				}
			}
			if all || r.IntN(2) == 0 { // else the page is lost, as by a crash
				settle(t, j, results...)
			}
		}
		if err := <-loaded; !errors.Is(err, broken) {
			t.Fatal(err)
		}

		// What the job must hold now.
		came := make(map[string]bool)
		for _, destination := range order {
			came[destination] = true
			if !given[destination] && !(done[destination] && known[destination] == keys[destination]) {
				t.Errorf("round %d: %s was neither done nor given out", round, destination)
			}
			known[destination] = keys[destination]
		}
		if broken == nil {
			maps.DeleteFunc(known, func(destination, _ string) bool { return !came[destination] })
		}
		clear(done)
		for after := uint64(0); ; {
			page, err := j.Done(t.Context(), after)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, o := range page {
				after = o.ID
				done[o.Destination] = true
			}
		}
		if got := j.Totals(); got.Rows != int64(len(known)) || got.Copied != int64(len(done)) || j.Info().Whole != (broken == nil) {
			t.Errorf("round %d: totals = %+v, want %d rows, %d copied", round, got, len(known), len(done))
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		checkJob(t, j.path)
		if t.Failed() {
			return
		}
	}
}
