package s3store_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"xfer/engine"
	"xfer/internal/s3sim"
)

// A source that misbehaves gives an error of the right meaning, and never bytes
// that are not those of the pin.
func TestOpenRangeNeverGivesOtherBytes(t *testing.T) {
	for name, row := range map[string]struct {
		fault s3sim.Fault
		more  []s3sim.Fault
		want  error // nil: any error that is none of the engine's
	}{
		"range ignored": {fault: s3sim.Fault{Kind: s3sim.IgnoreRange}},
		"other range":   {fault: s3sim.Fault{Kind: s3sim.WrongRange}},
		"overwritten":   {fault: s3sim.Fault{Kind: s3sim.ChangeObject}, want: engine.ErrSourceChanged},
		"and If-Match ignored": {fault: s3sim.Fault{Kind: s3sim.ChangeObject},
			more: []s3sim.Fault{{Kind: s3sim.IgnoreIfMatch}}, want: engine.ErrSourceChanged},
		"shrunk":      {fault: s3sim.Fault{Kind: s3sim.ChangeObject, Data: []byte("x")}, want: engine.ErrSourceChanged},
		"removed":     {fault: s3sim.Fault{Kind: s3sim.RemoveObject}, want: engine.ErrNotFound},
		"cut":         {fault: s3sim.Fault{Kind: s3sim.CutBody, Bytes: 100}},
		"reset":       {fault: s3sim.Fault{Kind: s3sim.CutBody, Bytes: 70_000, Reset: true}},
		"short":       {fault: s3sim.Fault{Kind: s3sim.ShortBody, Bytes: 100}},
		"long":        {fault: s3sim.Fault{Kind: s3sim.LongBody, Bytes: 100}},
		"no ETag":     {fault: s3sim.Fault{Kind: s3sim.NoETag}},
		"a web page":  {fault: s3sim.Fault{Kind: s3sim.HTML200}},
		"nothing":     {fault: s3sim.Fault{Kind: s3sim.Empty200}},
		"dropped":     {fault: s3sim.Fault{Kind: s3sim.DropBefore, Times: 2}}, // net/http itself tries a GET again that found its connection closed
		"slow down":   {fault: s3sim.Fault{Kind: s3sim.Fail, Status: 503, Code: "SlowDown"}, want: engine.ErrThrottled},
		"429 alone":   {fault: s3sim.Fault{Kind: s3sim.Fail, Status: 429, NoHeader: true}, want: engine.ErrThrottled},
		"archived":    {fault: s3sim.Fault{Kind: s3sim.Fail, Status: 403, Code: "InvalidObjectState"}, want: engine.ErrRefused},
		"broken":      {fault: s3sim.Fault{Kind: s3sim.Fail, Status: 500, Code: "InternalError"}},
		"no bucket":   {fault: s3sim.Fault{Kind: s3sim.Fail, Status: 404, Code: "NoSuchBucket"}, want: engine.ErrNoStore},
		"huge error":  {fault: s3sim.Fault{Kind: s3sim.HugeError, Status: 400, Bytes: 64 << 20}, want: engine.ErrRefused},
		"redirected":  {fault: s3sim.Fault{Kind: s3sim.Redirect, Status: 302, Location: "http://127.0.0.1:1/"}, want: engine.ErrNoStore},
		"stall":       {fault: s3sim.Fault{Kind: s3sim.Stall, Bytes: 100}},
		"stall ahead": {fault: s3sim.Fault{Kind: s3sim.StallStart}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim := start(t, s3sim.Config{})
			s := open(t, sim, impatient(row.fault))
			ctx := context.Background()
			data := randomBytes(t, 300_000)
			sim.PutObject("b", "k", data)
			pin, err := s.Stat(ctx, "s3://b/k")
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range append(slices.Clone(row.more), row.fault) {
				f.Op = s3sim.GetObject
				sim.Inject(f)
			}
			began := time.Now()
			span := engine.Range{Start: 1000, End: 201_000}
			r, err := s.OpenRange(ctx, "s3://b/k", pin, span)
			var got []byte
			if err == nil {
				got, err = io.ReadAll(r)
				r.Close()
			}
			if err == nil {
				t.Fatalf("no error, %d bytes", len(got))
			}
			if !bytes.HasPrefix(data[span.Start:], got) {
				t.Error("bytes of something else came through")
			}
			wantMeaning(t, err, row.want)
			if d := time.Since(began); d > 5*time.Second {
				t.Errorf("took %s", d)
			}
			if r, err = s.OpenRange(ctx, "s3://b/k", pin, span); row.want != nil && errors.Is(row.want, engine.ErrSourceChanged) || name == "removed" {
				return
			}
			if err != nil {
				t.Fatalf("again: %v", err)
			}
			if !bytes.Equal(read(t, r), data[span.Start:span.End]) {
				t.Error("again: bytes differ")
			}
		})
	}
}

var meanings = []error{engine.ErrThrottled, engine.ErrKeysRejected, engine.ErrNoKeys, engine.ErrCorrupt, engine.ErrSourceChanged, engine.ErrNotFound,
	engine.ErrDenied, engine.ErrRefused, engine.ErrUploadGone, engine.ErrAmbiguous, engine.ErrNoSpace, engine.ErrNoStore}

// wantMeaning wants err to wrap exactly one of the engine's errors, or none, and
// to tell no secret.
func wantMeaning(t *testing.T, err, want error) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %v", want)
		return
	}
	for _, m := range meanings {
		if errors.Is(err, m) != errors.Is(m, want) {
			t.Errorf("error %v, want it to mean %v", err, want)
		}
	}
	if strings.Contains(err.Error(), testKey.Secret) || strings.Contains(err.Error(), testKey.Token) {
		t.Errorf("a secret in %v", err)
	}
}

func TestOpenRangeTakesTheWholeForTheWhole(t *testing.T) {
	sim := start(t, s3sim.Config{})
	s := open(t, sim)
	ctx := context.Background()
	for key, data := range map[string][]byte{"k": randomBytes(t, 1000), "empty": nil} {
		sim.PutObject("b", key, data)
		pin, _ := s.Stat(ctx, "s3://b/"+key)
		if key == "k" {
			sim.Inject(s3sim.Fault{Kind: s3sim.IgnoreRange, Op: s3sim.GetObject})
		}
		r, err := s.OpenRange(ctx, "s3://b/"+key, pin, engine.Range{End: int64(len(data))})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(read(t, r), data) {
			t.Error("bytes differ")
		}
	}
	if _, err := s.OpenRange(ctx, "s3://b/k", engine.Pin{Size: 10}, engine.Range{Start: 5, End: 11}); !errors.Is(err, engine.ErrRefused) {
		t.Errorf("a range past the end: %v", err)
	}
}

func TestOpenPinsTheChecksumThatIsKept(t *testing.T) {
	data := randomBytes(t, 1000)
	sum := md5.Sum(data)
	for name, row := range map[string]struct {
		cfg  s3sim.Config
		want engine.Checksum
	}{
		"server's own": {s3sim.Config{}, crcOf(data)},
		"MD5 ETag":     {s3sim.Config{NoChecksums: true}, engine.Checksum{Algorithm: engine.MD5, Sum: string(sum[:])}},
		"opaque ETag":  {s3sim.Config{NoChecksums: true, CheapETags: true}, engine.Checksum{}},
	} {
		t.Run(name, func(t *testing.T) {
			sim := start(t, row.cfg)
			sim.PutObject("b", "k", data)
			if row.cfg.NoChecksums {
				sim.Inject(s3sim.Fault{Kind: s3sim.HideChecksums, Op: s3sim.GetObject})
			}
			pin, r, err := open(t, sim).Open(context.Background(), "s3://b/k")
			if err != nil {
				t.Fatal(err)
			}
			body := engine.NewBody(r, pin.Size, pin.Checksum, nil)
			if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%v", err)
			}
			r.Close()
			if pin.Checksum != row.want {
				t.Errorf("checksum %q, want %q", pin.Checksum, row.want)
			}
		})
	}
}

func TestOddKeysAreKeptExactly(t *testing.T) {
	sim := start(t, s3sim.Config{})
	s := open(t, sim)
	ctx := context.Background()
	keys := []string{"a//b", "/a", "//a", "../x", "./y", "a/../b/.", "a b+c%2Fd", "ü/日本", "q?x=1&y#z", "end/", "tab\tnewline\n", "\x01", "~-_.!*'()", strings.Repeat("k", 1024)}
	for _, key := range keys {
		data := []byte(key)
		if _, err := s.Put(ctx, "s3://b/"+key, engine.Pin{}, bodyOf(data)); err != nil {
			t.Errorf("%q: %v", key, err)
			continue
		}
		if o, ok := sim.Object("b", key); !ok || !bytes.Equal(o.Bytes(), data) {
			t.Errorf("%q is not there; there are %q", key, sim.Keys("b"))
		}
		if _, r, err := s.Open(ctx, "s3://b/"+key); err != nil || !bytes.Equal(read(t, r), data) {
			t.Errorf("%q: %v", key, err)
		}
	}
	found := 0
	for e, err := range s.List(ctx, "s3://b") {
		if err != nil {
			t.Fatal(err)
		}
		if o, ok := sim.Object("b", e.Key); !ok || o.Size != e.Size || e.Place != "s3://b/"+e.Key {
			t.Errorf("listed %+v", e)
		}
		found++
	}
	if found != len(keys) {
		t.Errorf("listed %d of %d", found, len(keys))
	}
}

// Session policies that allow s3:GetObject and nothing else refuse a request
// that names a version, so a known version must not be asked for.
func TestOpenRangeAsksForNoVersion(t *testing.T) {
	sim := start(t, s3sim.Config{RecordRequests: true})
	s := open(t, sim)
	sim.PutObject("b", "k", randomBytes(t, 1000))
	pin, err := s.Stat(t.Context(), "s3://b/k")
	if err != nil {
		t.Fatal(err)
	}
	pin.Version = "3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY"
	r, err := s.OpenRange(t.Context(), "s3://b/k", pin, engine.Range{Start: 10, End: 20})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Error(err)
	}
	r.Close()
	for _, r := range sim.Requests() {
		if strings.Contains(r.URI, "versionId") {
			t.Errorf("asked for a version: %s", r.URI)
		}
		if r.Op == s3sim.GetObject && r.Header.Get("If-Match") != pin.ETag {
			t.Errorf("condition %q, want %q", r.Header.Get("If-Match"), pin.ETag)
		}
	}
}
