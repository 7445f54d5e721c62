package s3store_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"xfer/engine"
	"xfer/internal/s3sim"
	"xfer/store/s3store"
)

var testKey = s3sim.Key{ID: "AKIDEXAMPLE", Secret: "not-a-secret-of-anyone", Token: "token-of-nobody"}

// start runs a simulator with the bucket "b" that knows testKey. Every fault
// that was injected must have fired by the end of the test.
func start(t testing.TB, cfg s3sim.Config, bucket ...s3sim.BucketOption) *s3sim.Server {
	t.Helper()
	if cfg.MinPartSize == 0 {
		cfg.MinPartSize = 64 << 10
	}
	sim := s3sim.New(cfg)
	sim.AddKey(testKey)
	sim.CreateBucket("b", bucket...)
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		sim.Close()
		if left := sim.UnfiredFaults(); len(left) > 0 {
			t.Errorf("faults that did not fire: %+v", left)
		}
	})
	return sim
}

// open makes a Store for sim as testKey.
func open(t testing.TB, sim *s3sim.Server, change ...func(*s3store.Config)) *s3store.Store {
	t.Helper()
	c := s3store.Config{
		Credentials: credentials.NewStaticCredentialsProvider(testKey.ID, testKey.Secret, testKey.Token),
		Endpoint:    sim.URL(),
		RootCAs:     sim.CertPool(),
		Stall:       5 * time.Second,
		MinPartSize: 64 << 10,
	}
	for _, f := range change {
		f(&c)
	}
	s, err := s3store.Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// randomBytes are n bytes; a failing test prints their seed.
func randomBytes(t testing.TB, n int) []byte {
	t.Helper()
	seed := rand.Uint64()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	b := make([]byte, n)
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	rand.NewChaCha8(key).Read(b)
	return b
}

func bodyOf(data []byte) *engine.Body {
	return engine.NewBody(bytes.NewReader(data), int64(len(data)), engine.Checksum{}, nil)
}

// read gives all of r, and closes it.
func read(t testing.TB, r io.ReadCloser) []byte {
	t.Helper()
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return b
}

func crcOf(data []byte) engine.Checksum {
	b := bodyOf(data)
	io.Copy(io.Discard, b)
	return engine.NewCRC64NVME(b.CRC())
}

// impatient waits long, except for a fault that makes waiting the point.
func impatient(f s3sim.Fault) func(*s3store.Config) {
	return func(c *s3store.Config) {
		switch f.Kind {
		case s3sim.Stall, s3sim.StallStart, s3sim.StallRead:
			c.Stall = 500 * time.Millisecond
		}
	}
}
