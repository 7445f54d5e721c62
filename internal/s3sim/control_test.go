package s3sim_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xfer/internal/s3sim"
)

func TestControlDoesWhatTheServerDoes(t *testing.T) {
	s := start(t, s3sim.Config{RecordRequests: true})
	v := vendor(t, s3sim.VendorConfig{Flavour: s3sim.Web}, s)
	c := s3sim.NewControl(s.URL()+"/", nil)
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.PutSynthetic(ctx, "b", "one", 1000, 5))
	must(c.PutSyntheticMany(ctx, "b", "many/", 3, 10, 7))
	objects, err := c.Objects(ctx, "b", "many/")
	must(err)
	if len(objects) != 3 || objects[0].CRC != s3sim.NewSynthetic(10, 7).CRC64NVME() {
		t.Errorf("objects %+v", objects)
	}
	got, err := c.Bytes(ctx, "b", "one")
	must(err)
	if o, _ := s.Object("b", "one"); !cmp.Equal(got, o.Bytes()) {
		t.Error("bytes differ")
	}

	id, err := c.Inject(ctx, s3sim.Fault{Kind: s3sim.Fail, Op: s3sim.UploadPart, Status: 503})
	must(err)
	u := begin(t, client(s, testKey), nil)
	open, err := c.OpenUploads(ctx, "b")
	must(err)
	if len(open) != 1 || open[0].UploadID != *u.id {
		t.Errorf("uploads %+v", open)
	}
	generation, err := c.BumpGeneration(ctx)
	must(err)
	fired, err := c.Fired(ctx, id)
	must(err)
	if fired != 0 || generation != 1 {
		t.Errorf("fired %d, generation %d", fired, generation)
	}
	s.Faults()[id].Remove()
	u.part(t, 1, []byte("hello"), "")
	log, err := c.Log(ctx)
	must(err)
	if last := log[len(log)-1]; last.Op != s3sim.UploadPart || last.Bytes != 5 || last.Generation != 1 || last.UploadID != *u.id {
		t.Errorf("log %+v", log)
	}
	stats, err := c.Stats(ctx)
	must(err)
	if diff := cmp.Diff(s.Stats(), stats); diff != "" {
		t.Error(diff)
	}
	requests, err := c.Requests(ctx)
	must(err)
	if len(requests) != 2 || requests[0].Op != s3sim.CreateMultipartUpload || requests[0].Header.Get("Authorization") == "" || requests[1].Status != 200 {
		t.Errorf("requests %+v", requests)
	}

	must(c.SetVendorDown(ctx, "", true))
	must(c.SetVendorDown(ctx, "web", false))
	must(c.VendorDown(ctx, "web", time.Hour))
	must(c.SetVendorLifetime(ctx, "web", time.Minute))
	vendors, err := c.Vendors(ctx)
	must(err)
	if !vendors["web"].Down {
		t.Errorf("vendors %+v", vendors)
	}
	key := v.Vend()
	if left := time.Until(key.Expires); left > 61*time.Second {
		t.Errorf("key lives %v", left)
	}
	must(c.SetVendorHang(ctx, "web", false))
	must(c.SetVendorDown(ctx, "web", false))
	must(c.VendorAnswer(ctx, "web", s3sim.Answer{Status: 424, Body: "x"}))
	if got := try(t, "GET", v.URL(), nil); got.status != 424 {
		t.Errorf("answer %d", got.status)
	}
	must(c.ExpireVended(ctx, "web"))
	wantCode(t, list(s, key), "ExpiredToken")
	must(c.RevokeVended(ctx, "web"))
	wantCode(t, list(s, key), "InvalidAccessKeyId")
	must(c.Deny(ctx, s3sim.ListObjectsV2))
	wantCode(t, list(s, testKey), "AccessDenied")
	must(c.Allow(ctx, s3sim.ListObjectsV2))
	must(c.SetFirstByte(ctx, time.Millisecond))
	if err := list(s, testKey); err != nil {
		t.Error(err)
	}
	if err := c.SetVendorDown(ctx, "none", true); err == nil || !strings.Contains(err.Error(), "there is no vendor") {
		t.Errorf("unknown vendor: %v", err)
	}
}

func TestControlIsForLoopbackOnly(t *testing.T) {
	s := s3sim.New(s3sim.Config{})
	for addr, want := range map[string]int{"192.0.2.1:5": 403, "127.0.0.1:5": 200, "[::1]:5": 200} {
		r := httptest.NewRequest("GET", "/_sim/stats", nil)
		r.RemoteAddr = addr
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d", addr, w.Code)
		}
	}
}

func TestStartRefusesOtherThanLoopback(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0"} {
		if err := s3sim.New(s3sim.Config{Addr: addr}).Start(); err == nil {
			t.Errorf("listens on %s", addr)
		}
	}
}

func TestFirstByteAndConnectionRate(t *testing.T) {
	cfg := s3sim.CheapConfig()
	cfg.FirstByte, cfg.ConnBytesPerSecond = 20*time.Millisecond, 1<<20
	s := start(t, cfg)
	s.PutSynthetic("b", "k", 200<<10, 1)
	began := time.Now()
	if got := try(t, "GET", s.URL()+"/b/k", nil); len(got.body) != 200<<10 {
		t.Fatalf("got %d bytes, %v", len(got.body), got.err)
	}
	// 200 KiB at 1 MiB/s, a 20th of a second in advance.
	if took := time.Since(began); took < 140*time.Millisecond {
		t.Errorf("took %v", took)
	}
	if got := s.Stats(); got.Served != 200<<10 || got.Connections != 1 {
		t.Errorf("stats %+v", got)
	}
}
