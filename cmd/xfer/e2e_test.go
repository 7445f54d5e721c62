package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/crc64nvme"

	"xfer/internal/s3sim"
)

// cmpFile holds a file's bytes against an object's sum.
func cmpFile(t *testing.T, path string, want s3sim.Object) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	sum := crc64nvme.New()
	n, err := io.Copy(sum, f)
	if err != nil || n != want.Size || sum.Sum64() != want.CRC {
		t.Errorf("%s: %d bytes with sum %x, want %d with %x (%v)", path, n, sum.Sum64(), want.Size, want.CRC, err)
	}
}

// Keys that live two seconds for the whole of a run, and a vendor that is away
// for longer than they live: nothing fails, and the pause is told.
func TestKeysThatDieAndAVendorThatIsAway(t *testing.T) {
	w := newWorld(t, 2*time.Second)
	l := killLoad()
	w.src.PutSyntheticMany("in", "small/", l.small, 64<<10, 1)
	w.src.PutSyntheticMany("in", "large/", l.large, l.largeSize, 1000)
	w.listAll()
	p := w.start(w.copyArgs(l.args()...)...)
	w.until("the first bytes", func() bool { return w.dst.Stats().Accepted > l.total()/8 })
	w.vendor.Down(5 * time.Second)
	if code := p.code(); code != exitOK {
		t.Fatalf("exit %d:\n%s", code, p.stderr.String())
	}
	w.arrived()
	s := p.summary(t)
	t.Logf("%d objects, %d failed, %d renewals, %d rejected, %.1f s", s.Objects.Copied, s.Objects.Failed, s.Credentials.Renewals, s.Credentials.Rejected, s.Seconds)
	if s.Objects.Failed != 0 || s.Credentials.Renewals < 2 {
		t.Errorf("%d failed, %d renewals", s.Objects.Failed, s.Credentials.Renewals)
	}
	for _, want := range []string{"paused: no valid source keys", "going on: source keys are back"} {
		if !strings.Contains(p.stderr.String(), want) {
			t.Errorf("standard error does not say %q:\n%s", want, p.stderr.String())
		}
	}
	for _, want := range []string{`"kind":"paused"`, `"kind":"resumed"`, `"kind":"renewed"`} {
		if !strings.Contains(p.stdout.String(), want) {
			t.Errorf("events lack %s", want)
		}
	}
	if refused := w.vendor.Stats().Refused; refused == 0 {
		t.Error("the vendor was never asked while it was away")
	}
}

// Two requests for a small object, 2n+2 for one of n parts, none besides.
func TestRequestBudget(t *testing.T) {
	w := newWorld(t, time.Hour)
	w.src.PutSyntheticMany("in", "small/", 50, 1000, 1)
	w.src.PutSynthetic("in", "empty", 0, 1)
	w.src.PutSynthetic("in", "large", 5*(5<<20)+1, 1)
	w.listAll()
	w.run(exitOK, w.copyArgs("--part-size", "5MiB", "--workers", "4")...)
	w.arrived()
	for _, tt := range []struct {
		server *s3sim.Server
		want   map[s3sim.Op]int
	}{
		{w.src, map[s3sim.Op]int{s3sim.GetObject: 51 + 6}},
		{w.dst, map[s3sim.Op]int{s3sim.PutObject: 51, s3sim.CreateMultipartUpload: 1, s3sim.UploadPart: 6, s3sim.CompleteMultipartUpload: 1}},
	} {
		for op, n := range tt.server.Counts() {
			if n != tt.want[op] {
				t.Errorf("%d requests %s, want %d", n, op, tt.want[op])
			}
		}
	}
}

// A bit that flips on the way from the source is caught wherever the source
// keeps a checksum: once, it costs a second try; always, the object fails and
// nothing is there.
func TestFlippedBits(t *testing.T) {
	for _, size := range []int{70_000, 12 << 20} {
		for _, times := range []int{1, -1} {
			t.Run(fmt.Sprintf("%d bytes, %d times", size, times), func(t *testing.T) {
				w := newWorld(t, time.Hour)
				w.src.PutSynthetic("in", "object", int64(size), 3)
				w.listAll()
				f := w.src.Inject(s3sim.Fault{Kind: s3sim.FlipBit, Op: s3sim.GetObject, Bytes: 60_000, Times: times})
				want := exitOK
				if times < 0 {
					want = exitIncomplete
				}
				p := w.run(want, w.copyArgs("--part-size", "5MiB")...)
				if f.Fired() == 0 {
					t.Error("no bit was flipped")
				}
				if times > 0 {
					w.arrived()
					return
				}
				if !strings.Contains(p.stderr.String(), "checksum mismatch") || len(w.dst.Keys("out")) != 0 || len(w.dst.OpenUploads("out")) != 0 {
					t.Errorf("there: %v, open: %v\n%s", w.dst.Keys("out"), w.dst.OpenUploads("out"), p.stderr.String())
				}
			})
		}
	}
}

// A source that changes half-way fails its object; its upload is ended, and no
// mixture of two versions is anywhere.
func TestASourceThatChanges(t *testing.T) {
	w := newWorld(t, time.Hour)
	w.src.PutSynthetic("in", "changing", 60<<20, 1)
	w.src.PutSynthetic("in", "steady", 20<<20, 2)
	w.listAll()
	f := w.src.Inject(s3sim.Fault{Kind: s3sim.ChangeObject, Key: "changing", Op: s3sim.GetObject, After: 4})
	w.run(exitIncomplete, w.copyArgs("--part-size", "5MiB", "--workers", "2")...)
	if f.Fired() != 1 {
		t.Errorf("the source changed %d times", f.Fired())
	}
	if keys, open := w.dst.Keys("out"), w.dst.OpenUploads("out"); len(keys) != 1 || keys[0] != "steady" || len(open) != 0 {
		t.Errorf("there: %v, open: %v", keys, open)
	}
	p := w.run(exitOK, "status", "--failed", w.list+".xfer")
	if got := p.stdout.String(); !strings.Contains(got, "s3://in/changing") || !strings.Contains(got, "source changed") || strings.Contains(got, "steady") {
		t.Errorf("status --failed says:\n%s", got)
	}
}

// The first interrupt lets parts in flight finish; nothing that arrived is sent
// again by the same command.
func TestInterrupt(t *testing.T) {
	w := newWorld(t, time.Hour)
	w.src.PutSyntheticMany("in", "large/", 3, 48<<20, 1)
	w.listAll()
	args := w.copyArgs("--part-size", "5MiB", "--workers", "4", "--limit-rate", "32MiB")
	p := w.start(args...)
	w.until("some parts", func() bool { return w.dst.Counts()[s3sim.UploadPart] > 6 })
	p.interrupt()
	began := time.Now()
	if code := p.code(); code != exitInterrupted {
		t.Fatalf("exit %d:\n%s", code, p.stderr.String())
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	if s := p.summary(t); s.Objects.Pending == 0 || s.Exit != exitInterrupted {
		t.Errorf("summary %+v", s)
	}
	q := w.run(exitOK, args...)
	w.arrived()
	if again := w.dst.Stats().Accepted - 3*48<<20; again != 0 {
		t.Errorf("%d bytes sent again after an orderly stop", again)
	}
	if s := q.summary(t); s.Bytes.Resumed == 0 {
		t.Errorf("nothing was taken up: %+v", s)
	}
}

// A destination whose keys may neither list nor abort uploads, as a workspace of
// the EO DataHub: the job file alone is enough to go on after a kill.
func TestADestinationThatLetsNobodyLook(t *testing.T) {
	w := newWorld(t, time.Hour)
	w.src.PutSyntheticMany("in", "large/", 3, 48<<20, 1)
	w.listAll()
	w.dst.Deny(s3sim.ListParts, s3sim.AbortMultipartUpload, s3sim.ListMultipartUploads, s3sim.ListObjectsV2)
	args := w.copyArgs("--part-size", "5MiB", "--workers", "4", "--limit-rate", "48MiB")
	for n := range 3 {
		p := w.start(args...)
		w.until("some parts", func() bool { return w.dst.Counts()[s3sim.UploadPart] > 5*(n+1) })
		_ = p.Process.Kill()
		p.code()
	}
	lost := w.dst.Inject(s3sim.Fault{Kind: s3sim.LostReply, Op: s3sim.CompleteMultipartUpload})
	w.run(exitOK, args...)
	for _, key := range w.src.Keys("in") {
		from, _ := w.src.Object("in", key)
		if to, ok := w.dst.Object("out", key); !ok || to.CRC != from.CRC {
			t.Errorf("%s: there %t, sum %x, want %x", key, ok, to.CRC, from.CRC)
		}
	}
	if lost.Fired() != 1 {
		t.Error("no answer was lost")
	}
}

// abort ends what a killed run left open, and the same copy starts those anew.
func TestAbortEndsOpenUploads(t *testing.T) {
	w := newWorld(t, time.Hour)
	w.src.PutSyntheticMany("in", "large/", 2, 48<<20, 1)
	w.listAll()
	args := w.copyArgs("--part-size", "5MiB", "--workers", "2", "--limit-rate", "32MiB")
	p := w.start(args...)
	w.until("some parts", func() bool { return w.dst.Counts()[s3sim.UploadPart] > 5 })
	_ = p.Process.Kill()
	p.code()
	if len(w.dst.OpenUploads("out")) == 0 {
		t.Fatal("nothing was left open")
	}
	w.run(exitOK, "abort", w.list)
	if open := w.dst.OpenUploads("out"); len(open) > 0 {
		t.Errorf("left open: %v", open)
	}
	w.run(exitOK, "resume", w.list+".xfer")
	w.arrived()
}

// Every secret is planted, and none turns up in what a run leaves or shows.
func TestNoSecretLeaves(t *testing.T) {
	w := newWorld(t, 2*time.Second)
	w.src.PutSyntheticMany("in", "a/", 20, 64<<10, 1)
	w.src.PutSynthetic("in", "b", 30<<20, 1)
	w.listAll()
	logFile := filepath.Join(w.dir, "log.txt")
	w.dst.Inject(s3sim.Fault{Kind: s3sim.Fail, Status: 403, Code: "AccessDenied", Key: "a/00000003"})
	w.dst.Inject(s3sim.Fault{Kind: s3sim.HTML200, Op: s3sim.CompleteMultipartUpload})
	w.vendor.Down(300 * time.Millisecond)
	p := w.start(w.copyArgs("--part-size", "5MiB", "--workers", "2", "--limit-rate", "12MiB", "--log-file", logFile, "--log-level", "debug")...)
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.Process.Pid))
	if err != nil {
		t.Skip("needs /proc: ", err)
	}
	if code := p.code(); code != exitIncomplete {
		t.Fatalf("exit %d:\n%s", code, p.stderr.String())
	}
	status := w.run(exitOK, "status", "--failed", w.list)
	where := map[string][]byte{
		"arguments": cmdline, "standard output": []byte(p.stdout.String()), "standard error": []byte(p.stderr.String()),
		"status": []byte(status.stdout.String()),
	}
	for _, name := range []string{"list.txt.xfer", "log.txt"} {
		if where[name], err = os.ReadFile(filepath.Join(w.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	secrets := []string{canaryLogin, canarySecret, canaryToken}
	for _, r := range w.vendor.Requests() {
		secrets = append(secrets, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	}
	key := w.vendor.Vend() // of the shape of those that were used
	secrets = append(secrets, key.Secret[:8])
	for name, text := range where {
		for _, secret := range secrets {
			if secret != "" && bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds a secret: %q", name, secret)
			}
		}
	}
}
