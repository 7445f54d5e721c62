package s3sim_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"xfer/internal/s3sim"
)

var testKey = s3sim.Key{ID: "AKIDEXAMPLE", Secret: "not-a-secret"}

// start runs a Server that knows testKey and has the bucket "b".
func start(t testing.TB, cfg s3sim.Config) *s3sim.Server {
	t.Helper()
	s := s3sim.New(cfg)
	s.AddKey(testKey)
	s.CreateBucket("b")
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// client is the real SDK, without retries.
func client(s *s3sim.Server, key s3sim.Key, options ...func(*s3.Options)) *s3.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if pool := s.CertPool(); pool != nil {
		transport.TLSClientConfig.RootCAs = pool
	}
	o := s3.Options{
		BaseEndpoint: aws.String(s.URL()), Region: "us-east-1", UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials:                credentials.NewStaticCredentialsProvider(key.ID, key.Secret, key.Token),
		HTTPClient:                 &http.Client{Transport: transport},
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}
	return s3.New(o, options...)
}

func wantCode(t testing.TB, err error, want string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != want {
		t.Errorf("got error %v, want code %s", err, want)
	}
}

func randomBytes(t testing.TB, n int) []byte {
	t.Helper()
	seed := rand.Uint64()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24)}).Read(b)
	return b
}

func read(t testing.TB, body io.ReadCloser) []byte {
	t.Helper()
	defer body.Close()
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatalf("read body: %v", err)
	}
	return b
}

func TestRoundTripKeepsBytesHeadersAndChecksum(t *testing.T) {
	for name, cfg := range map[string]s3sim.Config{
		"http": {}, "https": {TLS: true}, "cheap": s3sim.CheapConfig(),
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, cfg)
			c := client(s, testKey)
			ctx := context.Background()
			data := randomBytes(t, 300_000)
			_, err := c.PutObject(ctx, &s3.PutObjectInput{
				Bucket: aws.String("b"), Key: aws.String("k"), Body: bytes.NewReader(data), ContentType: aws.String("image/tiff"),
				CacheControl: aws.String("no-store"), Metadata: map[string]string{"colour": "green"},
			})
			if err != nil {
				t.Fatal(err)
			}
			out, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(read(t, out.Body), data) {
				t.Error("bytes differ")
			}
			if aws.ToString(out.ContentType) != "image/tiff" || aws.ToString(out.CacheControl) != "no-store" || out.Metadata["colour"] != "green" {
				t.Errorf("headers: %+v", out)
			}
			if out.ChecksumCRC32 == nil || out.ChecksumType != "FULL_OBJECT" {
				t.Errorf("checksum of the SDK's default algorithm is missing: %v %v", out.ChecksumCRC32, out.ChecksumType)
			}
			o, ok := s.Object("b", "k")
			if !ok || !bytes.Equal(o.Bytes(), data) {
				t.Error("the store holds other bytes")
			}
			if o.Headers.Get("Content-Encoding") != "" {
				t.Errorf("content encoding %q was kept", o.Headers.Get("Content-Encoding"))
			}
		})
	}
}
