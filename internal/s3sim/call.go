package s3sim

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// call is one request on its way through the Server; it belongs to the
// goroutine that serves it.
type call struct {
	s *Server
	w http.ResponseWriter
	r *http.Request
	target

	plain     http.ResponseWriter // below any fault
	b         *bucket             // nil for ListBuckets and CreateBucket
	caller    caller
	requestID string
	faults    hits
	status    int
	gone      bool   // the connection has been dropped
	code      string // of the error answer, if it was one
	started   time.Time
	record    *Request // nil unless requests are recorded
}

func newCall(s *Server, w http.ResponseWriter, r *http.Request) *call {
	c := &call{s: s, r: r, plain: w, started: s.now()}
	c.w = &statusWriter{ResponseWriter: w, c: c}
	c.requestID = fmt.Sprintf("%016X", s.serial.Add(1))
	h := w.Header()
	h.Set("x-amz-request-id", c.requestID)
	h.Set("Server", "s3sim")
	if s.skew.Load() != 0 {
		h.Set("Date", s.now().UTC().Format(http.TimeFormat))
	}
	return c
}

// serve routes, admits, lets faults have their way, and acts.
func (c *call) serve() error {
	t, err := parseTarget(c.r)
	c.target = t
	c.s.log.count(t.op)
	c.s.log.begin(c)
	if err != nil {
		return err
	}
	if err := c.admit(); err != nil {
		c.s.log.refused(err)
		return err
	}
	if d := time.Duration(c.s.firstByte.Load()); d > 0 && !c.s.wait(c.r.Context(), d) {
		return errHandled
	}
	if err := c.armFaults(); err != nil {
		return err
	}
	err = c.act()
	return c.afterAct(err)
}

func (c *call) act() error {
	switch c.op {
	case ListBuckets:
		return c.listBuckets()
	case CreateBucket:
		return c.createBucket()
	case HeadBucket:
		return c.headBucket()
	case GetBucketLocation:
		return c.getBucketLocation()
	case ListObjectsV2, ListObjects:
		return c.listObjects()
	case ListMultipartUploads:
		return c.listUploads()
	case DeleteObjects:
		return c.deleteObjects()
	case GetObject, HeadObject:
		return c.getObject()
	case PutObject:
		return c.putObject()
	case CopyObject:
		return c.copyObject()
	case DeleteObject:
		return c.deleteObject()
	case CreateMultipartUpload:
		return c.createUpload()
	case UploadPart:
		return c.uploadPart()
	case UploadPartCopy:
		return c.uploadPartCopy()
	case CompleteMultipartUpload:
		return c.completeUpload()
	case AbortMultipartUpload:
		return c.abortUpload()
	case ListParts:
		return c.listParts()
	}
	return notImplemented("this operation")
}

// write sends body bytes; a client that went away is no concern of the caller.
func (c *call) write(p []byte) { _, _ = c.w.Write(p) }

// empty answers with a status and no body.
func (c *call) empty(status int) error {
	if status != http.StatusNoContent {
		c.w.Header().Set("Content-Length", "0")
	}
	c.w.WriteHeader(status)
	return nil
}

func (c *call) setSize(name string, n int64) { c.w.Header().Set(name, strconv.FormatInt(n, 10)) }

// statusWriter remembers the status for the log.
type statusWriter struct {
	http.ResponseWriter
	c *call
}

func (w *statusWriter) WriteHeader(status int) {
	w.c.status = status
	w.c.s.log.status(w.c)
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
