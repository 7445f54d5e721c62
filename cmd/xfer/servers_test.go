package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"xfer/internal/servers"
)

// A realSide is a bucket on a real server with keys of its own. Everything but
// the copying is done with Amazon's client.
type realSide struct {
	servers.Server
	sdk    *s3.Client
	prefix string // of the variables that hold its keys
}

func newRealSide(server servers.Server, prefix string) realSide {
	return realSide{server, s3.New(s3.Options{
		BaseEndpoint: &server.URL, UsePathStyle: true, Region: server.Region,
		Credentials: credentials.NewStaticCredentialsProvider(server.AccessKey, server.SecretKey, ""),
	}), prefix}
}

func (s realSide) bucket(t *testing.T, name string) {
	t.Helper()
	if _, err := s.sdk.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
}

// keys lists a bucket.
func (s realSide) keys(t *testing.T, bucket string) (keys []string) {
	t.Helper()
	pages := s3.NewListObjectsV2Paginator(s.sdk, &s3.ListObjectsV2Input{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			keys = append(keys, aws.ToString(o.Key))
		}
	}
	slices.Sort(keys)
	return keys
}

// open names the uploads to a bucket that have begun, and how many parts of them
// have arrived.
func (s realSide) open(t *testing.T, bucket string) (keys []string, parts int) {
	t.Helper()
	out, err := s.sdk.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range out.Uploads {
		keys = append(keys, aws.ToString(u.Key))
		// One that ends meanwhile has no parts.
		if list, err := s.sdk.ListParts(t.Context(), &s3.ListPartsInput{Bucket: &bucket, Key: u.Key, UploadId: u.UploadId}); err == nil {
			parts += len(list.Parts)
		}
	}
	return keys, parts
}

// put puts all objects, every other one without a checksum of the client's.
func (s realSide) put(t *testing.T, bucket string, all map[string][]byte) {
	t.Helper()
	var g errgroup.Group
	g.SetLimit(4)
	for i, key := range slices.Sorted(maps.Keys(all)) {
		bare, data := i%2 == 1, all[key]
		g.Go(func() error {
			_, err := s.sdk.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: &bucket, Key: &key, Body: bytes.NewReader(data),
				ContentType: aws.String("image/tiff"), Metadata: map[string]string{"length": fmt.Sprint(len(data))},
			}, func(o *s3.Options) {
				if bare {
					o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
				}
			})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

// holds fails unless a bucket has exactly these objects, byte for byte, and no
// upload is open.
func (s realSide) holds(t *testing.T, bucket string, all map[string][]byte, metadata bool) {
	t.Helper()
	keys := s.keys(t, bucket)
	if len(keys) != len(all) {
		t.Errorf("%d objects in %s, want %d", len(keys), bucket, len(all))
	}
	for _, key := range keys {
		data, wanted := all[key]
		out, err := s.sdk.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
		if err != nil {
			t.Errorf("%q: %v", key, err)
			continue
		}
		got, err := io.ReadAll(out.Body)
		out.Body.Close()
		if err != nil || !wanted || !bytes.Equal(got, data) {
			t.Errorf("%q: wanted %t, %d bytes that should be %d others, %v", key, wanted, len(got), len(data), err)
		}
		if coding := aws.ToString(out.ContentEncoding); coding != "" {
			t.Errorf("%q has the coding %q", key, coding)
		}
		if metadata && (aws.ToString(out.ContentType) != "image/tiff" || out.Metadata["length"] != fmt.Sprint(len(data))) {
			t.Errorf("%q: type %q, metadata %v", key, aws.ToString(out.ContentType), out.Metadata)
		}
	}
	if open, _ := s.open(t, bucket); len(open) > 0 {
		t.Errorf("uploads left open in %s: %q", bucket, open)
	}
}

// copying is a copy from one side to the other; only their own keys are known of
// each.
func copying(from, to realSide, args ...string) (env, all []string) {
	for _, s := range []realSide{from, to} {
		env = append(env, s.prefix+"_ACCESS_KEY_ID="+s.AccessKey, s.prefix+"_SECRET_ACCESS_KEY="+s.SecretKey)
	}
	return env, append([]string{"copy", "--source-endpoint", from.URL, "--source-creds", "env:" + from.prefix,
		"--dest-endpoint", to.URL, "--dest-creds", "env:" + to.prefix, "--json", "--progress", "none", "--part-size", "5MiB", "--workers", "4"}, args...)
}

// mixture makes n objects of all kinds of names and sizes.
func mixture(t *testing.T, n int) map[string][]byte {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %#x", seed)
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	random := rand.NewChaCha8(key)
	names := []string{"plain/%03d.nc", "with space/%03d and more.tif", "plus+and&/%03d+1=2.bin", "per%%cent/%03d%%20%%2B.bin", "ünïcode/雪 %03d.dat", "q'(%03d)!,;@$/x.y"}
	sizes := []int{0, 1, 1000, 64 << 10, 300_000, 1 << 20}
	large := []int{20 << 20, 12<<20 + 1, 10 << 20, 5<<20 + 1, 5 << 20}
	all := make(map[string][]byte, n)
	for i := range n {
		size := sizes[i/len(names)%len(sizes)]
		if i < len(large) {
			size = large[i]
		}
		data := make([]byte, size)
		random.Read(data)
		all[fmt.Sprintf(names[i%len(names)], i)] = data
	}
	return all
}

// list writes a list of all objects of a bucket.
func list(t *testing.T, dir, bucket string, all map[string][]byte) string {
	t.Helper()
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "s3://%s/%s\n", bucket, key)
	}
	path := filepath.Join(dir, bucket+".txt")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The main job between two real servers: killed twice on the way there, and by
// way of a disk back again.
func TestRealServers(t *testing.T) {
	versity := newRealSide(servers.VersityWith(t, servers.Options{AccessKey: "archive-id", SecretKey: "archive-secret-4711"}), "ARCHIVE")
	minio := newRealSide(servers.MinIOWith(t, servers.Options{AccessKey: "mine-id", SecretKey: "mine-secret-0815"}), "MINE")
	all := mixture(t, 120)
	versity.bucket(t, "archive")
	minio.bucket(t, "mine")
	versity.put(t, "archive", all)

	t.Run("ThereUnderKills", func(t *testing.T) {
		dir := t.TempDir()
		env, args := copying(versity, minio, "--limit-rate", "24MiB", "--manifest", list(t, dir, "archive", all), "s3://mine/")
		for n, enough := range []func(p *process) bool{
			func(p *process) bool { return strings.Count(p.stdout.String(), `"event":"object"`) >= 10 },
			func(*process) bool { _, parts := minio.open(t, "mine"); return parts > 1 },
		} {
			p := launch(t, dir, env, args...)
			until(t, fmt.Sprintf("the moment of kill %d", n), func() bool { return enough(p) })
			_ = p.Process.Kill()
			if code := p.code(); code >= 0 {
				t.Fatalf("run %d ended by itself with exit %d:\n%s", n, code, p.stderr.String())
			}
		}
		p := launch(t, dir, env, args...)
		if code := p.code(); code != exitOK {
			t.Fatalf("exit %d:\n%s", code, p.stderr.String())
		}
		minio.holds(t, "mine", all, true)
		s := p.summary(t)
		t.Log(p.stderr.String())
		if s.Objects.Failed != 0 || s.Objects.Pending != 0 || s.Objects.Total != int64(len(all)) {
			t.Errorf("summary %+v", s)
		}
	})

	t.Run("BackByWayOfADisk", func(t *testing.T) {
		dir := t.TempDir()
		tree := filepath.Join(dir, "tree")
		some := map[string][]byte{}
		for i, key := range slices.Sorted(maps.Keys(all)) {
			if i%4 == 0 || len(all[key]) > 5<<20 {
				some[key] = all[key]
			}
		}
		minio.bucket(t, "some")
		minio.put(t, "some", some)
		versity.bucket(t, "back")
		run := func(args ...string) {
			t.Helper()
			env, args := copying(minio, versity, args...)
			if p := launch(t, dir, env, args...); p.code() != exitOK {
				t.Fatalf("exit %d:\n%s", p.ProcessState.ExitCode(), p.stderr.String())
			}
		}
		run("--manifest", list(t, dir, "some", some), tree+"/")
		for key, data := range some {
			if got, err := os.ReadFile(filepath.Join(tree, filepath.FromSlash(key))); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%q: %d bytes that should be %d others, %v", key, len(got), len(data), err)
			}
		}
		run("--job", filepath.Join(dir, "back.xfer"), tree+"/", "s3://back/")
		versity.holds(t, "back", some, false)
	})
}
