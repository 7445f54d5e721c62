package s3store

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"xfer/engine"
)

type answers func(*http.Request) (status int, body string)

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	status, body := f(r)
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}, nil
}

// A part that lands after an Abort is aborted too, but not for ever.
func TestAbortIsRepeatedUntilNothingIsLeft(t *testing.T) {
	for _, stubborn := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, err := Open(t.Context(), Config{Anonymous: true})
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			s.transport = answers(func(r *http.Request) (int, string) {
				switch {
				case r.Method == http.MethodDelete:
					n++
					return http.StatusNoContent, ""
				case n < 3 || stubborn:
					return 200, "<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber><Size>9</Size></Part></ListPartsResult>"
				}
				return 200, "<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>"
			})
			began := time.Now()
			err = s.Abort(context.Background(), engine.Upload{ID: "u", Destination: "s3://b/k"})
			if want := map[bool]int{false: 3, true: aborts}[stubborn]; (err != nil) != stubborn || n != want {
				t.Errorf("after %d Aborts: %v", n, err)
			}
			if d := time.Since(began); d < abortPause || d > time.Minute {
				t.Errorf("took %s", d)
			}
		})
	}
}
