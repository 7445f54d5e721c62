package s3sim

import (
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// slowListener limits each connection to a rate in each direction, as a far
// network path does that only many connections can fill.
type slowListener struct {
	net.Listener
	bytesPerSecond int
}

func (l *slowListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &slowConn{Conn: conn, done: make(chan struct{}), in: l.limiter(), out: l.limiter()}, nil
}

// limiter allows bursts of a 20th of a second, at least 4 KiB.
func (l *slowListener) limiter() *rate.Limiter {
	return rate.NewLimiter(rate.Limit(l.bytesPerSecond), max(4<<10, l.bytesPerSecond/20))
}

type slowConn struct {
	net.Conn
	done    chan struct{} // closed with the connection
	once    sync.Once
	in, out *rate.Limiter
}

func (c *slowConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:min(len(p), c.in.Burst())])
	if n > 0 {
		c.pause(c.in, n) // the next Read tells if the connection was closed
	}
	return n, err
}

// pause waits until n bytes are allowed; false if the connection was closed meanwhile.
func (c *slowConn) pause(limiter *rate.Limiter, n int) bool {
	t := time.NewTimer(limiter.ReserveN(time.Now(), n).Delay())
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.done:
		return false
	}
}

func (c *slowConn) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		piece := p[written:min(len(p), written+c.out.Burst())]
		if !c.pause(c.out, len(piece)) {
			return written, net.ErrClosed
		}
		n, err := c.Conn.Write(piece)
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

func (c *slowConn) Close() error {
	c.once.Do(func() { close(c.done) })
	return c.Conn.Close()
}
