package s3store

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	dialTimeout = 10 * time.Second
	tlsTimeout  = 10 * time.Second

	// readBuffer is the transport's own; a larger read passes it by when it is empty.
	readBuffer = 64 << 10
	// writeBuffer takes the headers. It is small so that the body soon goes
	// through conn.ReadFrom.
	writeBuffer = 4 << 10

	maxHeader = 1 << 20
	idleConns = 1024 // per host, more than any sensible number of workers
)

// newTransport makes the HTTP client of one Store: HTTP/1.1, for an object
// store speaks no better over one shared connection; no redirects, for a
// signature must not travel; no decompression, for bytes are kept as they come;
// a look-up of the name for each new connection, as Amazon advises for requests
// that are tried again.
func newTransport(c Config) *http.Transport {
	buffers := &sync.Pool{New: func() any {
		b := make([]byte, copyBuffer)
		return &b
	}}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy: proxy,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return newConn(nc, c.Stall, buffers), nil
		},
		TLSClientConfig: &tls.Config{
			MinVersion:                  tls.VersionTLS12,
			RootCAs:                     c.RootCAs,
			DynamicRecordSizingDisabled: true, // bulk: full records from the start
		},
		TLSHandshakeTimeout:    tlsTimeout,
		ResponseHeaderTimeout:  c.Stall,
		IdleConnTimeout:        min(c.Stall/2, 30*time.Second), // before the watchdog would
		MaxIdleConnsPerHost:    idleConns,
		MaxConnsPerHost:        c.MaxConns,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true,
		ReadBufferSize:         readBuffer,
		WriteBufferSize:        writeBuffer,
		Protocols:              protocols,
	}
}

// proxy is the environment's, with errors that do not quote it: a proxy's URL
// may hold a password.
func proxy(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, errors.New("the environment's proxy is not a URL")
	}
	return u, nil
}
