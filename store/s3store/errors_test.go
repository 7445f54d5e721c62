package s3store

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"xfer/engine"
)

// Each row of the table, once by its code and once more by a status alone.
func TestMeaningOfCodesAndStatuses(t *testing.T) {
	for _, row := range []struct {
		code   string
		status int
		want   error
	}{
		{"ExpiredToken", 400, engine.ErrKeysRejected},
		{"ExpiredTokenException", 403, engine.ErrKeysRejected},
		{"TokenRefreshRequired", 400, engine.ErrKeysRejected},
		{"InvalidToken", 400, engine.ErrKeysRejected},
		{"InvalidTokenId", 403, engine.ErrKeysRejected},
		{"InvalidAccessKeyId", 403, engine.ErrKeysRejected},
		{"SlowDown", 503, engine.ErrThrottled},
		{"SlowDownRead", 503, engine.ErrThrottled},
		{"SlowDownWrite", 503, engine.ErrThrottled},
		{"TooManyRequests", 429, engine.ErrThrottled},
		{"Throttling", 400, engine.ErrThrottled},
		{"ThrottlingException", 400, engine.ErrThrottled},
		{"RequestLimitExceeded", 503, engine.ErrThrottled},
		{"BandwidthLimitExceeded", 509, engine.ErrThrottled},
		{"ServiceUnavailable", 503, engine.ErrThrottled},
		{"AccessDenied", 403, engine.ErrDenied},
		{"AllAccessDisabled", 403, engine.ErrDenied},
		{"AccountProblem", 403, engine.ErrDenied},
		{"InvalidSecurity", 403, engine.ErrDenied},
		{"InvalidPayer", 403, engine.ErrDenied},
		{"NotSignedUp", 403, engine.ErrDenied},
		{"SignatureDoesNotMatch", 403, engine.ErrDenied},
		{"NoSuchKey", 404, engine.ErrNotFound},
		{"NoSuchVersion", 404, engine.ErrNotFound},
		{"NoSuchBucket", 404, engine.ErrNoStore},
		{"NoSuchAccessPoint", 404, engine.ErrNoStore},
		{"InvalidBucketName", 400, engine.ErrNoStore},
		{"PermanentRedirect", 301, engine.ErrNoStore},
		{"AuthorizationHeaderMalformed", 400, engine.ErrNoStore},
		{"IllegalLocationConstraintException", 400, engine.ErrNoStore},
		{"PreconditionFailed", 412, engine.ErrSourceChanged},
		{"InvalidRange", 416, engine.ErrSourceChanged},
		{"NoSuchUpload", 404, engine.ErrUploadGone},
		{"InvalidPart", 400, engine.ErrUploadGone},
		{"InvalidPartOrder", 400, engine.ErrUploadGone},
		{"BadDigest", 400, engine.ErrCorrupt},
		{"InvalidDigest", 400, engine.ErrCorrupt},
		{"XAmzContentChecksumMismatch", 400, engine.ErrCorrupt},
		{"XAmzContentSHA256Mismatch", 400, engine.ErrCorrupt},
		{"ContentSHA256Mismatch", 400, engine.ErrCorrupt},
		{"InvalidChecksum", 400, engine.ErrCorrupt},
		{"QuotaExceeded", 403, engine.ErrNoSpace},
		{"XMinioStorageFull", 507, engine.ErrNoSpace},
		{"XMinioAdminBucketQuotaExceeded", 400, engine.ErrNoSpace},
		{"InsufficientCapacity", 500, engine.ErrNoSpace},
		{"InvalidObjectState", 403, engine.ErrRefused},
		{"KeyTooLong", 400, engine.ErrRefused},
		{"KeyTooLongError", 400, engine.ErrRefused},
		{"EntityTooLarge", 400, engine.ErrRefused},
		{"EntityTooSmall", 400, engine.ErrRefused},
		{"MetadataTooLarge", 400, engine.ErrRefused},
		{"NotImplemented", 501, engine.ErrRefused},
		{"XNotImplemented", 501, engine.ErrRefused},
		{"RequestTimeout", 400, nil},
		{"RequestTimeTooSkewed", 403, nil},
		{"IncompleteBody", 400, nil},
		{"InternalError", 500, nil},
		{"OperationAborted", 409, nil},
		{"ConditionalRequestConflict", 409, nil},

		{"", 401, engine.ErrDenied},
		{"", 403, engine.ErrDenied},
		{"", 404, engine.ErrNotFound},
		{"", 412, engine.ErrSourceChanged},
		{"", 416, engine.ErrSourceChanged},
		{"", 429, engine.ErrThrottled},
		{"", 503, engine.ErrThrottled},
		{"", 507, engine.ErrNoSpace},
		{"", 408, nil},
		{"", 409, nil},
		{"", 425, nil},
		{"", 500, nil},
		{"", 502, nil},
		{"", 504, nil},
		{"", 501, engine.ErrRefused},
		{"", 301, engine.ErrNoStore},
		{"", 307, engine.ErrNoStore},
		{"Unheard", 400, engine.ErrRefused},
		{"Unheard", 405, engine.ErrRefused},
		{"Unheard", 599, nil},
	} {
		if got := meaning(row.code, row.status); !errors.Is(got, row.want) {
			t.Errorf("meaning(%q, %d) = %v, want %v", row.code, row.status, got, row.want)
		}
	}
}

func TestFailureSaysWhatMattersAndNoSecret(t *testing.T) {
	s := &Store{config: Config{}}
	r := &request{verb: "get object", method: "GET", bucket: "b", key: "k\x1b[2J", query: "X-Amz-Signature=canary"}
	r.keys = aws.Credentials{AccessKeyID: "AK", SecretAccessKey: "canary", SessionToken: "canary"}
	resp := &http.Response{StatusCode: 403, Header: http.Header{"X-Amz-Request-Id": {"REQ1"}}, Body: io.NopCloser(strings.NewReader(
		"<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>no\x7f way " + strings.Repeat("x", 500) + "</Message></Error>"))}
	f := s.failed(r, resp)
	text := f.Error()
	if !errors.Is(f, engine.ErrDenied) || !strings.HasPrefix(text, `get object "s3://b/k\x1b[2J": access denied: AccessDenied (403, request REQ1) "no way xxx`) || len(text) > 400 {
		t.Errorf("%q", text)
	}
	wrapped := fmt.Errorf("send: %w", &url.Error{Op: "Get", URL: "https://h/?X-Amz-Signature=canary", Err: io.ErrUnexpectedEOF})
	for _, text := range []string{text, bare(wrapped).Error()} {
		if strings.Contains(text, "canary") {
			t.Errorf("a secret in %q", text)
		}
	}
	if !errors.Is(bare(wrapped), io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
}

// A page of a proxy is no error document, whatever it contains.
func TestFailureOfAPageGoesByItsStatus(t *testing.T) {
	s := &Store{}
	for _, page := range []string{"<html><Code>NoSuchKey</Code></html>", "", "<Error><Code>NoSuch", "{}"} {
		f := s.failed(&request{bucket: "b"}, &http.Response{StatusCode: 502, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(page))})
		if f.code != "" || f.cause != nil {
			t.Errorf("%q: %v", page, f)
		}
	}
}

func TestRegionOnlyWithinAPartition(t *testing.T) {
	for _, row := range []struct {
		a, b string
		same bool
	}{{"us-east-1", "eu-west-2", true}, {"us-east-1", "cn-north-1", false}, {"us-gov-west-1", "us-gov-east-1", true}, {"us-gov-west-1", "us-east-1", false}} {
		if (partition(row.a) == partition(row.b)) != row.same {
			t.Errorf("%s and %s", row.a, row.b)
		}
	}
}
