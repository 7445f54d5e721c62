package s3sim_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"xfer/internal/s3sim"
)

func list(s *s3sim.Server, key s3sim.Key, options ...func(*s3.Options)) error {
	_, err := client(s, key, options...).ListObjectsV2(context.Background(), &s3.ListObjectsV2Input{Bucket: aws.String("b")})
	return err
}

func TestWhoMayNot(t *testing.T) {
	s := start(t, s3sim.Config{})
	temporary := s3sim.Key{ID: "ASIA1", Secret: "s", Token: "tok", Expires: time.Now().Add(time.Hour)}
	expired := s3sim.Key{ID: "ASIA2", Secret: "s", Token: "tok", Expires: time.Now().Add(-time.Second)}
	narrow := s3sim.Key{ID: "ASIA3", Secret: "s", Buckets: []string{"other"}}
	for _, k := range []s3sim.Key{temporary, expired, narrow} {
		s.AddKey(k)
	}
	with := func(k s3sim.Key, edit func(*s3sim.Key)) s3sim.Key { edit(&k); return k }
	for _, tc := range []struct {
		name, code string
		key        s3sim.Key
	}{
		{"unknown key", "InvalidAccessKeyId", s3sim.Key{ID: "x", Secret: "y"}},
		{"wrong secret", "SignatureDoesNotMatch", with(testKey, func(k *s3sim.Key) { k.Secret = "y" })},
		{"wrong token", "InvalidToken", with(temporary, func(k *s3sim.Key) { k.Token = "y" })},
		{"missing token", "InvalidAccessKeyId", with(temporary, func(k *s3sim.Key) { k.Token = "" })},
		{"token for a key without", "InvalidToken", with(testKey, func(k *s3sim.Key) { k.Token = "y" })},
		{"expired", "ExpiredToken", expired},
		{"other bucket's key", "AccessDenied", narrow},
	} {
		t.Run(tc.name, func(t *testing.T) { wantCode(t, list(s, tc.key), tc.code) })
	}
	if err := list(s, temporary); err != nil {
		t.Errorf("good temporary key: %v", err)
	}
	stats := s.Stats()
	if stats.Expired != 1 || stats.Refused["ExpiredToken"] != 1 || stats.Refused["InvalidToken"] != 2 {
		t.Errorf("stats %+v", stats)
	}
	s.RevokeKey(temporary.ID)
	wantCode(t, list(s, temporary), "InvalidAccessKeyId")
}

func TestExpiredHeadHasOnlyAStatus(t *testing.T) {
	s := start(t, s3sim.Config{})
	s.PutObject("b", "k", []byte("x"))
	key := s3sim.Key{ID: "ASIA", Secret: "s", Token: "t"}
	s.AddKey(key)
	s.ExpireKey("ASIA")
	_, err := client(s, key).HeadObject(context.Background(), &s3.HeadObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	wantCode(t, err, "BadRequest")
}

func TestExpiredAsMinIO(t *testing.T) {
	s := start(t, s3sim.Config{ExpiredAs: s3sim.AsMinIO()})
	key := s3sim.Key{ID: "ASIA", Secret: "s", Token: "t", Expires: time.Now().Add(-time.Second)}
	s.AddKey(key)
	wantCode(t, list(s, key), "InvalidAccessKeyId")
	if s.Stats().Expired != 1 {
		t.Error("not counted as expired")
	}
}

func TestSkewedClock(t *testing.T) {
	s := start(t, s3sim.Config{})
	s.SetSkew(16 * time.Minute)
	wantCode(t, list(s, testKey), "RequestTimeTooSkewed")
	s.SetSkew(14 * time.Minute)
	if err := list(s, testKey); err != nil {
		t.Error(err)
	}
}

func TestRegions(t *testing.T) {
	for malformed, code := range map[bool]string{false: "PermanentRedirect", true: "AuthorizationHeaderMalformed"} {
		s := start(t, s3sim.Config{MalformedRegion: malformed})
		s.CreateBucket("b", s3sim.InRegion("eu-west-2"))
		wantCode(t, list(s, testKey), code)
		if err := list(s, testKey, func(o *s3.Options) { o.Region = "eu-west-2" }); err != nil {
			t.Error(err)
		}
	}
}

func TestPresignedURL(t *testing.T) {
	s := start(t, s3sim.Config{})
	s.PutObject("b", "a b+c", []byte("hello"))
	p := s3.NewPresignClient(client(s, testKey))
	req, err := p.PresignGetObject(context.Background(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("a b+c")})
	if err != nil {
		t.Fatal(err)
	}
	if resp := plain(t, "GET", req.URL, nil); resp.StatusCode != 200 || string(read(t, resp.Body)) != "hello" {
		t.Errorf("got %d", resp.StatusCode)
	}
	if got := plain(t, "GET", req.URL+"0", nil).StatusCode; got != 403 {
		t.Errorf("changed signature: %d", got)
	}
	if got := plain(t, "GET", strings.Replace(req.URL, "X-Amz-Expires=900", "X-Amz-Expires=901", 1), nil).StatusCode; got != 403 {
		t.Errorf("longer life: %d", got)
	}
}

func TestUnsignedAmzHeadersAndBodiesAreRefused(t *testing.T) {
	s := start(t, s3sim.Config{})
	inject := func(edit func(*http.Request)) error {
		_, err := client(s, testKey, func(o *s3.Options) {
			o.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				edit(r)
				return http.DefaultTransport.RoundTrip(r)
			})}
		}).PutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k"), Body: strings.NewReader("hello")})
		return err
	}
	wantCode(t, inject(func(r *http.Request) { r.Header.Set("x-amz-meta-late", "1") }), "AccessDenied")
	wantCode(t, inject(func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("hellO")) }), "XAmzContentSHA256Mismatch")
	wantCode(t, inject(func(r *http.Request) { r.URL.Path += "2" }), "SignatureDoesNotMatch")
	if keys := s.Keys("b"); len(keys) != 0 {
		t.Errorf("stored %v", keys)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestKeysDoNotPrintTheirSecrets(t *testing.T) {
	k := s3sim.Key{ID: "AKIA", Secret: "canary1", Token: "canary2"}
	if got := k.String() + k.GoString(); strings.Contains(got, "canary") {
		t.Errorf("printed %q", got)
	}
}

// The Server works in a synctest bubble over pipes, so that lifetimes of an hour
// cost nothing.
func TestKeysExpireOnAFakeClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := s3sim.New(s3sim.Config{})
		s.CreateBucket("b")
		key := s3sim.Key{ID: "ASIA", Secret: "s", Token: "t", Expires: time.Now().Add(time.Hour)}
		s.AddKey(key)
		l := s3sim.NewPipeListener()
		if err := s.Serve(l); err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{DialContext: l.DialContext}
		over := func(o *s3.Options) { o.HTTPClient = &http.Client{Transport: transport} }
		if err := list(s, key, over); err != nil {
			t.Error(err)
		}
		<-time.After(time.Hour) // of the bubble's clock
		wantCode(t, list(s, key, over), "ExpiredToken")
		transport.CloseIdleConnections()
		s.Close()
	})
}

// S3 says where a bucket is even to those it refuses.
func TestHeadBucketTellsTheRegion(t *testing.T) {
	s := start(t, s3sim.Config{})
	s.CreateBucket("far", s3sim.InRegion("eu-west-2"))
	resp, err := http.Head(s.URL() + "/far")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Header.Get("x-amz-bucket-region"); resp.StatusCode != 403 || got != "eu-west-2" {
		t.Errorf("status %d, region %q", resp.StatusCode, got)
	}
}
