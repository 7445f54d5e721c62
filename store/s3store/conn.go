package s3store

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// copyBuffer is one step from a body to the wire. Larger ones cost cache,
	// smaller ones system calls.
	copyBuffer = 256 << 10

	// trickle is how many bytes must get away within one stall time for a write
	// to count as moving.
	trickle = 1 << 10
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
			return done, c.explain("write", err)
		}
	}
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
