package engine_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minio/crc64nvme"
	"go.uber.org/goleak"

	"xfer/engine"
	"xfer/internal/storetest"
)

const kib = 1 << 10

// job is a source, a destination and a journal with rows of both kinds.
type job struct {
	src, dst *storetest.Mem
	journal  *journal
	opt      engine.Options
	want     map[string][]byte // by destination
}

// newJob makes objects of the given sizes in bytes; parts are 64 KiB.
func newJob(t *testing.T, sizes ...int) *job {
	j := &job{
		src: &storetest.Mem{MinPart: kib}, dst: &storetest.Mem{MinPart: kib, Replays: true},
		journal: newJournal(t), want: map[string][]byte{},
		opt: engine.Options{Workers: 4, PartSize: 64 * kib, Counters: new(engine.Counters)},
	}
	random := rand.NewChaCha8([32]byte{})
	for i, size := range sizes {
		data := make([]byte, size)
		_, _ = random.Read(data)
		from, to := fmt.Sprintf("src/%d", i), fmt.Sprintf("dst/%d", i)
		j.src.Keep(from, data)
		j.journal.add(from, to)
		j.want[to] = data
	}
	return j
}

// sizes is a mix of objects put whole and objects of several parts.
var sizes = []int{0, 1, 100, 64 * kib, 64*kib + 1, 640 * kib, 3, 200 * kib, 128 * kib, 1000 * kib, 5, 6, 7, 8}

func (j *job) run(ctx context.Context) error {
	j.opt.Counters = new(engine.Counters)
	return engine.Run(ctx, context.Background(), j.src, j.dst, j.journal, j.opt)
}

// arrived holds the destination against what it must hold, and nothing else.
func (j *job) arrived(t *testing.T) {
	t.Helper()
	for at, want := range j.want {
		if got, _, ok := j.dst.Get(at); !ok || !bytes.Equal(got, want) {
			t.Errorf("%s: there %t, %d bytes, want %d", at, ok, len(got), len(want))
		}
	}
	if got := len(j.dst.Places()); got != len(j.want) {
		t.Errorf("%d objects at the destination, want %d", got, len(j.want))
	}
	if open := j.dst.OpenUploads(); len(open) > 0 {
		t.Errorf("uploads left open: %v", open)
	}
}

// bubble runs f in a bubble of fake time, in which a leaked goroutine or a
// standstill is a failure.
func bubble(t *testing.T, f func(t *testing.T)) {
	synctest.Test(t, f)
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRunCopiesEverything(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j := newJob(t, sizes...)
		if err := j.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		j.arrived(t)
		c := j.opt.Counters
		if c.Copied.Load() != int64(len(sizes)) || c.EndToEnd.Load() != c.Copied.Load() || c.Resent.Load() != 0 || c.Recorded.Load() != c.Bytes.Load() {
			t.Errorf("copied %d, end to end %d, resent %d, recorded %d of %d", c.Copied.Load(), c.EndToEnd.Load(), c.Resent.Load(), c.Recorded.Load(), c.Bytes.Load())
		}
		// The request budget: one read and one write for a small object, n reads,
		// n writes, a begin and a complete for one of n parts.
		if got, want := j.src.Count(storetest.OpOpen), len(sizes); got != want {
			t.Errorf("%d opens, want %d", got, want)
		}
		if got, want := j.src.Count(storetest.OpOpenRange)+j.src.Count(storetest.OpStat), 2-1+10-1+4-1+2-1+16-1; got != want {
			t.Errorf("%d reads besides, want %d", got, want)
		}
		if got, want := j.dst.Count(storetest.OpPutPart), 2+10+4+2+16; got != want {
			t.Errorf("%d parts, want %d", got, want)
		}
		if got := j.dst.Count(storetest.OpBegin) + j.dst.Count(storetest.OpComplete) + j.dst.Count(storetest.OpSweep) + j.dst.Count(storetest.OpResolve); got != 5+5 {
			t.Errorf("%d begins and completes, want 10", got)
		}
	})
}

func TestALostCompleteIsResolvedWhateverTheStoreAnswers(t *testing.T) {
	for name, replays := range map[string]bool{"same answer again": true, "no such upload": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				j := newJob(t, 300*kib)
				j.dst.Replays = replays
				j.dst.Hook = func(c storetest.Call) storetest.Fault {
					if c.Op == storetest.OpComplete && c.Nth == 1 {
						return storetest.Late(fmt.Errorf("complete: %w: EOF", engine.ErrAmbiguous))
					}
					return storetest.Fault{}
				}
				if err := j.run(t.Context()); err != nil {
					t.Fatal(err)
				}
				j.arrived(t)
				if j.dst.Fired() != 1 || j.dst.Count(storetest.OpBegin) != 1 || j.dst.Count(storetest.OpResolve) != 1 {
					t.Errorf("fired %d, begun %d, resolved %d times", j.dst.Fired(), j.dst.Count(storetest.OpBegin), j.dst.Count(storetest.OpResolve))
				}
			})
		})
	}
}

// A foreign object of the same size at the key is not ours.
func TestALostUploadIsNotTakenForDoneBecauseSomethingIsThere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j := newJob(t, 300*kib)
		j.dst.Hook = func(c storetest.Call) storetest.Fault {
			if c.Op == storetest.OpComplete && c.Nth == 1 {
				j.dst.Keep("dst/0", make([]byte, 300*kib))
				for _, id := range j.dst.OpenUploads() {
					j.dst.Lose(id)
				}
				return storetest.Fail(engine.ErrUploadGone)
			}
			return storetest.Fault{}
		}
		if err := j.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		j.arrived(t)
		if got := j.opt.Counters.Restarted.Load(); got != 1 {
			t.Errorf("%d restarts, want 1", got)
		}
	})
}

func TestALostBeginLeavesNoUpload(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j := newJob(t, 300*kib)
		j.dst.Hook = func(c storetest.Call) storetest.Fault {
			if c.Op == storetest.OpBegin && c.Nth <= 2 {
				return storetest.Late(io.ErrUnexpectedEOF)
			}
			return storetest.Fault{}
		}
		if err := j.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		j.arrived(t)
		if j.dst.Fired() != 2 {
			t.Errorf("%d faults fired", j.dst.Fired())
		}
	})
}

func TestAChangedSourceFailsItsObjectAndEndsItsUpload(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j := newJob(t, 640*kib, 10)
		j.src.Hook = func(c storetest.Call) storetest.Fault {
			if c.Op == storetest.OpOpenRange && c.Nth == 3 {
				j.src.Keep("src/0", make([]byte, 640*kib))
			}
			return storetest.Fault{}
		}
		delete(j.want, "dst/0")
		if err := j.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		j.arrived(t)
		if r := j.journal.rows[1].result; r == nil || !errors.Is(r.Err, engine.ErrSourceChanged) {
			t.Errorf("result %+v", r)
		}
	})
}

func TestAFlippedBitIsSentAgainAndThenFails(t *testing.T) {
	for _, tt := range []struct {
		name  string
		size  int
		times int
		fails bool
	}{
		{"small once", 40 * kib, 1, false},
		{"small always", 40 * kib, 1000, true},
		{"parts once", 300 * kib, 1, false},
		{"parts always", 300 * kib, 1000, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				j := newJob(t, tt.size)
				flips := 0
				j.opt.Workers = 1
				j.src.Hook = func(c storetest.Call) storetest.Fault {
					if flips < tt.times && (c.Op == storetest.OpOpen || c.Op == storetest.OpOpenRange) {
						flips++
						return storetest.Fault{Flip: true}
					}
					return storetest.Fault{}
				}
				if tt.fails {
					delete(j.want, "dst/0")
				}
				if err := j.run(t.Context()); err != nil {
					t.Fatal(err)
				}
				j.arrived(t)
				r := j.journal.rows[1].result
				if j.src.Fired() == 0 || (r.Status == engine.Failed) != tt.fails || (tt.fails && !errors.Is(r.Err, engine.ErrCorrupt)) {
					t.Errorf("fired %d, result %v, err %v", j.src.Fired(), r.Status, r.Err)
				}
			})
		})
	}
}

// sumOf gives the checksum of data that a source might keep.
func sumOf(a engine.Algorithm, data []byte) engine.Checksum {
	hashes := map[engine.Algorithm]func() hash.Hash{
		engine.CRC64NVME: func() hash.Hash { return crc64nvme.New() },
		engine.CRC32:     func() hash.Hash { return crc32.NewIEEE() },
		engine.CRC32C:    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
		engine.SHA1:      sha1.New, engine.SHA256: sha256.New, engine.MD5: md5.New,
	}
	h := hashes[a]()
	_, _ = h.Write(data)
	return engine.Checksum{Algorithm: a, Sum: string(h.Sum(nil))}
}

// Whatever checksum of the whole object a source keeps, a bit that flips on the
// way from it is found, and the object arrives by another try. Only the MD5 of an
// object in parts is not looked at, and then nobody says it was.
func TestEveryKindOfStoredChecksumIsCompared(t *testing.T) {
	for _, a := range []engine.Algorithm{engine.CRC64NVME, engine.CRC32, engine.CRC32C, engine.SHA1, engine.SHA256, engine.MD5} {
		for _, size := range []int{40 * kib, 300 * kib} {
			t.Run(fmt.Sprintf("%s/%d", a, size), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					j := newJob(t, size)
					j.src.Set("src/0", j.want["dst/0"], sumOf(a, j.want["dst/0"]), engine.Metadata{})
					flips := 1
					if a == engine.MD5 && size > 64*kib {
						flips = 0
					}
					read := storetest.OpOpen // of an object in parts only the beginning is read by it
					if size > 64*kib {
						read = storetest.OpOpenRange
					}
					j.src.Hook = func(c storetest.Call) storetest.Fault {
						return storetest.Fault{Flip: c.Op == read && c.Nth <= flips}
					}
					if err := j.run(t.Context()); err != nil {
						t.Fatal(err)
					}
					j.arrived(t)
					if j.src.Fired() != flips {
						t.Errorf("%d bits flipped, want %d", j.src.Fired(), flips)
					}
					want := engine.ProofEndToEnd
					if flips == 0 {
						want = engine.ProofDestination
					}
					if got := j.journal.rows[1].result.Proof; got != want {
						t.Errorf("proof %v, want %v", got, want)
					}
				})
			})
		}
	}
}

// An upload that only ran out of time is kept, and the next run goes on from its parts.
func TestAnUploadThatRanOutOfTimeIsTakenUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j := newJob(t, 640*kib)
		j.dst.Hook = func(c storetest.Call) storetest.Fault {
			if c.Op == storetest.OpPutPart && c.Number == 4 {
				return storetest.Fail(errors.New("internal error"))
			}
			return storetest.Fault{}
		}
		if err := j.run(t.Context()); err != nil || j.journal.count(engine.Failed) != 1 {
			t.Fatalf("err %v, %v", err, j.journal)
		}
		j.dst.Hook = nil
		j.journal.reopen()
		if err := j.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		j.arrived(t)
		if got := j.opt.Counters.Resumed.Load(); got != 9*64*kib {
			t.Errorf("took up %d bytes, want 9 parts", got)
		}
	})
}

func TestIntakeEndsTheRunAfterPartsInFlight(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j := newJob(t, 1000*kib, 640*kib, 10, 20, 640*kib)
		intake, stop := context.WithCancel(context.Background())
		j.dst.Hook = func(c storetest.Call) storetest.Fault {
			if c.Op == storetest.OpPutPart && c.Nth == 5 {
				stop()
			}
			return storetest.Fault{}
		}
		err := engine.Run(t.Context(), intake, j.src, j.dst, j.journal, j.opt)
		if !errors.Is(err, engine.ErrStopped) {
			t.Fatalf("err %v", err)
		}
		if sent, known := len(j.dst.Arrivals()), int(j.opt.Counters.Copied.Load()); sent == 0 || known == len(j.want) {
			t.Errorf("%d bodies sent, %d objects copied", sent, known)
		}
		var parts, receipts int
		for _, a := range j.dst.Arrivals() {
			if a.Number > 0 {
				parts++
			}
		}
		for _, r := range j.journal.rows {
			receipts += len(r.receipts)
			if r.result != nil && r.result.Pin.Size > 64*kib {
				parts -= int((r.result.Pin.Size + 64*kib - 1) / (64 * kib))
			}
		}
		if parts != receipts {
			t.Errorf("%d parts arrived, %d recorded: an interrupt may lose none", parts, receipts)
		}
		if err := j.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		j.arrived(t)
		if j.opt.Counters.Resent.Load() != 0 {
			t.Errorf("%d bytes sent again", j.opt.Counters.Resent.Load())
		}
	})
}

func TestTheNextPassCopiesOnlyWhatChanged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j := newJob(t, 10, 640*kib, 30)
		if err := j.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, r := range j.journal.rows {
			r.last, r.result = r.result.Pin, nil
		}
		j.want["dst/2"] = []byte("changed")
		j.src.Keep("src/2", []byte("changed"))
		if err := j.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		j.arrived(t)
		if c := j.opt.Counters; c.Skipped.Load() != 2 || c.Copied.Load() != 1 {
			t.Errorf("%d skipped, %d copied", c.Skipped.Load(), c.Copied.Load())
		}
	})
}

func TestTooManyFailuresStopTheRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j := newJob(t, make([]int, 2000)...) // far more than can be on their way at once
		j.opt.MaxFailures, j.opt.Workers = 2, 1
		j.src.Hook = func(storetest.Call) storetest.Fault { return storetest.Fail(engine.ErrDenied) }
		if err := j.run(t.Context()); !errors.Is(err, engine.ErrTooManyFailures) {
			t.Fatalf("err %v", err)
		}
		if failed := j.journal.count(engine.Failed); failed < 2 || failed > 1000 {
			t.Errorf("%d of 2000 failed before the run stopped", failed)
		}
	})
}

func TestABrokenJournalEndsTheRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j := newJob(t, sizes...)
		j.journal.failAt = 5
		if err := j.run(t.Context()); err == nil || errors.Is(err, engine.ErrStopped) {
			t.Fatalf("err %v", err)
		}
		j.journal.reopen()
		if err := j.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		j.arrived(t)
	})
}

// chaos is a fault for about one call in ten of any kind.
func chaos(random *rand.Rand) storetest.Fault {
	trouble := []error{io.ErrUnexpectedEOF, engine.ErrThrottled, engine.ErrKeysRejected, errors.New("internal error")}
	err := trouble[random.IntN(len(trouble))]
	switch random.IntN(40) {
	case 0:
		return storetest.Fail(err)
	case 1:
		return storetest.Late(io.ErrUnexpectedEOF)
	case 2:
		return storetest.After(random.Int64N(64*kib), err)
	case 3:
		return storetest.Fault{Flip: random.IntN(4) == 0}
	}
	return storetest.Fault{}
}

// Whatever happens, running again until nothing is left brings every byte over
// and leaves nothing else.
func TestChaosConverges(t *testing.T) {
	for range 40 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed=%#x", seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) { converge(t, seed) })
		})
	}
}

func converge(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	j := newJob(t, sizes...)
	j.dst.Replays = random.IntN(2) == 0
	j.opt.Workers = random.IntN(7) // 0 is elastic
	j.opt.Grace = time.Second
	lock := make(chan *rand.Rand, 1)
	lock <- random
	hook := func(c storetest.Call) storetest.Fault {
		random := <-lock
		defer func() { lock <- random }()
		f := chaos(random)
		if c.Op == storetest.OpComplete && f.Late {
			f.Err = fmt.Errorf("%w: %w", engine.ErrAmbiguous, f.Err)
		}
		return f
	}
	j.src.Hook, j.dst.Hook = hook, hook

	left := func() int { return len(j.want) - j.journal.count(engine.Copied) }
	for round := 0; left() > 0; round++ {
		if round == 200 {
			t.Fatalf("no end after %d rounds: %v", round, j.journal)
		}
		r := <-lock
		ctx, cut := context.WithCancel(t.Context())
		intake, stop := context.WithCancel(context.Background())
		at := time.Duration(r.Int64N(int64(2 * time.Second)))
		switch r.IntN(4) {
		case 0:
			time.AfterFunc(at, cut)
		case 1:
			time.AfterFunc(at, stop)
		case 2:
			j.journal.failAt = j.journal.commits + 1 + r.IntN(30)
		}
		lock <- r
		_ = engine.Run(ctx, intake, j.src, j.dst, j.journal, j.opt)
		cut()
		stop()
		synctest.Wait()
		j.journal.reopen()
	}
	j.arrived(t)
}
