package s3sim

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
)

// armFaults finds the faults of this request and does what comes before the
// operation. errHandled means that the request has been dealt with.
func (c *call) armFaults() error {
	c.faults = c.s.hitsOf(c)
	if len(c.faults) == 0 {
		return nil
	}
	c.changeStore()
	if a := c.faults.find(StallStart); a != nil {
		a.fired.Add(1)
		if !c.s.wait(c.r.Context(), a.fault.Delay) {
			c.drop(a.fault.Reset)
			return errHandled
		}
	}
	if a := c.faults.find(DropBefore); a != nil {
		a.fired.Add(1)
		c.drop(a.fault.Reset)
		return errHandled
	}
	if a := c.faults.find(StallRead); a != nil {
		c.r.Body = &stalledBody{ReadCloser: c.r.Body, c: c, a: a, left: a.fault.Bytes}
	}
	if a := c.instead(); a != nil {
		if !a.fault.Act && a.fault.Kind != LostReply {
			return c.answer(a)
		}
		c.w = &mutedWriter{header: http.Header{}}
		return nil
	}
	c.w = &faultWriter{ResponseWriter: c.w, c: c}
	return nil
}

// instead is the fault that answers in place of the operation.
func (c *call) instead() *Armed {
	return c.faults.find(LostReply, Fail, Empty200, Blank200, HTML200, Error200, HugeError, Redirect)
}

// afterAct takes the operation's result; a fault that let it act answers now.
func (c *call) afterAct(err error) error {
	if len(c.faults) == 0 {
		return err
	}
	a := c.instead()
	if a == nil {
		if err != nil {
			c.fail(err)
		}
		if f, ok := c.w.(*faultWriter); ok {
			f.finish()
		}
		return nil
	}
	if a.fault.Kind == LostReply {
		a.fired.Add(1)
		c.drop(a.fault.Reset)
		return errHandled
	}
	return c.answer(a)
}

// answer replies in place of the operation; it never returns nil.
func (c *call) answer(a *Armed) error {
	a.fired.Add(1)
	f := a.fault
	if !f.Early {
		_, _ = io.Copy(io.Discard, &meter{c: c, r: c.r.Body}) // a client that went away gets no answer anyway
	}
	w := c.under()
	c.w = w
	if f.Header[0] != "" {
		w.Header().Set(f.Header[0], f.Header[1])
	}
	status := f.Status
	if status == 0 {
		status = map[Kind]int{Fail: 500, HugeError: 400, Redirect: 301}[f.Kind]
	}
	code := f.Code
	if code == "" {
		code = codeOf(status)
	}
	c.code = code
	switch f.Kind {
	case Fail:
		if f.NoHeader {
			w.Header().Del("x-amz-request-id")
			w.Header().Del("Server")
			_ = c.empty(status) // never fails
			return errHandled
		}
		return refuse(status, code, "This is a fault that was asked for.")
	case Empty200:
		_ = c.empty(http.StatusOK) // never fails
	case Blank200:
		c.writeXML(http.StatusOK, []byte(" \r\n \n"))
	case HTML200:
		page := []byte("<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in to this network.</body></html>")
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Length", strconv.Itoa(len(page)))
		w.WriteHeader(http.StatusOK)
		c.write(page)
	case Error200:
		if f.Code == "" {
			code = "InternalError"
		}
		c.code = code
		c.writeXML(http.StatusOK, errorXML(&apiError{code: code, message: "This is a fault that was asked for."}, c.r.URL.Path, c.requestID))
	case HugeError:
		c.hugeError(status, f.Bytes)
	case Redirect:
		if f.Location != "" {
			w.Header().Set("Location", f.Location)
		}
		return refuse(status, "PermanentRedirect", "This is a fault that was asked for.")
	}
	return errHandled
}

func (c *call) hugeError(status int, size int64) {
	c.setSize("Content-Length", size)
	c.w.Header().Set("Content-Type", "application/xml")
	c.w.WriteHeader(status)
	filling := make([]byte, 64<<10)
	for i := range filling {
		filling[i] = 'x'
	}
	start := "<Error><Code>InternalError</Code><Message>"
	n, _ := io.WriteString(c.w, start[:min(int64(len(start)), size)])
	for left := size - int64(n); left > 0; {
		n, err := c.w.Write(filling[:min(left, int64(len(filling)))])
		if err != nil {
			return
		}
		left -= int64(n)
	}
}

func codeOf(status int) string {
	switch status {
	case 403:
		return "AccessDenied"
	case 404:
		return "NoSuchKey"
	case 408:
		return "RequestTimeout"
	case 409:
		return "OperationAborted"
	case 412:
		return "PreconditionFailed"
	case 429:
		return "TooManyRequests"
	case 503:
		return "SlowDown"
	}
	return "InternalError"
}

// changeStore does the faults that change objects, uploads and keys.
func (c *call) changeStore() {
	for _, a := range c.faults {
		bucket, key := c.bucket, c.key
		if a.fault.Target[0] != "" {
			bucket, key = a.fault.Target[0], a.fault.Target[1]
		}
		switch a.fault.Kind {
		case ChangeObject:
			a.fired.Add(1)
			c.s.change(bucket, key, a.fault.Data)
		case RemoveObject:
			a.fired.Add(1)
			c.s.DeleteObject(bucket, key)
		case ExpireKey:
			if !c.caller.anonymous {
				a.fired.Add(1)
				c.s.ExpireKey(c.caller.key.ID)
			}
		case AbortUpload:
			for _, u := range c.s.OpenUploads(bucket) {
				if u.UploadID == c.uploadID || c.uploadID == "" && u.Key == key {
					a.fired.Add(1)
					c.s.AbortUpload(bucket, u.UploadID)
				}
			}
		}
	}
}

// change puts other bytes at a key, of the same size unless data says otherwise.
func (s *Server) change(bucket, key string, data []byte) {
	var old *object
	if b := s.bucket(bucket); b != nil {
		old = b.get(key)
	}
	synthetic, ok := (*Synthetic)(nil), false
	if old != nil {
		synthetic, ok = old.content.(*Synthetic)
	}
	switch {
	case len(data) > 0 || old == nil:
		s.PutObject(bucket, key, data)
	case ok:
		s.PutSynthetic(bucket, key, synthetic.size, mix(synthetic.seed))
	default:
		varied := old.view(bucket, key).Bytes()
		for i := range varied {
			varied[i] ^= 0xff
		}
		s.PutObject(bucket, key, varied)
	}
}

// under is the writer below any fault.
func (c *call) under() http.ResponseWriter {
	return &statusWriter{ResponseWriter: c.plain, c: c}
}

// drop closes the connection, with a reset if asked. Where there is no
// connection to take, net/http aborts the reply.
func (c *call) drop(reset bool) {
	c.gone = true
	conn, _, err := http.NewResponseController(c.plain).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if reset {
		resetOnClose(conn)
	}
	_ = conn.Close() // it is gone either way
}

func resetOnClose(conn net.Conn) {
	for {
		switch c := conn.(type) {
		case *net.TCPConn:
			_ = c.SetLinger(0) // without it the close is a FIN, which the client survives too
			return
		case *slowConn:
			conn = c.Conn
		case interface{ NetConn() net.Conn }:
			conn = c.NetConn()
		default:
			return
		}
	}
}

// stalledBody stops reading a request body for a while, or until the server closes.
type stalledBody struct {
	io.ReadCloser
	c    *call
	a    *Armed
	left int64
	done bool
}

func (b *stalledBody) Read(p []byte) (int, error) {
	if b.left == 0 && !b.done {
		b.done = true
		b.a.fired.Add(1)
		if !b.c.s.wait(b.c.r.Context(), b.a.fault.Delay) {
			b.c.drop(false)
			return 0, errors.New("stalled until the server closed")
		}
	}
	if !b.done {
		p = p[:min(int64(len(p)), b.left)]
	}
	n, err := b.ReadCloser.Read(p)
	b.left = max(0, b.left-int64(n))
	return n, err
}

// mutedWriter swallows a reply.
type mutedWriter struct{ header http.Header }

func (w *mutedWriter) Header() http.Header         { return w.header }
func (w *mutedWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *mutedWriter) WriteHeader(int)             {}
