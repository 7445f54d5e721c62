package manifest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"xfer/engine"
)

func TestDuplicatesAreRefusedNamingBothLines(t *testing.T) {
	dir := t.TempDir()
	list := filepath.Join(dir, "list.txt")
	writeText(t, list, "# head\ns3://src/a\ns3://src/b\ns3://src/c\ts3://dst/p/z\ns3://src/d\ts3://dst/p/a\ns3://src/z\n")
	_, err := OpenList(t.Context(), filepath.Join(dir, "job"), listOf(list), Options{})
	want := list + ":5: two rows with one destination: s3://dst/p/a, as in line 2"
	if !errors.Is(err, ErrDuplicate) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("error = %v, want …%s", err, want)
	}
	nothingLeft(t, dir, "list.txt")
}

// nothingLeft asserts that dir holds only these files.
func nothingLeft(t *testing.T, dir string, files ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(files, e.Name()) {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

func TestABadRowCostsNothingButTheMessage(t *testing.T) {
	dir := t.TempDir()
	list := filepath.Join(dir, "list.txt")
	writeText(t, list, "s3://src/a\ngopher://x\n")
	_, err := OpenList(t.Context(), filepath.Join(dir, "job"), listOf(list), Options{})
	if want := list + `:2: source "gopher://x": no such place`; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("error = %v, want …%s", err, want)
	}
	nothingLeft(t, dir, "list.txt")

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	writeLong(t, list, 5000)
	if _, err := OpenList(ctx, filepath.Join(dir, "job"), listOf(list), Options{}); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("error = %v", err)
	}
	nothingLeft(t, dir, "list.txt")
}

func TestALeftoverOfAKilledLoadIsRemoved(t *testing.T) {
	dir := t.TempDir()
	writeList(t, filepath.Join(dir, "list.txt"), "a")
	writeText(t, filepath.Join(dir, "list.txt.xfer.new"), "half a file")
	j := openListed(t, dir)
	nothingLeft(t, dir, "list.txt", "list.txt.xfer", "list.txt.xfer.lock")
	if j.Totals().Rows != 1 {
		t.Errorf("totals = %+v", j.Totals())
	}
}

func TestAnotherJobIsRefused(t *testing.T) {
	dir := t.TempDir()
	list := filepath.Join(dir, "list.txt")
	writeList(t, list, "a")
	writeList(t, filepath.Join(dir, "other.txt"), "a")
	j := openListed(t, dir)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	elsewhere := listOf(list)
	elsewhere.Destination = "s3://elsewhere/"
	for says, l := range map[string]List{
		"not of " + filepath.Join(dir, "other.txt"):  listOf(filepath.Join(dir, "other.txt")),
		`to "s3://dst/p/", not to "s3://elsewhere/"`: elsewhere,
	} {
		if _, err := OpenList(t.Context(), j.path, l, Options{}); !errors.Is(err, ErrOtherJob) || !strings.Contains(err.Error(), says) {
			t.Errorf("error = %v, want …%s", err, says)
		}
	}
	if _, err := OpenStream(t.Context(), j.path, listOf("-"), Options{}); !errors.Is(err, ErrOtherJob) {
		t.Errorf("error = %v", err)
	}
}

// TestAnUntouchedListIsNotRead has a list that could not be resolved any more.
func TestAnUntouchedListIsNotRead(t *testing.T) {
	dir := t.TempDir()
	list := filepath.Join(dir, "list.txt")
	writeList(t, list, "a", "b")
	j := openListed(t, dir)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	again := listOf(list)
	again.Resolve = func(Row) (string, string, error) { return "", "", errors.New("read again") }
	open := func() error {
		j, err := OpenList(t.Context(), j.path, again, Options{Settings: map[string]string{"workers": "8"}})
		if err == nil {
			if j.Info().Settings["workers"] != "8" || !j.Info().Whole {
				t.Errorf("info = %+v", j.Info())
			}
			err = j.Close()
		}
		return err
	}
	if err := open(); err != nil {
		t.Errorf("same file: %v", err)
	}
	now := time.Now().Add(-time.Minute)
	if err := os.Chtimes(list, now, now); err != nil {
		t.Fatal(err)
	}
	if err := open(); err != nil {
		t.Errorf("same bytes, other time: %v", err)
	}
	again.Rules = "layout=base"
	if err := open(); err == nil || !strings.Contains(err.Error(), "read again") {
		t.Errorf("other rules: %v", err)
	}
}

// TestSorterSorts has runs of every length around the limit, none included.
func TestSorterSorts(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	for _, n := range []int{0, 1, 99, 100, 101, 200, 1234} {
		s, err := newSorter(t.TempDir(), 100)
		if err != nil {
			t.Fatal(err)
		}
		var want []pair
		for range n {
			p := pair{r.Uint64N(50), r.Uint64()}
			want = append(want, p)
			s.add(p)
		}
		if err := s.finish(); err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(want, comparePairs)
		for range 2 {
			var got []pair
			for p, err := range s.sorted() {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, p)
			}
			if !slices.Equal(got, want) {
				t.Errorf("seed %d: %d pairs are not in order", seed, n)
			}
		}
		s.close()
	}
	s, err := newSorter(t.TempDir(), 100)
	if err != nil {
		t.Fatal(err)
	}
	s.close() // before anything
}

func TestEqualHashesAreNoDuplicates(t *testing.T) {
	dir := t.TempDir()
	list := filepath.Join(dir, "list.txt")
	writeList(t, list, "a", "b", "c")
	j := openListed(t, dir)
	err := j.view(func(tx *bbolt.Tx) error {
		s, err := newSorter(dir, 2)
		if err != nil {
			return err
		}
		defer s.close()
		for id := range uint64(3) {
			s.add(pair{42, id + 1})
		}
		return errors.Join(s.finish(), findDuplicate(tx, s, "list.txt"))
	})
	if err != nil {
		t.Error(err)
	}
}

func TestPoison(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, j *Job){
		"write fails": func(t *testing.T, j *Job) { j.file.Close() },
		"removed":     func(t *testing.T, j *Job) { _ = os.Remove(j.path) },
		"replaced": func(t *testing.T, j *Job) {
			if err := os.Rename(j.path, j.path+".away"); err != nil {
				t.Fatal(err)
			}
			writeText(t, j.path, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeList(t, filepath.Join(dir, "list.txt"), "a", "b")
			j, err := OpenList(t.Context(), filepath.Join(dir, "job"), listOf(filepath.Join(dir, "list.txt")), Options{})
			if err != nil {
				t.Fatal(err)
			}
			harm(t, j)
			result := copiedRow(engine.Object{ID: 1}, "e", 1)
			if err := j.Settle(t.Context(), []engine.Result{result}); !errors.Is(err, ErrPoisoned) {
				t.Fatalf("the fault did not fire: %v", err)
			}
			if got := j.Totals().Copied; got != 0 {
				t.Errorf("%d rows count as copied", got)
			}
			for what, err := range map[string]error{
				"Settle": j.Settle(t.Context(), []engine.Result{result}), "Record": j.Record(t.Context(), []engine.Receipt{{ObjectID: 1}}),
				"Begun": j.Begun(t.Context(), 1, "u"), "Start": j.Start(t.Context()),
			} {
				if !errors.Is(err, ErrPoisoned) {
					t.Errorf("%s after that: %v", what, err)
				}
			}
			if _, err := j.Pending(t.Context(), 0); !errors.Is(err, ErrPoisoned) {
				t.Errorf("Pending after that: %v", err)
			}
			_ = j.Close() // may tell of the closed file
			if _, err := os.Stat(j.path + ".lock"); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the lock is kept: %v", err)
			}
			if err := j.Settle(t.Context(), []engine.Result{result}); err == nil {
				t.Error("a closed job settles")
			}
		})
	}
}

func TestManyCallersShareCommits(t *testing.T) {
	const callers, each = 64, 20
	dir := t.TempDir()
	list := filepath.Join(dir, "list.txt")
	writeLong(t, list, callers*each)
	j, err := OpenList(t.Context(), filepath.Join(dir, "job"), listOf(list), Options{})
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, j)
	before := lastCommit(t, j)
	errs := make(chan error)
	for c := range callers {
		go func() {
			var err error
			for i := range each {
				o := engine.Object{ID: uint64(i*callers + c + 1)}
				err = errors.Join(err, j.Intend(t.Context(), o.ID, engine.Pin{Size: 3}, 3, time.Now()), j.Begun(t.Context(), o.ID, "u"),
					j.Record(t.Context(), []engine.Receipt{{ObjectID: o.ID, Number: 1, Size: 3}}),
					j.Completing(t.Context(), o.ID), j.Settle(t.Context(), []engine.Result{copiedRow(o, "e", 3)}))
			}
			errs <- err
		}()
	}
	for range callers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := j.Totals(); got.Copied != callers*each || got.Recorded != 0 || !got.Finished() {
		t.Errorf("totals = %+v", got)
	}
	if n, calls := lastCommit(t, j)-before, callers*each*5; n > calls/4 {
		t.Errorf("%d calls took %d commits", calls, n)
	}
}

// lastCommit is bbolt's number of the last commit.
func lastCommit(t *testing.T, j *Job) (id int) {
	t.Helper()
	if err := j.view(func(tx *bbolt.Tx) error { id = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestDamagedRecordsCostNoMoreThanTheyMust(t *testing.T) {
	dir := t.TempDir()
	writeList(t, filepath.Join(dir, "list.txt"), "a", "b", "c")
	j := openListed(t, dir)
	begin(t, j, 1, 3)
	begin(t, j, 2, 3)
	damage := map[string][]byte{"parts": partKey(1, 2), "uploads": numberKey(2)}
	err := j.commit(t.Context(), func(w *writer) error {
		for _, bucket := range slices.Sorted(maps.Keys(damage)) {
			b := w.tx.Bucket([]byte(bucket))
			value := slices.Clone(b.Get(damage[bucket]))
			value[len(value)/2] ^= 4
			if err := b.Put(damage[bucket], value); err != nil {
				return err
			}
		}
		w.sums.Recorded -= 5
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	receipts, err := j.Receipts(t.Context(), 1)
	if err != nil || len(receipts) != 2 || receipts[1].Number != 3 {
		t.Errorf("receipts = %v, %v", receipts, err)
	}
	rows := pending(t, j)
	if rows[0].Begun == nil || rows[1].Begun != nil {
		t.Errorf("begun: %v, %v", rows[0].Begun, rows[1].Begun)
	}
	if notes := j.Notes(); len(notes) != 1 || !strings.HasPrefix(notes[0], "row 2: ") {
		t.Errorf("notes = %q", notes)
	}
}

func TestReasonIsOneBoundedLine(t *testing.T) {
	for in, want := range map[string]string{
		"a\nb\x1b]52;c;x\a": "a b ]52;c;x ",
		"\u202eevil\u200b":  "evil",
		"caf\xe9":           "caf ",
	} {
		if got := reason(errors.New(in)); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
	long := reason(fmt.Errorf("x%s", strings.Repeat("é", 2000)))
	if len(long) > maxReason || !strings.HasSuffix(long, "é …") {
		t.Errorf("%d bytes, ends %q", len(long), long[len(long)-6:])
	}
}
