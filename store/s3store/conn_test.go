package s3store

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const testStall = 30 * time.Second

func pipe(t *testing.T) (*conn, net.Conn) {
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	return newConn(near, testStall, &sync.Pool{New: func() any {
		b := make([]byte, copyBuffer)
		return &b
	}}), far
}

func wantStall(t *testing.T, err error, began time.Time, after time.Duration) {
	t.Helper()
	if !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "nothing moved for 30s") {
		t.Errorf("error %v", err)
	}
	if d := time.Since(began); d != after {
		t.Errorf("after %s, want %s", d, after)
	}
}

func TestReadStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := pipe(t)
		go func() {
			time.Sleep(testStall - time.Second) //nolint:forbidigo // the bubble's time
			far.Write([]byte("x"))
		}()
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatalf("a byte in time: %v", err)
		}
		time.Sleep(10 * testStall) //nolint:forbidigo // the bubble's time; nobody reads: no stall
		go far.Write([]byte("y"))
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatalf("after a rest: %v", err)
		}
		began := time.Now()
		_, err := c.Read(make([]byte, 1))
		wantStall(t, err, began, testStall)
	})
}

func TestWriteStallsUnlessBytesGetAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := pipe(t)
		go func() { // slow, but above a trickle
			for range 4 {
				_, _ = io.ReadFull(far, make([]byte, trickle)) // how much came shows at the other end
				time.Sleep(testStall - time.Second)            //nolint:forbidigo // the bubble's time
			}
			_, _ = io.ReadFull(far, make([]byte, 10)) // below it
		}()
		began := time.Now()
		n, err := c.Write(make([]byte, 64<<10))
		if n != 4*trickle+10 {
			t.Errorf("%d bytes", n)
		}
		if time.Since(began) < 3*testStall {
			t.Errorf("after %s", time.Since(began))
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

// A read that waits for the reply does not time out while the request is being
// sent, however slow its body comes.
func TestWaitingReadOutlivesASlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := pipe(t)
		got := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			got <- err
		}()
		synctest.Wait()
		var wire bytes.Buffer
		go func() {
			io.CopyN(&wire, far, 7)
			far.Write([]byte("!"))
		}()
		c.Write([]byte("head"))
		if n, err := c.ReadFrom(&slowly{"abc", 3 * testStall}); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if err := <-got; err != nil {
			t.Errorf("the read: %v", err)
		}
		if wire.String() != "headabc" {
			t.Errorf("sent %q", wire.String())
		}
	})
}

// slowly gives one byte of text at a time, with a pause before each.
type slowly struct {
	text  string
	pause time.Duration
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.text == "" {
		return 0, io.EOF
	}
	time.Sleep(s.pause) //nolint:forbidigo // the bubble's time
	n := copy(p[:1], s.text)
	s.text = s.text[n:]
	return n, nil
}

func TestDownloadThatDripsIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Store{config: Config{Stall: testStall}}
		d := &download{body: io.NopCloser(&slowly{strings.Repeat("x", 100), time.Second}), r: &request{verb: "get object", bucket: "b", key: "k"}, stall: s.config.Stall}
		began := time.Now()
		n, err := io.Copy(io.Discard, d)
		if n >= 100 || err == nil || time.Since(began) > 2*testStall {
			t.Errorf("%d bytes, %v, after %s", n, err, time.Since(began))
		}
		slow := &download{body: io.NopCloser(&slowly{strings.Repeat("x", 100), time.Second / 10}), r: d.r, stall: s.config.Stall}
		if n, err := io.Copy(io.Discard, slow); n != 100 || err != nil {
			t.Errorf("slow but steady: %d, %v", n, err)
		}
	})
}
