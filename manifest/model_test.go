package manifest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"xfer/engine"
)

// A modelRow is what a map knows of a row: the journal without a file.
type modelRow struct {
	key    string
	state  string // pending, copied, skipped, failed
	last   engine.Pin
	upload *engine.Begun
	parts  map[int32]engine.Receipt
}

// A model is a job as a map, and the job that must agree with it.
type model struct {
	dir  string
	job  *Job
	rows []*modelRow // in the order of the list
	lost int         // uploads of vanished rows
	pass int64
	next int // to make up keys
}

func (m *model) open(t *rapid.T, frozen bool) error {
	list := filepath.Join(m.dir, "list.txt")
	j, err := OpenList(context.Background(), filepath.Join(m.dir, "job.xfer"), listOf(list), Options{Frozen: frozen})
	if err != nil {
		return err
	}
	m.job = j
	return nil
}

func (m *model) reopen(t *rapid.T) {
	if m.job != nil {
		if err := m.job.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.open(t, false); err != nil {
		t.Fatal(err)
	}
}

func (m *model) start(t *rapid.T) {
	if err := m.job.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	finished := len(m.rows) > 0
	for _, r := range m.rows {
		finished = finished && (r.state == "copied" || r.state == "skipped")
	}
	for _, r := range m.rows {
		if finished || r.state == "failed" {
			r.state = "pending"
		}
	}
	if finished {
		m.pass++
	}
}

// list writes the list of the model's rows, in their order.
func (m *model) list(t *rapid.T) {
	text := "# a list\n"
	for _, r := range m.rows {
		text += "s3://src/" + r.key + "\n"
	}
	path := filepath.Join(m.dir, "list.txt")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// Of the same age each time: only size and bytes tell lists apart, unless one is replaced.
	old := time.Now().Add(-time.Duration(m.next) * time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
}

// change drops, adds and shuffles rows, and opens the job with the list that results.
func (m *model) change(t *rapid.T) {
	m.next++
	before := slices.Clone(m.rows)
	finished := len(m.rows) > 0
	for _, r := range m.rows {
		finished = finished && (r.state == "copied" || r.state == "skipped")
	}
	kept := m.rows[:0:0]
	for _, r := range m.rows {
		if rapid.IntRange(0, 3).Draw(t, "drop") == 0 {
			if r.upload != nil {
				m.lost++
			}
			continue
		}
		kept = append(kept, r)
	}
	dropped := int64(len(m.rows) - len(kept))
	added := rapid.IntRange(0, 3).Draw(t, "added")
	for range added {
		m.next++
		kept = append(kept, &modelRow{key: fmt.Sprint("key", m.next), state: "pending"})
	}
	kept = rapid.Permutation(kept).Draw(t, "order")
	m.rows = kept
	m.list(t)
	if err := m.job.Close(); err != nil {
		t.Fatal(err)
	}
	same := slices.EqualFunc(before, kept, func(a, b *modelRow) bool { return a.key == b.key })
	if err := m.open(t, true); same != (err == nil) {
		t.Fatalf("frozen, same %v: %v", same, err)
	}
	if same {
		return
	}
	m.reopen(t)
	if c := m.job.Change(); !c.Merged || c.Added != int64(added) || c.Dropped != dropped {
		t.Fatalf("change = %+v, want %d added, %d dropped", c, added, dropped)
	}
	if finished {
		m.pass++
	}
	for _, r := range m.rows {
		if finished || r.state == "failed" {
			r.state = "pending"
		}
	}
}

// check compares everything the job tells with the model.
func (m *model) check(t *rapid.T) {
	ctx := context.Background()
	want := Totals{Pass: m.pass, Rows: int64(len(m.rows))}
	var pendings []engine.Pending
	var failed, done, uploads []uint64
	for i, r := range m.rows {
		id := uint64(i + 1)
		for _, p := range r.parts {
			want.Recorded += p.Size
		}
		switch r.state {
		case "pending":
			p := engine.Pending{Object: m.object(i), Last: r.last, Begun: r.upload}
			pendings = append(pendings, p)
		case "failed":
			want.Failed++
			failed = append(failed, id)
		case "copied":
			want.Copied++
			want.Bytes += r.last.Size
			done = append(done, id)
		case "skipped":
			want.Skipped++
			done = append(done, id)
		}
		if r.upload != nil {
			uploads = append(uploads, id)
		}
	}
	if diff := cmp.Diff(want, m.job.Totals()); diff != "" {
		t.Fatalf("totals (-model +job):\n%s", diff)
	}
	got, err := m.job.Pending(ctx, 0)
	if diff := cmp.Diff(pendings, got); err != nil || diff != "" {
		t.Fatalf("pending, %v (-model +job):\n%s", err, diff)
	}
	failures, err := m.job.Failed(ctx, 0)
	if ids := idsOf(failures, func(f Failure) uint64 { return f.ID }); err != nil || !slices.Equal(ids, failed) {
		t.Fatalf("failed %v, %v, want %v", ids, err, failed)
	}
	outcomes, err := m.job.Done(ctx, 0)
	if ids := idsOf(outcomes, func(o Outcome) uint64 { return o.ID }); err != nil || !slices.Equal(ids, done) {
		t.Fatalf("done %v, %v, want %v", ids, err, done)
	}
	for _, o := range outcomes {
		if r := m.rows[o.ID-1]; o.Status.String() != r.state || !r.last.Same(o.Pin) || o.Source != "s3://src/"+r.key {
			t.Fatalf("outcome %+v of %+v", o, r)
		}
	}
	var open []uint64
	vanished := 0
	for after := uint64(0); ; {
		page, err := m.job.Uploads(ctx, after)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, u := range page {
			if after = u.ID; u.Vanished {
				vanished++
			} else {
				open = append(open, u.ID)
			}
		}
	}
	if !slices.Equal(open, uploads) || vanished != m.lost {
		t.Fatalf("uploads %v and %d of vanished rows, want %v and %d", open, vanished, uploads, m.lost)
	}
	for _, id := range uploads {
		receipts, err := m.job.Receipts(ctx, id)
		if err != nil || len(receipts) != len(m.rows[id-1].parts) {
			t.Fatalf("receipts of %d: %v, %v", id, receipts, err)
		}
		for _, r := range receipts {
			want := m.rows[id-1].parts[r.Number]
			want.ObjectID = id
			if diff := cmp.Diff(want, r); diff != "" {
				t.Fatal(diff)
			}
		}
	}
}

func idsOf[T any](page []T, id func(T) uint64) (ids []uint64) {
	for _, v := range page {
		ids = append(ids, id(v))
	}
	return ids
}

func (m *model) object(i int) engine.Object {
	key := m.rows[i].key
	return engine.Object{ID: uint64(i + 1), Source: "s3://src/" + key, Destination: "s3://dst/p/" + key}
}

// pick chooses a row, any or one with an upload.
func (m *model) pick(t *rapid.T, begun bool) int {
	var from []int
	for i, r := range m.rows {
		if !begun || r.upload != nil {
			from = append(from, i)
		}
	}
	if len(from) == 0 {
		t.Skip("no such row")
	}
	return rapid.SampledFrom(from).Draw(t, "row")
}

func (m *model) intend(t *rapid.T) {
	i := m.pick(t, false)
	r := m.rows[i]
	pin := engine.Pin{
		Size: rapid.Int64Range(0, 99).Draw(t, "size"), ETag: `"x"`, Version: "v", Checksum: engine.NewCRC64NVME(3),
		Metadata: engine.Metadata{ContentType: "a/b", User: map[string]string{"k": "v"}, Modified: time.Unix(5, 6).UTC()},
		Local:    true,
	}
	at := time.Unix(rapid.Int64Range(1, 1<<33).Draw(t, "at"), 7).UTC()
	if err := m.job.Intend(context.Background(), uint64(i+1), pin, 8, at); err != nil {
		t.Fatal(err)
	}
	r.upload = &engine.Begun{Pin: pin, Upload: engine.Upload{Destination: m.object(i).Destination, PartSize: 8}, Intended: at}
	r.parts = nil
}

func (m *model) begun(t *rapid.T) {
	i := m.pick(t, true)
	id := fmt.Sprint("upload ", m.next)
	if err := m.job.Begun(context.Background(), uint64(i+1), id); err != nil {
		t.Fatal(err)
	}
	m.rows[i].upload.Upload.ID = id
}

func (m *model) record(t *rapid.T) {
	var receipts []engine.Receipt
	for range rapid.IntRange(1, 4).Draw(t, "receipts") {
		i := m.pick(t, false)
		r := engine.Receipt{
			ObjectID: uint64(i + 1), Number: rapid.Int32Range(0, 3).Draw(t, "number"), Size: rapid.Int64Range(1, 9).Draw(t, "bytes"),
			ETag: `"t"`, CRC: rapid.Uint64().Draw(t, "crc"), Also: 4,
		}
		receipts = append(receipts, r)
		if r.Number == 0 || m.rows[i].upload == nil {
			continue
		}
		if m.rows[i].parts == nil {
			m.rows[i].parts = make(map[int32]engine.Receipt)
		}
		m.rows[i].parts[r.Number] = r
	}
	if err := m.job.Record(context.Background(), receipts); err != nil {
		t.Fatal(err)
	}
}

func (m *model) settle(t *rapid.T) {
	var results []engine.Result
	for range rapid.IntRange(1, 3).Draw(t, "results") {
		i := m.pick(t, false)
		r := m.rows[i]
		result := engine.Result{Object: m.object(i), Status: engine.Status(rapid.IntRange(0, 3).Draw(t, "status"))}
		r.state = result.Status.String()
		keep := false
		switch result.Status {
		case engine.Copied:
			result.Pin = engine.Pin{Size: rapid.Int64Range(0, 50).Draw(t, "size"), ETag: fmt.Sprintf("%q", fmt.Sprint(m.next))}
			r.last = result.Pin
		case engine.Skipped:
			if r.last.ETag == "" {
				result.Pin = engine.Pin{Size: 3, ETag: `"there"`}
				r.last = result.Pin
			}
		case engine.Failed:
			result.Err = os.ErrPermission
			if r.upload != nil && r.upload.Upload.ID != "" && rapid.Bool().Draw(t, "keep") {
				result.Upload, keep = r.upload.Upload, true
			}
		case engine.Again:
			r.state = "pending"
		}
		if !keep {
			r.upload, r.parts = nil, nil
		}
		results = append(results, result)
	}
	if err := m.job.Settle(context.Background(), results); err != nil {
		t.Fatal(err)
	}
}

// TestJobAgreesWithAMap does random things to a job and to a map.
func TestJobAgreesWithAMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "model")
		if err != nil {
			rt.Fatal(err)
		}
		m := &model{dir: dir, pass: 1}
		for range rapid.IntRange(0, 5).Draw(rt, "rows") {
			m.next++
			m.rows = append(m.rows, &modelRow{key: fmt.Sprint("key", m.next), state: "pending"})
		}
		m.list(rt)
		m.reopen(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"":       m.check,
			"intend": m.intend, "begun": m.begun, "record": m.record, "settle": m.settle,
			"reopen": m.reopen, "start": m.start, "change": m.change,
			"forget": func(t *rapid.T) {
				i := m.pick(t, true)
				if err := m.job.Forget(context.Background(), uint64(i+1)); err != nil {
					t.Fatal(err)
				}
				m.rows[i].upload, m.rows[i].parts = nil, nil
			},
			"completing": func(t *rapid.T) {
				if err := m.job.Completing(context.Background(), uint64(m.pick(t, true)+1)); err != nil {
					t.Fatal(err)
				}
			},
		})
		if err := m.job.Close(); err != nil {
			rt.Fatal(err)
		}
		checkJob(rt, m.job.path)
	})
}
