package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"xfer/internal/servers"
)

// TestKeysOfARealSTS copies for longer than keys of a real STS live. MinIO's
// shortest are of 900 s, so this takes some 20 minutes:
//
//	XFER_TEST_LONG=1 XFER_TEST_SERVERS=$PWD/.cache/bin go test -timeout 40m -run TestKeysOfARealSTS ./cmd/xfer
//
// The keys come through the AWS chain: a profile with a role, AssumeRole at MinIO.
func TestKeysOfARealSTS(t *testing.T) {
	if os.Getenv("XFER_TEST_LONG") == "" {
		t.Skip("takes 20 minutes; XFER_TEST_LONG=1 runs it")
	}
	const (
		life      = 900 * time.Second
		rate      = 256 << 10
		largeSize = 200 << 20
		smallSize = 1 << 20
		small     = 70
	)
	minio := servers.MinIO(t)
	dir := t.TempDir()
	profiles := map[string]string{
		"config":      "[profile short]\nregion = us-east-1\nrole_arn = arn:aws:iam::000000000000:role/any\nsource_profile = root\nduration_seconds = 900\n",
		"credentials": fmt.Sprintf("[root]\naws_access_key_id = %s\naws_secret_access_key = %s\n", minio.AccessKey, minio.SecretKey),
	}
	for name, text := range profiles {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "credentials"))
	t.Setenv("AWS_ENDPOINT_URL_STS", minio.URL)

	ctx := context.Background()
	root := clientOf(minio, credentials.NewStaticCredentialsProvider(minio.AccessKey, minio.SecretKey, ""))
	for _, bucket := range []string{"granules", "copies"} {
		if _, err := root.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
			t.Fatal(err)
		}
	}
	tree := filepath.Join(dir, "tree")
	fill(t, filepath.Join(tree, "large"), largeSize)
	for i := range small {
		fill(t, filepath.Join(tree, fmt.Sprintf("small-%03d", i)), smallSize)
	}

	w := &world{t: t, dir: dir}
	w.env = []string{
		"XFER_SOURCE_ENDPOINT=" + minio.URL, "XFER_DEST_ENDPOINT=" + minio.URL,
		"XFER_SOURCE_CREDS=aws:short", "XFER_DEST_CREDS=aws:short", "XDG_STATE_HOME=" + dir,
	}
	w.run(exitOK, "copy", "--progress", "none", tree+"/", "s3://granules/")

	// Keys of the same kind as the first that the copy gets, kept past their end.
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithSharedConfigProfile("short"))
	if err != nil {
		t.Fatal(err)
	}
	first, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		t.Fatal(err)
	}
	early := clientOf(minio, credentials.NewStaticCredentialsProvider(first.AccessKeyID, first.SecretAccessKey, first.SessionToken))
	if _, err := early.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("granules")}); err != nil {
		t.Fatalf("keys do not work while they live: %v", err)
	}

	began := time.Now()
	p := w.startFor(40*time.Minute, "copy", "--json", "--progress", "none", "--workers", "4", "--part-size", "8MiB",
		"--limit-rate", fmt.Sprint(rate), "s3://granules/", "s3://copies/")
	if code := p.code(); code != exitOK {
		t.Fatalf("exit %d:\n%s", code, p.stderr.String())
	}
	took, s := time.Since(began), p.summary(t)
	_, refused := early.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("granules")})
	t.Logf("%s for %d objects; %d renewals, %d sets of keys rejected; the first keys then: %v", took.Round(time.Second), s.Objects.Copied, s.Credentials.Renewals, s.Credentials.Rejected, refused)
	if took < life || refused == nil {
		t.Errorf("the copy took %s and did not outlast its first keys (%v)", took, refused)
	}
	if s.Objects.Copied != small+1 || s.Objects.Failed != 0 || s.Credentials.Renewals < 2 || s.Credentials.Rejected != 0 {
		t.Errorf("summary %+v", s)
	}
	// Both sides were checksummed on the way; this looks once more, from outside.
	w.run(exitOK, "copy", "--progress", "none", "--source-creds", "aws:root", "s3://copies/", filepath.Join(dir, "back")+"/")
	for _, name := range []string{"large", "small-000", fmt.Sprintf("small-%03d", small-1)} {
		same(t, filepath.Join(tree, name), filepath.Join(dir, "back", name))
	}
}

func clientOf(server servers.Server, keys aws.CredentialsProvider) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &server.URL, Region: server.Region, Credentials: keys, UsePathStyle: true,
		RetryMaxAttempts: 1,
	})
}

// fill writes a file of random bytes.
func fill(t *testing.T, path string, size int) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	data := make([]byte, size)
	if _, err := rand.NewChaCha8([32]byte{byte(size), path[len(path)-1]}).Read(data); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// same compares two files.
func same(t *testing.T, one, other string) {
	t.Helper()
	a, err := os.ReadFile(one)
	if err != nil {
		t.Error(err)
		return
	}
	b, err := os.ReadFile(other)
	if err != nil || string(a) != string(b) {
		t.Errorf("%s and %s differ (%v)", one, other, err)
	}
}
