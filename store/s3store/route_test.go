package s3store

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"xfer/engine"
)

// Where requests go at Amazon, and what they are signed for.
func TestRoutes(t *testing.T) {
	for _, row := range []struct{ endpoint, bucket, url, region, name string }{
		{"", "bucket", "https://bucket.s3.eu-west-2.amazonaws.com/a%20b/%2B", "eu-west-2", "s3"},
		{"", "dotted.name", "https://s3.eu-west-2.amazonaws.com/dotted.name/a%20b/%2B", "eu-west-2", "s3"},
		{"", "arn:aws:s3:us-west-2:123456789012:accesspoint/mine", "https://mine-123456789012.s3-accesspoint.us-west-2.amazonaws.com/a%20b/%2B", "us-west-2", "s3"},
		{"", "b--use1-az4--x-s3", "https://b--use1-az4--x-s3.s3express-use1-az4.eu-west-2.amazonaws.com/a%20b/%2B", "eu-west-2", "s3express"},
		{"https://store.example.org:9000", "b", "https://store.example.org:9000/b/a%20b/%2B", "eu-west-2", "s3"},
		{"https://store.example.org/base/", "b", "https://store.example.org/base/b/a%20b/%2B", "eu-west-2", "s3"},
	} {
		s, err := Open(t.Context(), Config{Credentials: credentials.NewStaticCredentialsProvider("AK", "SK", ""), Region: "eu-west-2", Endpoint: row.endpoint})
		if err != nil {
			t.Fatal(err)
		}
		to, err := s.route(t.Context(), row.bucket)
		if err != nil {
			t.Errorf("%s: %v", row.bucket, err)
			continue
		}
		req, err := s.signed(t.Context(), &request{method: "GET", bucket: row.bucket, key: "a b/+"}, to)
		if err != nil {
			t.Fatal(err)
		}
		if got := req.URL.String(); got != row.url {
			t.Errorf("%s: %s, want %s", row.bucket, got, row.url)
		}
		if auth := req.Header.Get("Authorization"); !strings.Contains(auth, "/"+row.region+"/"+row.name+"/aws4_request") {
			t.Errorf("%s: signed %s", row.bucket, auth)
		}
	}
	s, _ := Open(t.Context(), Config{Anonymous: true})
	for _, bucket := range []string{"arn:aws:s3::123456789012:accesspoint/mrap.mrap", "arn:aws:s3:us-west-2:not an account:accesspoint/x"} {
		if to, err := s.route(t.Context(), bucket); !errors.Is(err, engine.ErrNoStore) {
			t.Errorf("%s: %+v, %v", bucket, to, err)
		}
	}
}

// A bucket's region changes the host by the rules, never by the reply.
func TestARedirectNeverNamesTheHost(t *testing.T) {
	s, err := Open(t.Context(), Config{Credentials: credentials.NewStaticCredentialsProvider("AK", "SK", "canary")})
	if err != nil {
		t.Fatal(err)
	}
	var hosts []string
	for _, region := range []string{"eu-west-2", "evil.example.org/x", "cn-north-1", "us-west-2"} {
		s.transport = answers(func(r *http.Request) (int, string) {
			hosts = append(hosts, r.URL.Host)
			return 301, "<Error><Code>PermanentRedirect</Code><Endpoint>evil.example.org</Endpoint><Region>" + region + "</Region></Error>"
		})
		if _, _, err := s.Open(context.Background(), "s3://bucket/k"); !errors.Is(err, engine.ErrNoStore) {
			t.Errorf("%s: %v", region, err)
		}
	}
	for i, host := range hosts {
		if want := "bucket.s3.eu-west-2.amazonaws.com"; host != want && !(i == 0 && host == "bucket.s3.us-east-1.amazonaws.com") {
			t.Errorf("request %d went to %s", i, host)
		}
	}
}

func TestProxyErrorsDoNotQuoteIt(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://user:canary@%zz")
	if _, err := proxy(&http.Request{URL: &url.URL{Scheme: "https", Host: "s3.example.org"}}); err != nil && strings.Contains(err.Error(), "canary") {
		t.Errorf("a secret in %v", err)
	}
}
