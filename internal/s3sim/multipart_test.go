package s3sim_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"xfer/internal/s3sim"
)

const testPart = 64 << 10

// sent is an upload a test is building.
type sent struct {
	c     *s3.Client
	id    *string
	parts []types.CompletedPart
}

func begin(t testing.TB, c *s3.Client, edit func(*s3.CreateMultipartUploadInput)) *sent {
	t.Helper()
	in := &s3.CreateMultipartUploadInput{Bucket: aws.String("b"), Key: aws.String("k")}
	if edit != nil {
		edit(in)
	}
	out, err := c.CreateMultipartUpload(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return &sent{c: c, id: out.UploadId}
}

func (u *sent) part(t testing.TB, number int32, data []byte, a types.ChecksumAlgorithm) *s3.UploadPartOutput {
	t.Helper()
	out, err := u.c.UploadPart(context.Background(), &s3.UploadPartInput{
		Bucket: aws.String("b"), Key: aws.String("k"), UploadId: u.id, PartNumber: aws.Int32(number), Body: bytes.NewReader(data),
		ChecksumAlgorithm: a,
	})
	if err != nil {
		t.Fatal(err)
	}
	u.parts = append(u.parts, types.CompletedPart{
		PartNumber: aws.Int32(number), ETag: out.ETag, ChecksumCRC64NVME: out.ChecksumCRC64NVME, ChecksumCRC32: out.ChecksumCRC32,
		ChecksumCRC32C: out.ChecksumCRC32C, ChecksumSHA1: out.ChecksumSHA1, ChecksumSHA256: out.ChecksumSHA256,
	})
	return out
}

func (u *sent) complete(edit func(*s3.CompleteMultipartUploadInput)) (*s3.CompleteMultipartUploadOutput, error) {
	in := &s3.CompleteMultipartUploadInput{
		Bucket: aws.String("b"), Key: aws.String("k"), UploadId: u.id, MultipartUpload: &types.CompletedMultipartUpload{Parts: u.parts},
	}
	if edit != nil {
		edit(in)
	}
	return u.c.CompleteMultipartUpload(context.Background(), in)
}

func TestMultipartChecksums(t *testing.T) {
	data := randomBytes(t, 2*testPart+777)
	for _, tc := range []struct {
		algorithm types.ChecksumAlgorithm
		kind      types.ChecksumType
	}{
		{"CRC64NVME", "FULL_OBJECT"}, {"CRC32", "FULL_OBJECT"}, {"CRC32C", "FULL_OBJECT"},
		{"CRC32", "COMPOSITE"}, {"CRC32C", "COMPOSITE"}, {"SHA1", "COMPOSITE"}, {"SHA256", "COMPOSITE"},
	} {
		t.Run(string(tc.algorithm+" "+types.ChecksumAlgorithm(tc.kind)), func(t *testing.T) {
			s := start(t, s3sim.Config{MinPartSize: testPart})
			c := client(s, testKey)
			u := begin(t, c, func(in *s3.CreateMultipartUploadInput) {
				in.ChecksumAlgorithm, in.ChecksumType = tc.algorithm, tc.kind
				in.ContentType, in.Metadata = aws.String("image/tiff"), map[string]string{"a": "b"}
			})
			for i, piece := range slices.Collect(slices.Chunk(data, testPart)) {
				u.part(t, int32(i+1), piece, tc.algorithm)
			}
			out, err := u.complete(func(in *s3.CompleteMultipartUploadInput) {
				in.ChecksumType, in.MpuObjectSize = tc.kind, aws.Int64(int64(len(data)))
			})
			if err != nil {
				t.Fatal(err)
			}
			if out.ChecksumType != tc.kind {
				t.Errorf("checksum type %q", out.ChecksumType)
			}
			// The whole of the same bytes as one Put must have the same full-object checksum.
			_, err = c.PutObject(context.Background(), &s3.PutObjectInput{
				Bucket: aws.String("b"), Key: aws.String("whole"), Body: bytes.NewReader(data), ChecksumAlgorithm: tc.algorithm,
			})
			if err != nil {
				t.Fatal(err)
			}
			o, _ := s.Object("b", "k")
			whole, _ := s.Object("b", "whole")
			if !bytes.Equal(o.Bytes(), data) || o.CRC != whole.CRC || o.Parts != 3 || o.Headers.Get("x-amz-meta-a") != "b" {
				t.Errorf("stored object %+v", o)
			}
			if tc.kind == "FULL_OBJECT" && o.Checksum != whole.Checksum {
				t.Errorf("checksum %+v, of one Put %+v", o.Checksum, whole.Checksum)
			}
			if tc.kind == "COMPOSITE" && !strings.HasSuffix(o.Checksum.Value, "-3") {
				t.Errorf("checksum %+v", o.Checksum)
			}
		})
	}
}

func TestMultipartETagIsTheMD5OfMD5s(t *testing.T) {
	s := start(t, s3sim.Config{MinPartSize: testPart})
	u := begin(t, client(s, testKey), nil)
	a, b := randomBytes(t, testPart), randomBytes(t, 10)
	u.part(t, 1, a, "")
	u.part(t, 2, b, "")
	if _, err := u.complete(nil); err != nil {
		t.Fatal(err)
	}
	sumA, sumB := md5.Sum(a), md5.Sum(b)
	want := fmt.Sprintf("%x-2", md5.Sum(append(sumA[:], sumB[:]...)))
	if o, _ := s.Object("b", "k"); o.ETag != want {
		t.Errorf("ETag %s, want %s", o.ETag, want)
	}
}

func TestCompleteRefusesWhatDoesNotFit(t *testing.T) {
	for _, tc := range []struct {
		name, code string
		edit       func(*s3.CompleteMultipartUploadInput)
	}{
		{"size", "InvalidRequest", func(in *s3.CompleteMultipartUploadInput) { in.MpuObjectSize = aws.Int64(1) }},
		{"crc", "BadDigest", func(in *s3.CompleteMultipartUploadInput) { in.ChecksumCRC64NVME = aws.String("AAAAAAAAAAA=") }},
		{"type", "InvalidRequest", func(in *s3.CompleteMultipartUploadInput) { in.ChecksumType = "COMPOSITE" }},
		{"etag", "InvalidPart", func(in *s3.CompleteMultipartUploadInput) { in.MultipartUpload.Parts[0].ETag = aws.String("x") }},
		{"missing part", "InvalidPart", func(in *s3.CompleteMultipartUploadInput) {
			in.MultipartUpload.Parts[2].PartNumber = aws.Int32(9)
		}},
		{"part crc", "InvalidPart", func(in *s3.CompleteMultipartUploadInput) {
			in.MultipartUpload.Parts[0].ChecksumCRC64NVME = aws.String("AAAAAAAAAAA=")
		}},
		{"order", "InvalidPartOrder", func(in *s3.CompleteMultipartUploadInput) { slices.Reverse(in.MultipartUpload.Parts) }},
		{"small part", "EntityTooSmall", func(in *s3.CompleteMultipartUploadInput) {
			in.MultipartUpload.Parts = append(in.MultipartUpload.Parts[:1], in.MultipartUpload.Parts[2:]...)
		}},
		{"upload", "NoSuchUpload", func(in *s3.CompleteMultipartUploadInput) { in.UploadId = aws.String("x") }},
		{"condition", "PreconditionFailed", func(in *s3.CompleteMultipartUploadInput) { in.IfNoneMatch = aws.String("*") }},
		{"no parts", "MalformedXML", func(in *s3.CompleteMultipartUploadInput) { in.MultipartUpload = nil }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, s3sim.Config{MinPartSize: testPart})
			s.PutObject("b", "k", []byte("foreign"))
			u := begin(t, client(s, testKey), func(in *s3.CreateMultipartUploadInput) { in.ChecksumAlgorithm = "CRC64NVME" })
			u.part(t, 1, randomBytes(t, 10), "CRC64NVME")
			u.parts = nil
			u.part(t, 1, randomBytes(t, testPart), "CRC64NVME") // replaces the small one
			u.part(t, 2, randomBytes(t, testPart), "CRC64NVME")
			u.part(t, 5, randomBytes(t, 1), "CRC64NVME")
			if tc.name == "small part" {
				u.parts = u.parts[:0]
				u.part(t, 1, randomBytes(t, 10), "CRC64NVME")
				u.part(t, 3, randomBytes(t, 10), "CRC64NVME")
				u.part(t, 4, randomBytes(t, 10), "CRC64NVME")
			}
			_, err := u.complete(tc.edit)
			wantCode(t, err, tc.code)
			if o, _ := s.Object("b", "k"); string(o.Bytes()) != "foreign" || len(s.OpenUploads("b")) != 1 {
				t.Error("a refused Complete changed something")
			}
		})
	}
}

func TestCompleteAgain(t *testing.T) {
	for _, notFound := range []bool{false, true} {
		s := start(t, s3sim.Config{ReplayNotFound: notFound})
		u := begin(t, client(s, testKey), nil)
		u.part(t, 1, []byte("x"), "")
		first, err := u.complete(nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := u.complete(nil)
		if notFound {
			wantCode(t, err, "NoSuchUpload")
			continue
		}
		if err != nil || aws.ToString(first.ETag) != aws.ToString(again.ETag) {
			t.Errorf("again: %v %v", again, err)
		}
		u.parts[0].ETag = aws.String("other")
		_, err = u.complete(nil)
		wantCode(t, err, "NoSuchUpload")
	}
}

func TestPartNumbersAndChecksumsOfParts(t *testing.T) {
	s := start(t, s3sim.Config{RequirePartChecksums: true})
	c := client(s, testKey)
	u := begin(t, c, func(in *s3.CreateMultipartUploadInput) { in.ChecksumAlgorithm = "CRC64NVME" })
	for number, code := range map[int32]string{10001: "InvalidArgument", -1: "InvalidArgument"} {
		_, err := c.UploadPart(context.Background(), &s3.UploadPartInput{
			Bucket: aws.String("b"), Key: aws.String("k"), UploadId: u.id, PartNumber: aws.Int32(number), Body: strings.NewReader("x"),
		})
		wantCode(t, err, code)
	}
	_, err := c.UploadPart(context.Background(), &s3.UploadPartInput{
		Bucket: aws.String("b"), Key: aws.String("k"), UploadId: u.id, PartNumber: aws.Int32(1), Body: strings.NewReader("x"),
		ChecksumAlgorithm: "SHA1",
	})
	wantCode(t, err, "InvalidRequest")
	bare := client(s, testKey, func(o *s3.Options) { o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired })
	_, err = bare.UploadPart(context.Background(), &s3.UploadPartInput{
		Bucket: aws.String("b"), Key: aws.String("k"), UploadId: u.id, PartNumber: aws.Int32(1), Body: strings.NewReader("x"),
	})
	wantCode(t, err, "InvalidArgument")
}

func TestListPartsPagesAndAbort(t *testing.T) {
	s := start(t, s3sim.Config{})
	c := client(s, testKey)
	u := begin(t, c, func(in *s3.CreateMultipartUploadInput) { in.ChecksumAlgorithm = "CRC64NVME" })
	for n := range int32(25) {
		u.part(t, 2*n+1, []byte{byte(n)}, "CRC64NVME")
	}
	var numbers []int32
	pages := s3.NewListPartsPaginator(c, &s3.ListPartsInput{Bucket: aws.String("b"), Key: aws.String("k"), UploadId: u.id, MaxParts: aws.Int32(10)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Parts {
			if p.ChecksumCRC64NVME == nil || aws.ToInt64(p.Size) != 1 {
				t.Errorf("part %+v", p)
			}
			numbers = append(numbers, *p.PartNumber)
		}
	}
	if len(numbers) != 25 || !slices.IsSorted(numbers) {
		t.Errorf("numbers %v", numbers)
	}
	abort := &s3.AbortMultipartUploadInput{Bucket: aws.String("b"), Key: aws.String("k"), UploadId: u.id}
	if _, err := c.AbortMultipartUpload(context.Background(), abort); err != nil {
		t.Fatal(err)
	}
	_, err := c.AbortMultipartUpload(context.Background(), abort)
	wantCode(t, err, "NoSuchUpload")
	if open := s.OpenUploads("b"); len(open) != 0 {
		t.Errorf("open uploads %v", open)
	}
}

// A destination that keeps nothing must still say whether the right bytes came.
func TestDiscardedUploadOfASyntheticSourceHasItsCRC(t *testing.T) {
	const size, partSize = 12<<20 + 5, 5 << 20
	cfg := s3sim.CheapConfig()
	cfg.Discard, cfg.NoLog = true, false
	s := start(t, cfg)
	source := s3sim.NewSynthetic(size, 3)
	u := begin(t, client(s, testKey), nil)
	for off, n := int64(0), int32(1); off < size; off, n = off+partSize, n+1 {
		data, err := io.ReadAll(io.NewSectionReader(source, off, min(partSize, size-off)))
		if err != nil {
			t.Fatal(err)
		}
		u.part(t, n, data, "CRC64NVME")
	}
	if _, err := u.complete(nil); err != nil {
		t.Fatal(err)
	}
	o, _ := s.Object("b", "k")
	if o.CRC != source.CRC64NVME() || o.Size != size {
		t.Errorf("CRC %x size %d, want %x", o.CRC, o.Size, source.CRC64NVME())
	}
	var bytes int64
	for _, e := range s.Log() {
		bytes += e.Bytes
	}
	if bytes != size || s.Stats().Accepted != size {
		t.Errorf("the log has %d bytes, the counter %d", bytes, s.Stats().Accepted)
	}
	if got := plain(t, http.MethodGet, s.URL()+"/b/k", nil).StatusCode; got != 501 {
		t.Errorf("GET of discarded bytes: %d", got)
	}
	if got := plain(t, http.MethodHead, s.URL()+"/b/k", nil).ContentLength; got != size {
		t.Errorf("HEAD says %d bytes", got)
	}
}

func TestCopies(t *testing.T) {
	s := start(t, s3sim.Config{MinPartSize: testPart})
	c := client(s, testKey)
	ctx := context.Background()
	data := randomBytes(t, 2*testPart)
	s.PutObject("b", "a b/+src", data, s3sim.WithHeader("Content-Type", "image/tiff"))
	src, _ := s.Object("b", "a b/+src")
	source := aws.String("b/a%20b/%2Bsrc")
	if _, err := c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: aws.String("b"), Key: aws.String("copy"), CopySource: source, CopySourceIfMatch: &src.ETag}); err != nil {
		t.Fatal(err)
	}
	if o, _ := s.Object("b", "copy"); !bytes.Equal(o.Bytes(), data) || o.Headers.Get("Content-Type") != "image/tiff" || o.Checksum != src.Checksum {
		t.Errorf("copy %+v", o)
	}
	_, err := c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: aws.String("b"), Key: aws.String("copy"), CopySource: source, CopySourceIfMatch: aws.String("x")})
	wantCode(t, err, "PreconditionFailed")

	u := begin(t, c, nil)
	for n := range int32(2) {
		out, err := c.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
			Bucket: aws.String("b"), Key: aws.String("k"), UploadId: u.id, PartNumber: aws.Int32(n + 1), CopySource: source,
			CopySourceIfMatch: &src.ETag, CopySourceRange: aws.String(fmt.Sprintf("bytes=%d-%d", n*testPart, (n+1)*testPart-1)),
		})
		if err != nil {
			t.Fatal(err)
		}
		u.parts = append(u.parts, types.CompletedPart{PartNumber: aws.Int32(n + 1), ETag: out.CopyPartResult.ETag})
	}
	if _, err := u.complete(nil); err != nil {
		t.Fatal(err)
	}
	if o, _ := s.Object("b", "k"); !bytes.Equal(o.Bytes(), data) {
		t.Error("copied parts differ")
	}
}
