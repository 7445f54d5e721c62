package s3store_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"xfer/engine"
	"xfer/internal/s3sim"
	"xfer/internal/servers"
	"xfer/internal/storetest"
	"xfer/store/s3store"
)

const realBucket = "conformance"

func TestConformance(t *testing.T) {
	t.Run("s3sim", func(t *testing.T) {
		sim := start(t, s3sim.Config{RequirePartChecksums: true})
		conform(t, bystander{sdkOf(sim.URL(), testKey.ID, testKey.Secret, testKey.Token), "b"}, open(t, sim), 64<<10)
	})
	t.Run("s3sim as MinIO", func(t *testing.T) {
		sim := start(t, s3sim.Config{RequirePartChecksums: true, ReplayNotFound: true, NoChecksums: true})
		conform(t, bystander{sdkOf(sim.URL(), testKey.ID, testKey.Secret, testKey.Token), "b"}, open(t, sim), 64<<10)
	})
	for name, start := range realServers {
		t.Run(name, func(t *testing.T) {
			s, by := openReal(t, start(t))
			learn(t, s)
			conform(t, by, s, 5<<20)
		})
	}
}

var realServers = map[string]func(testing.TB) servers.Server{"versitygw": servers.Versity, "minio": servers.MinIO}

// openReal makes a Store of a server, and a bystander with an empty bucket there.
func openReal(t *testing.T, server servers.Server) (*s3store.Store, bystander) {
	t.Helper()
	by := bystander{sdkOf(server.URL, server.AccessKey, server.SecretKey, ""), realBucket}
	if _, err := by.sdk.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &by.bucket}); err != nil {
		t.Fatal(err)
	}
	s, err := s3store.Open(t.Context(), s3store.Config{
		Credentials: credentials.NewStaticCredentialsProvider(server.AccessKey, server.SecretKey, ""),
		Endpoint:    server.URL, Region: server.Region,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, by
}

// learn puts something, twice if need be: the first upload may cost a passing
// error, by which a Store learns what its server makes of a framed body.
func learn(t *testing.T, s *s3store.Store) {
	t.Helper()
	put := func() error {
		_, err := s.Put(t.Context(), "s3://"+realBucket+"/first", engine.Pin{}, bodyOf([]byte("first")))
		return err
	}
	if err := put(); err != nil {
		wantMeaning(t, err, nil)
		if err := put(); err != nil {
			t.Fatal(err)
		}
	}
}

func sdkOf(url, id, secret, token string) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &url, UsePathStyle: true, Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, token),
	})
}

// A bystander puts and looks at the objects of a bucket with Amazon's own client.
type bystander struct {
	sdk    *s3.Client
	bucket string
}

// conform runs the suite of all stores against s, whose least part is partSize
// bytes.
func conform(t *testing.T, by bystander, s *s3store.Store, partSize int64) {
	storetest.Run(t, storetest.Harness{
		Source: s, Destination: s,
		Place: func(name string) string { return "s3://" + by.bucket + "/" + name },
		Seed:  by.seed, Look: by.look, Leftovers: by.openUploads,
		PartSize: partSize,
	})
}

func (b bystander) key(t *testing.T, at string) *string {
	t.Helper()
	_, key, err := s3store.ParsePlace(at)
	if err != nil {
		t.Fatal(err)
	}
	return &key
}

func (b bystander) seed(t *testing.T, at string, data []byte) {
	t.Helper()
	if _, err := b.sdk.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &b.bucket, Key: b.key(t, at), Body: bytes.NewReader(data)}); err != nil {
		t.Fatal(err)
	}
}

func (b bystander) look(t *testing.T, at string) ([]byte, bool) {
	t.Helper()
	out, err := b.sdk.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &b.bucket, Key: b.key(t, at)})
	if errors.As(err, new(*types.NoSuchKey)) {
		return nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return data, true
}

func (b bystander) openUploads(t *testing.T) (keys []string) {
	t.Helper()
	out, err := b.sdk.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &b.bucket})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range out.Uploads {
		keys = append(keys, aws.ToString(u.Key))
	}
	return keys
}
