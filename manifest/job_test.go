package manifest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"xfer/engine"
)

// resolveTo resolves rows as the command does: without its own, a row's
// destination is prefix plus the key.
func resolveTo(prefix string) func(Row) (string, string, error) {
	return func(r Row) (string, string, error) {
		rest, ok := strings.CutPrefix(r.Source, "s3://src/")
		if !ok {
			return "", "", fmt.Errorf("source %q: no such place", r.Source)
		}
		if r.Destination != "" {
			return r.Source, r.Destination, nil
		}
		return r.Source, prefix + rest, nil
	}
}

// writeList writes a list whose rows are the keys, and which is old enough to be trusted.
func writeList(t testing.TB, path string, keys ...string) {
	t.Helper()
	var text strings.Builder
	for _, key := range keys {
		fmt.Fprintf(&text, "s3://src/%s\n", key)
	}
	writeText(t, path, text.String())
}

func writeText(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
}

func listOf(path string) List {
	return List{Path: path, Destination: "s3://dst/p/", Resolve: resolveTo("s3://dst/p/")}
}

// openListed opens the job of list.txt in dir, with the checks that every job must pass at the end.
func openListed(t testing.TB, dir string) *Job {
	t.Helper()
	j, err := OpenList(t.Context(), filepath.Join(dir, "list.txt.xfer"), listOf(filepath.Join(dir, "list.txt")), Options{})
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, j)
	return j
}

func closeAtEnd(t testing.TB, j *Job) {
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		checkJob(t, j.path)
	})
}

// A failer is what testing.TB and rapid.T have in common.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
}

// checkJob asserts what holds of every job file at rest.
func checkJob(t failer, path string) {
	t.Helper()
	j, err := Inspect(context.Background(), path)
	if err != nil {
		if !errors.Is(err, ErrInUse) {
			t.Errorf("inspect: %v", err)
		}
		return
	}
	defer j.Close()
	err = j.view(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("bbolt: %v", err)
		}
		return checkSums(tx)
	})
	if err != nil {
		t.Errorf("check: %v", err)
	}
}

// checkSums counts everything anew and compares it with the totals.
func checkSums(tx *bbolt.Tx) error {
	_, s, err := readHeader(tx)
	if err != nil {
		return err
	}
	got := sums{Pass: s.Pass, Last: s.Last, Whole: s.Whole, Indexed: s.Indexed, Runs: s.Runs, Lost: s.Lost}
	states := stateReader{tx: tx, pass: s.Pass}
	rows := newRowReader(tx)
	for id := uint64(1); id <= s.Last; id++ {
		if gone, err := states.gone(id); err != nil {
			return err
		} else if gone {
			continue
		}
		if _, err := rows.row(id); err != nil {
			return err
		}
		got.Rows++
		settled, err := states.settled(id)
		if err != nil {
			return err
		}
		failed := tx.Bucket(bucketFailed).Get(numberKey(id)) != nil
		var done doneRecord
		switch value := tx.Bucket(bucketDone).Get(numberKey(id)); {
		case failed != (failed && settled):
			return fmt.Errorf("row %d has a failure and is pending", id)
		case failed:
			got.Failed++
		case !settled:
		case unseal(numberKey(id), value, &done) != nil:
			return fmt.Errorf("row %d has no outcome", id)
		case engine.Status(done.Status) == engine.Skipped:
			got.Skipped++
		default:
			got.Copied++
			got.Bytes += done.Size
		}
	}
	err = tx.Bucket(bucketParts).ForEach(func(key, value []byte) error {
		if tx.Bucket(bucketUploads).Get(key[:8]) == nil {
			return fmt.Errorf("part %x has no upload", key)
		}
		got.Recorded += partSize(key, value)
		return nil
	})
	if diff := cmp.Diff(s, got); err == nil && diff != "" {
		err = fmt.Errorf("totals (-kept +counted):\n%s", diff)
	}
	return err
}

// pending reads all pages.
func pending(t testing.TB, j *Job) (all []engine.Pending) {
	t.Helper()
	for after := uint64(0); ; after = all[len(all)-1].ID {
		page, err := j.Pending(t.Context(), after)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
	}
}

func names(rows []engine.Pending) (names []string) {
	for _, p := range rows {
		names = append(names, strings.TrimPrefix(p.Source, "s3://src/"))
	}
	return names
}

func settle(t testing.TB, j *Job, results ...engine.Result) {
	t.Helper()
	if err := j.Settle(t.Context(), results); err != nil {
		t.Fatal(err)
	}
}

func start(t testing.TB, j *Job) {
	t.Helper()
	if err := j.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func copiedRow(o engine.Object, etag string, size int64) engine.Result {
	return engine.Result{
		Object: o, Status: engine.Copied, Pin: engine.Pin{Size: size, ETag: etag},
		Stored: engine.Stored{ETag: `"s"`, Checksum: engine.NewCRC64NVME(7)}, Sum: engine.NewCRC64NVME(7), Proof: engine.ProofEndToEnd,
	}
}

func TestJobGoesOnAndThenStartsTheNextPass(t *testing.T) {
	dir := t.TempDir()
	list := filepath.Join(dir, "list.txt")
	writeList(t, list, "a", "b", "c")

	j := openListed(t, dir)
	if !j.Change().Created || j.Change().Added != 3 {
		t.Errorf("change = %+v", j.Change())
	}
	start(t, j)
	rows := pending(t, j)
	if diff := cmp.Diff([]string{"a", "b", "c"}, names(rows)); diff != "" {
		t.Fatal(diff)
	}
	if got := rows[1].Destination; got != "s3://dst/p/b" {
		t.Errorf("destination = %s", got)
	}
	settle(t, j, copiedRow(rows[0].Object, `"1"`, 10),
		engine.Result{Object: rows[1].Object, Status: engine.Failed, Err: errors.New("denied\x1b[2J\nreally")})
	want := Totals{Pass: 1, Rows: 3, Copied: 1, Failed: 1, Bytes: 10}
	if diff := cmp.Diff(want, j.Totals()); diff != "" {
		t.Error(diff)
	}
	failures, err := j.Failed(t.Context(), 0)
	if err != nil || len(failures) != 1 || failures[0].Reason != "denied [2J really" || failures[0].Line != 2 {
		t.Errorf("failures = %+v, %v", failures, err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}

	j = openListed(t, dir)
	start(t, j)
	if diff := cmp.Diff([]string{"b", "c"}, names(pending(t, j))); diff != "" {
		t.Fatal(diff)
	}
	settle(t, j, copiedRow(rows[1].Object, `"2"`, 20), copiedRow(rows[2].Object, `"3"`, 30))
	if !j.Totals().Finished() {
		t.Errorf("not finished: %+v", j.Totals())
	}
	outcomes, err := j.Done(t.Context(), 0)
	if err != nil || len(outcomes) != 3 || outcomes[2].Pin.Size != 30 || outcomes[2].Proof != engine.ProofEndToEnd {
		t.Errorf("outcomes = %+v, %v", outcomes, err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}

	j = openListed(t, dir)
	start(t, j)
	rows = pending(t, j)
	if len(rows) != 3 || !rows[2].Last.Same(engine.Pin{Size: 30, ETag: `"3"`}) {
		t.Fatalf("next pass: %+v", rows)
	}
	settle(t, j, engine.Result{Object: rows[0].Object, Status: engine.Skipped})
	want = Totals{Pass: 2, Rows: 3, Skipped: 1}
	if diff := cmp.Diff(want, j.Totals()); diff != "" {
		t.Error(diff)
	}
}
