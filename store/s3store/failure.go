package s3store

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"xfer/engine"
)

const (
	maxErrorBody = 1 << 20
	maxDocument  = 16 << 20
	maxMessage   = 200 // bytes of a server's words that are repeated
)

// A failure is S3's no to a request. It wraps what the engine should do about it.
type failure struct {
	verb, place string
	status      int
	code        string // S3's error code, "" when it named none
	message     string // S3's words, cut short
	id          string // S3's name for the request, for its support
	region      string // where the bucket says it lives, if it says so
	date        time.Time
	cause       error // one of the engine's, nil for passing trouble
}

func (f *failure) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: ", f.verb, f.place)
	if f.cause != nil {
		fmt.Fprintf(&b, "%v: ", f.cause)
	}
	if f.code != "" {
		b.WriteString(f.code)
	} else {
		b.WriteString(strings.ToLower(http.StatusText(f.status)))
	}
	fmt.Fprintf(&b, " (%d", f.status)
	if f.id != "" {
		fmt.Fprintf(&b, ", request %s", f.id)
	}
	b.WriteString(")")
	if f.message != "" {
		fmt.Fprintf(&b, " %s", strconv.Quote(f.message))
	}
	return b.String()
}

func (f *failure) Unwrap() error { return f.cause }

// failed makes the failure of a reply, whose body it reads and closes. If the
// keys were refused, Config.Rejected hears of it.
func (s *Store) failed(r *request, resp *http.Response) *failure {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // what came is good enough
	resp.Body.Close()
	return s.failureOf(r, resp, text)
}

// failureOf is failed for a reply whose body, text, has been read.
func (s *Store) failureOf(r *request, resp *http.Response, text []byte) *failure {
	var doc struct {
		XMLName   xml.Name
		Code      string
		Message   string
		Region    string
		RequestID string `xml:"RequestId"`
	}
	if xml.Unmarshal(text, &doc) != nil || doc.XMLName.Local != "Error" {
		doc.Code, doc.Message, doc.Region, doc.RequestID = "", "", "", ""
	}
	f := &failure{
		verb: r.verb, place: r.place(),
		status:  resp.StatusCode,
		code:    printable(doc.Code),
		message: printable(doc.Message),
		id:      printable(first(resp.Header.Get("X-Amz-Request-Id"), doc.RequestID)),
		region:  first(resp.Header.Get("X-Amz-Bucket-Region"), doc.Region),
		cause:   meaning(doc.Code, resp.StatusCode),
	}
	if t, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		f.date = t
	}
	s.rejected(f, r.keys)
	return f
}

// rejected tells Config.Rejected of keys that f refuses. Keys past their own end
// are rejected too, whatever the server calls it. Without keys nothing can be
// replaced, and the request is just denied.
func (s *Store) rejected(f *failure, keys aws.Credentials) {
	if errors.Is(f, engine.ErrDenied) && keys.CanExpire && s.now().After(keys.Expires) {
		f.cause = engine.ErrKeysRejected
	}
	if !errors.Is(f, engine.ErrKeysRejected) {
		return
	}
	if s.config.Anonymous {
		f.cause = engine.ErrDenied
		return
	}
	if s.config.Rejected != nil {
		s.config.Rejected(keys.AccessKeyID, f.code)
	}
}

// printable cuts what a server says to a length and to characters that do no harm.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "…"
	}
	return s
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// unbelievable is the error of a reply with a good status that does not say what
// a real one says. It is passing: such replies come from servers and networks in
// trouble.
func (r *request) unbelievable(why string) error {
	return fmt.Errorf("%s %s: reply is not believable: %s", r.verb, r.place(), why)
}
