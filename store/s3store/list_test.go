package s3store_test

import (
	"context"
	"testing"

	"xfer/engine"
	"xfer/internal/s3sim"
)

func TestListIsWholeOrAnError(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		fault s3sim.Fault
		want  error
	}{
		"nothing":       {fault: s3sim.Fault{Kind: s3sim.Empty200}},
		"white space":   {fault: s3sim.Fault{Kind: s3sim.Blank200}},
		"a web page":    {fault: s3sim.Fault{Kind: s3sim.HTML200}},
		"error in 200":  {fault: s3sim.Fault{Kind: s3sim.Error200, Code: "InternalError"}},
		"denied in 200": {fault: s3sim.Fault{Kind: s3sim.Error200, Code: "AccessDenied"}, want: engine.ErrDenied},
		"token repeats": {fault: s3sim.Fault{Kind: s3sim.ListRepeatToken, Times: -1}},
		"no token":      {fault: s3sim.Fault{Kind: s3sim.ListNoToken}},
		"cut":           {fault: s3sim.Fault{Kind: s3sim.CutBody, Bytes: 300, After: 1}},
		"no bucket":     {fault: s3sim.Fault{Kind: s3sim.Fail, Status: 404, Code: "NoSuchBucket"}, want: engine.ErrNoStore},
		"denied":        {fault: s3sim.Fault{Kind: s3sim.Fail, Status: 403, Code: "AccessDenied"}, want: engine.ErrDenied},
	} {
		t.Run(name, func(t *testing.T) {
			sim := start(t, s3sim.CheapConfig())
			putMany(sim, "p/", 2500)
			row.fault.Op = s3sim.ListObjectsV2
			sim.Inject(row.fault)
			var err error
			n := 0
			for _, err = range open(t, sim).List(context.Background(), "s3://b/p/") {
				n++
			}
			wantMeaning(t, err, row.want)
			if n > 2500 {
				t.Errorf("%d entries", n)
			}
		})
	}
}

func TestListTakesAThousandKeysARequest(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		cfg := s3sim.CheapConfig()
		cfg.PlainListKeys = plain
		sim := start(t, cfg)
		putMany(sim, "a+b %/", 2500)
		putMany(sim, "other", 1)
		i := 0
		for e, err := range open(t, sim).List(context.Background(), "s3://b/a+b %/") {
			if want := s3sim.SyntheticKey("a+b %/", i); err != nil || e.Key != want {
				t.Fatalf("entry %d: %+v, %v", i, e, err)
			}
			i++
		}
		if n := sim.Counts()[s3sim.ListObjectsV2]; i != 2500 || n != 3 {
			t.Errorf("%d entries by %d requests", i, n)
		}
	}
}

func putMany(sim *s3sim.Server, prefix string, n int) {
	for i := range n {
		sim.PutObject("b", s3sim.SyntheticKey(prefix, i), []byte("x"))
	}
}
