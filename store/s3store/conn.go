package s3store

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// copyBuffer is one step from a body to the wire. Larger ones cost cache,
	// smaller ones system calls.
	copyBuffer = 256 << 10

	// trickle is how many bytes must get away within one stall time for a write
	// to count as moving.
	trickle = 1 << 10

	// answerTime is how long a connection that was reset is read on. What was
	// said before is there already, so this only bounds a transport that is busy.
	answerTime = time.Second
)

// A conn is a connection that does not wait for ever. While it waits to read or
// to write, some byte must move within the stall time; while neither side of
// this program waits for it, it may rest. How long a reply may take to begin is
// not its affair but the transport's: a write therefore takes back the limit of
// a read that is waiting meanwhile.
//
// Its ReadFrom is what makes a body go out in large steps: net/http hands the
// body over to it once the headers are away.
type conn struct {
	net.Conn
	stall   time.Duration
	buffers *sync.Pool // of *[]byte, copyBuffer long
	closing sync.Once
	closed  chan struct{} // by Close
}

func newConn(c net.Conn, stall time.Duration, buffers *sync.Pool) *conn {
	return &conn{Conn: c, stall: stall, buffers: buffers, closed: make(chan struct{})}
}

func (c *conn) Read(p []byte) (int, error) {
	if err := c.Conn.SetReadDeadline(time.Now().Add(c.stall)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	return n, c.explain("read", err)
}

func (c *conn) Write(p []byte) (done int, err error) {
	if err := c.Conn.SetReadDeadline(time.Time{}); err != nil {
		return 0, err
	}
	for {
		if err := c.Conn.SetWriteDeadline(time.Now().Add(c.stall)); err != nil {
			return done, err
		}
		n, err := c.Conn.Write(p[done:])
		done += n
		if slow := errors.Is(err, os.ErrDeadlineExceeded) && n >= trickle && done < len(p); !slow {
			c.answered(err)
			return done, c.explain("write", err)
		}
	}
}

// answered leaves the transport the time to read what the server may have said
// before it closed a connection that is still being written to: one that refuses
// a body need not read it. The transport takes an error of Write for the end of
// everything; when it has dealt with an answer, or found none, it closes c.
func (c *conn) answered(err error) {
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		return
	}
	select {
	case <-c.closed:
	case <-time.After(answerTime):
	}
}

// Close closes the connection. It may be called more than once.
func (c *conn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// ReadFrom sends all of r. It may wait for r as long as r likes.
func (c *conn) ReadFrom(r io.Reader) (sent int64, err error) {
	buf := c.buffers.Get().(*[]byte)
	defer c.buffers.Put(buf)
	for {
		n, readErr := r.Read(*buf)
		if n > 0 {
			m, err := c.Write((*buf)[:n])
			sent += int64(m)
			if err != nil {
				return sent, err
			}
		}
		if readErr == io.EOF {
			return sent, nil
		}
		if readErr != nil {
			return sent, readErr
		}
	}
}

// explain says in words that the watchdog, not the network, ended a wait.
func (c *conn) explain(verb string, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%s: nothing moved for %s: %w", verb, c.stall, err)
	}
	return err
}
