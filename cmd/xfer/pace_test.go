package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"xfer/internal/s3sim"
)

// TestKeysOfTwoSecondsCostNothing copies the same 10 GiB twice, with keys that
// last and with keys that live two seconds, with 32 workers, from a server with
// 20 ms to the first byte and 4 MiB/s a connection, for more than a minute each:
//
//	XFER_TEST_FULL=1 go test -run TestKeysOfTwoSecondsCostNothing -v ./cmd/xfer
func TestKeysOfTwoSecondsCostNothing(t *testing.T) {
	if !full {
		t.Skip("takes minutes; XFER_TEST_FULL=1 runs it")
	}
	const workers = 32
	measure := func(life time.Duration) (took time.Duration, s summary, rejected int) {
		w := &world{t: t, dir: t.TempDir()}
		w.list = filepath.Join(w.dir, "list.txt")
		w.src = s3sim.New(s3sim.Config{CheapETags: true, RecordRequests: true, FirstByte: 20 * time.Millisecond, ConnBytesPerSecond: 4 << 20})
		w.dst = s3sim.New(s3sim.Config{CheapETags: true, Discard: true, NoLog: true})
		w.vendor = s3sim.NewVendor(s3sim.VendorConfig{Flavour: s3sim.TEA, Token: canaryLogin, Lifetime: life}, w.src)
		if err := errors.Join(w.src.Start(), w.dst.Start(), w.vendor.Start()); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = errors.Join(w.src.Close(), w.dst.Close(), w.vendor.Close()) }()
		w.dst.CreateBucket("out")
		w.dst.AddKey(s3sim.Key{ID: "DSTKEY", Secret: canarySecret, Token: canaryToken})
		w.src.PutSyntheticMany("in", "small/", 2000, 1<<20, 1)
		w.src.PutSyntheticMany("in", "large/", 16, 512<<20, 5000)
		w.listAll()
		w.env = []string{
			"EARTHDATA_TOKEN=" + canaryLogin,
			"DST_ACCESS_KEY_ID=DSTKEY", "DST_SECRET_ACCESS_KEY=" + canarySecret, "DST_SESSION_TOKEN=" + canaryToken,
			"XFER_SOURCE_ENDPOINT=" + w.src.URL(), "XFER_SOURCE_CREDS=earthdata:" + w.vendor.Endpoint(),
			"XFER_DEST_ENDPOINT=" + w.dst.URL(), "XFER_DEST_CREDS=env:DST",
		}
		began := time.Now()
		p := w.run(exitOK, w.copyArgs("--workers", fmt.Sprint(workers), "--part-size", "8MiB")...)
		took, s = time.Since(began), p.summary(t)
		for _, r := range w.src.Requests() {
			if r.Status >= 400 {
				rejected++
			}
		}
		cpu := p.ProcessState.UserTime() + p.ProcessState.SystemTime()
		t.Logf("keys of %s: %s, %.0f MiB/s, %s CPU, %d renewals, %d sets of keys rejected, %d requests refused",
			life, took.Round(10*time.Millisecond), float64(s.Bytes.Total)/took.Seconds()/(1<<20), cpu.Round(10*time.Millisecond), s.Credentials.Renewals, s.Credentials.Rejected, rejected)
		if s.Objects.Failed != 0 || s.Objects.Copied != 2016 {
			t.Errorf("summary %+v", s)
		}
		return took, s, rejected
	}
	lasting, _, _ := measure(time.Hour)
	dying, s, rejected := measure(2 * time.Second)
	share := lasting.Seconds() / dying.Seconds()
	t.Logf("%.1f %% of the throughput with keys that last", 100*share)
	if share < 0.9 {
		t.Errorf("keys of two seconds cost %.1f %% of the throughput", 100*(1-share))
	}
	if dying < time.Minute || s.Credentials.Renewals < 20 {
		t.Errorf("%s with %d renewals is too short", dying, s.Credentials.Renewals)
	}
	if int64(rejected) > workers*s.Credentials.Renewals {
		t.Errorf("%d requests refused over %d renewals", rejected, s.Credentials.Renewals)
	}
}
