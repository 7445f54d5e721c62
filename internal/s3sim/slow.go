package s3sim

import (
	"context"
	"net"

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
	ctx, cancel := context.WithCancel(context.Background())
	return &slowConn{Conn: conn, ctx: ctx, cancel: cancel, in: l.limiter(), out: l.limiter()}, nil
}

// limiter allows bursts of a 20th of a second, at least 4 KiB.
func (l *slowListener) limiter() *rate.Limiter {
	return rate.NewLimiter(rate.Limit(l.bytesPerSecond), max(4<<10, l.bytesPerSecond/20))
}

type slowConn struct {
	net.Conn
	ctx     context.Context // ends with the connection
	cancel  context.CancelFunc
	in, out *rate.Limiter
}

func (c *slowConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:min(len(p), c.in.Burst())])
	if n > 0 {
		_ = c.in.WaitN(c.ctx, n) // fails only when the connection is closed
	}
	return n, err
}

func (c *slowConn) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		piece := p[written:min(len(p), written+c.out.Burst())]
		if err := c.out.WaitN(c.ctx, len(piece)); err != nil {
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
	c.cancel()
	return c.Conn.Close()
}
