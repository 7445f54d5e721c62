package s3sim

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// etagMatches compares an If-Match or If-None-Match value with an ETag; S3 takes
// it with and without quotes, and "*" for any.
func etagMatches(value, etag string) bool {
	for one := range strings.SplitSeq(value, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one == "*" || bare(one) == bare(etag) {
			return true
		}
	}
	return false
}

// writeCondition reads the conditions of a Put or Complete.
func (c *call) writeCondition() (writeCondition, error) {
	w := writeCondition{match: c.r.Header.Get("If-Match"), noneMatch: c.r.Header.Get("If-None-Match")}
	if w.noneMatch != "" && w.noneMatch != "*" {
		return w, notImplemented("If-None-Match with anything but *")
	}
	if c.flag(IgnoreIfMatch) {
		w = writeCondition{}
	}
	return w, nil
}

// checkRead applies the conditions of RFC 9110 section 13 to a read.
func checkRead(h http.Header, o *object, prefix string) error {
	match, noneMatch := h.Get(prefix+"If-Match"), h.Get(prefix+"If-None-Match")
	switch {
	case match != "" && !etagMatches(match, o.etag):
		return preconditionFailed("If-Match")
	case match == "" && changedSince(h.Get(prefix+"If-Unmodified-Since"), o.modified, false):
		return preconditionFailed("If-Unmodified-Since")
	case noneMatch != "" && etagMatches(noneMatch, o.etag):
		return notModified(prefix)
	case noneMatch == "" && changedSince(h.Get(prefix+"If-Modified-Since"), o.modified, true):
		return notModified(prefix)
	}
	return nil
}

// changedSince says whether modified is after the HTTP date, or the opposite.
func changedSince(date string, modified time.Time, opposite bool) bool {
	t, err := http.ParseTime(date)
	if err != nil {
		return false
	}
	return modified.Truncate(time.Second).After(t) != opposite
}

func notModified(prefix string) error {
	if prefix != "" { // a copy's source has no 304
		return preconditionFailed("If-None-Match")
	}
	return &apiError{status: http.StatusNotModified, code: "NotModified"}
}

// byteRange is a half-open range of bytes.
type byteRange struct{ start, end int64 }

// parseRange reads the value of a Range header for an object of size bytes. ok
// is false if the header has to be ignored, as RFC 9110 section 14.2 says of
// units and forms one does not know, and S3 does with several ranges. The error
// is 416.
func parseRange(value string, size int64) (r byteRange, ok bool, err error) {
	spec, ok := strings.CutPrefix(value, "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dash || strings.Contains(spec, ",") {
		return r, false, nil
	}
	if first == "" { // the last n bytes
		n, ok := digits(last)
		switch {
		case !ok:
			return r, false, nil
		case n == 0 || size == 0:
			return r, true, unsatisfiable()
		}
		return byteRange{max(0, size-n), size}, true, nil
	}
	start, ok := digits(first)
	if !ok {
		return r, false, nil
	}
	end := size
	if last != "" {
		n, ok := digits(last)
		if !ok || n < start {
			return r, false, nil
		}
		if n < size {
			end = n + 1
		}
	}
	if start >= size {
		return r, true, unsatisfiable()
	}
	return byteRange{start, end}, true, nil
}

func unsatisfiable() error {
	return refuse(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable")
}

// digits reads a number of plain digits, which may not have a sign.
func digits(s string) (int64, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
