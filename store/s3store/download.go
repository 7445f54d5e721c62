package s3store

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// A download is the body of a GET. The transport sees to it that it gives
// exactly the bytes announced, and the connection's watchdog that some byte
// comes in time; the download itself ends a reply that only drips.
type download struct {
	body   io.ReadCloser
	r      *request
	stall  time.Duration
	waited time.Duration // inside Read since enough came
	came   int           // bytes since then
}

func (s *Store) download(r *request, resp *http.Response) io.ReadCloser {
	return &download{body: resp.Body, r: &request{verb: r.verb, bucket: r.bucket, key: r.key}, stall: s.config.Stall}
}

func (d *download) Read(p []byte) (int, error) {
	began := time.Now()
	n, err := d.body.Read(p)
	if d.came += n; d.came >= trickle {
		d.came, d.waited = 0, 0
	} else if d.waited += time.Since(began); d.waited > d.stall && err == nil {
		err = fmt.Errorf("only %d bytes in %s", d.came, d.waited)
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%s %s: %w", d.r.verb, d.r.place(), bare(err))
	}
	return n, err
}

func (d *download) Close() error { return d.body.Close() }
