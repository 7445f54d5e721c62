package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xfer/internal/s3sim"
)

// full makes the tests below as large as the promises they stand for; otherwise
// they are the same in small. XFER_TEST_FULL=1 turns it on.
var full = os.Getenv("XFER_TEST_FULL") != ""

// A load is what a kill test copies, and how.
type load struct {
	large     int
	largeSize int64
	small     int
	workers   int
	partSize  int64
	rate      string // so that a run lasts long enough to be killed
}

func killLoad() load {
	if full {
		return load{large: 3, largeSize: 1 << 30, small: 2000, workers: 8, partSize: 8 << 20, rate: "160MiB"}
	}
	return load{large: 3, largeSize: 48 << 20, small: 300, workers: 4, partSize: 5 << 20, rate: "16MiB"}
}

func (l load) total() int64 { return int64(l.large)*l.largeSize + int64(l.small)*64<<10 }

func (l load) args() []string {
	return []string{"--workers", fmt.Sprint(l.workers), "--part-size", fmt.Sprint(l.partSize), "--limit-rate", l.rate}
}

// TestKilledTenTimes kills a copy under keys that live two seconds ten times at
// random moments, and then lets it finish.
func TestKilledTenTimes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %#x", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	l := killLoad()
	w := newWorld(t, 2*time.Second)
	w.src.PutSyntheticMany("in", "small/", l.small, 64<<10, 1)
	w.src.PutSyntheticMany("in", "large/", l.large, l.largeSize, 1000)
	w.listAll()

	kills := 0
	for n := range 10 {
		w.dst.BumpGeneration()
		p := w.start(w.copyArgs(l.args()...)...)
		// Now and then so soon that the job has hardly been opened.
		wait := time.Duration(random.ExpFloat64() * float64(700*time.Millisecond))
		if n%4 == 3 {
			wait = time.Duration(random.Int64N(int64(60 * time.Millisecond)))
		}
		after(wait)
		_ = p.Process.Kill()
		switch code := p.code(); {
		case code > 0:
			t.Fatalf("run %d ended by itself with exit %d:\n%s", n, code, p.stderr.String())
		case code < 0:
			kills++
		}
	}
	if kills < 5 {
		t.Errorf("only %d kills hit; the load is too small for this machine", kills)
	}
	p := w.run(exitOK, w.copyArgs(l.args()...)...)
	w.arrived()

	stats := w.dst.Stats()
	again, bound := stats.Received-l.total(), int64(kills*2*l.workers)*l.partSize
	t.Logf("%d MiB listed; sent again over %d kills: %.1f MiB on the wire, %.1f MiB of whole bodies; bound %d MiB; %d sets of keys vended",
		l.total()>>20, kills, float64(again)/(1<<20), float64(stats.Accepted-l.total())/(1<<20), bound>>20, w.vendor.Stats().Vended)
	if again > bound {
		t.Errorf("%d bytes sent again, at most %d by design", again, bound)
	}
	if s := p.summary(t); s.Objects.Copied+s.Objects.Skipped != int64(l.small+l.large) || s.Objects.Failed != 0 {
		t.Errorf("summary %+v", s)
	}
	leftovers(t, w.dir, "list.txt", "list.txt.xfer")
}

// TestTreeKilledFiveTimesEachWay brings a tree to disk and back under kills.
func TestTreeKilledFiveTimesEachWay(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %#x", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(t, time.Hour)
	n, big, rate := 200, int64(40<<20), "48MiB"
	if full {
		n, big, rate = 2000, 3<<30, "400MiB"
	}
	for i := range n {
		w.src.PutSynthetic("in", fmt.Sprintf("tree/%d/f%04d.nc", i%17, i), int64(i*37%90000), uint64(i))
	}
	w.src.PutSynthetic("in", "tree/big.tif", big, 9)
	tree := filepath.Join(w.dir, "tree")
	kill := func(args ...string) {
		for range 5 {
			p := w.start(args...)
			after(time.Duration(random.Int64N(int64(900 * time.Millisecond))))
			_ = p.Process.Kill()
			if code := p.code(); code > 0 {
				t.Fatalf("run ended by itself with exit %d:\n%s", code, p.stderr.String())
			}
		}
		w.run(exitOK, args...)
	}
	common := []string{"--workers", "4", "--part-size", "5MiB", "--limit-rate", rate, "--progress", "none"}
	kill(append([]string{"copy", "--job", filepath.Join(w.dir, "down.xfer"), "s3://in/tree/", tree}, common...)...)
	for _, key := range w.src.Keys("in") {
		from, _ := w.src.Object("in", key)
		cmpFile(t, filepath.Join(w.dir, filepath.FromSlash(key)), from)
	}
	if out, _ := exec.Command("find", tree, "-type", "f").Output(); strings.Count(string(out), "\n") != n+1 {
		t.Errorf("%d files in the tree, want %d", strings.Count(string(out), "\n"), n+1)
	}

	kill(append([]string{"copy", "--job", filepath.Join(w.dir, "up.xfer"), tree + "/", "s3://out/tree/"}, common...)...)
	w.arrived()
	leftovers(t, w.dir, "down.xfer", "up.xfer", "tree")
}

// leftovers fails for anything in dir but names.
func leftovers(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.Contains("\x00"+strings.Join(names, "\x00")+"\x00", "\x00"+e.Name()+"\x00") {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

// TestKilledUnderFaults is the same in bad weather: requests throttled, replies
// lost or empty, bodies cut, bits flipped, the source's keys dying, on a
// destination that answers a repeated Complete as S3 does and as MinIO does.
func TestKilledUnderFaults(t *testing.T) {
	for _, forgets := range []bool{false, true} {
		t.Run(fmt.Sprintf("forgets uploads %t", forgets), func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %#x", seed)
			random := rand.New(rand.NewPCG(seed, 0))
			w := newWorldWith(t, 2*time.Second, s3sim.Config{CheapETags: true, Discard: true, ReplayNotFound: forgets})
			w.src.PutSyntheticMany("in", "small/", 200, 64<<10, 1)
			w.src.PutSyntheticMany("in", "large/", 6, 17<<20, 1000)
			w.listAll()
			var armed []*s3sim.Armed
			for _, f := range []s3sim.Fault{
				{Kind: s3sim.Fail, Status: 503, Code: "SlowDown", Every: 29},
				{Kind: s3sim.LostReply, Op: s3sim.UploadPart, Every: 11},
				{Kind: s3sim.LostReply, Op: s3sim.PutObject, Every: 37},
				{Kind: s3sim.LostReply, Op: s3sim.CreateMultipartUpload, Every: 3},
				{Kind: s3sim.Empty200, Op: s3sim.CreateMultipartUpload, Every: 2},
				{Kind: s3sim.LostReply, Op: s3sim.CompleteMultipartUpload, Every: 3},
				{Kind: s3sim.Error200, Code: "InternalError", Op: s3sim.CompleteMultipartUpload, Every: 2},
			} {
				f.Times = -1
				armed = append(armed, w.dst.Inject(f))
			}
			for _, f := range []s3sim.Fault{
				{Kind: s3sim.Fail, Status: 500, Code: "InternalError", Every: 31},
				{Kind: s3sim.CutBody, Op: s3sim.GetObject, Bytes: 50_000, Every: 19, Reset: true},
				{Kind: s3sim.FlipBit, Op: s3sim.GetObject, Bytes: 10_000, Every: 43},
			} {
				f.Times = -1
				armed = append(armed, w.src.Inject(f))
			}
			args := w.copyArgs("--workers", "4", "--part-size", "5MiB", "--limit-rate", "24MiB")
			for range 5 {
				p := w.start(args...)
				after(time.Duration(random.ExpFloat64() * float64(time.Second)))
				_ = p.Process.Kill()
				if code := p.code(); code > 0 {
					t.Fatalf("run ended by itself with exit %d:\n%s", code, p.stderr.String())
				}
			}
			w.run(exitOK, args...)
			w.arrived()
			for _, a := range armed {
				if a.Fired() == 0 {
					t.Errorf("never happened: %+v", a.Fault())
				}
			}
		})
	}
}
