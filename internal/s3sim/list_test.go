package s3sim_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"xfer/internal/s3sim"
)

func TestListingPagesCoverEveryKeyOnce(t *testing.T) {
	s := start(t, s3sim.Config{})
	s.PutSyntheticMany("b", "p/", 2500, 10, 1)
	s.PutSynthetic("b", "other", 10, 1)
	c := client(s, testKey)
	var keys []string
	n := 0
	pages := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: aws.String("b"), Prefix: aws.String("p/")})
	for ; pages.HasMorePages(); n++ {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			keys = append(keys, *o.Key)
		}
	}
	if n != 3 || len(keys) != 2500 || !slices.IsSorted(keys) || keys[2499] != s3sim.SyntheticKey("p/", 2499) {
		t.Errorf("%d pages, %d keys", n, len(keys))
	}
}

// Whatever the keys, the page size and the delimiter: the pages together say
// what a look at all keys says.
func TestListingIsTheSetOfKeys(t *testing.T) {
	s := start(t, s3sim.Config{})
	c := client(s, testKey)
	rapid.Check(t, func(t *rapid.T) {
		s.CreateBucket("r")
		part := rapid.StringMatching(`[ab/]{1,6}`)
		for _, key := range rapid.SliceOfN(part, 0, 20).Draw(t, "keys") {
			s.PutSynthetic("r", key, 1, 1)
		}
		prefix := rapid.SampledFrom([]string{"", "a", "a/", "/", "ab/"}).Draw(t, "prefix")
		delimiter := rapid.SampledFrom([]string{"", "/"}).Draw(t, "delimiter")
		in := &s3.ListObjectsV2Input{Bucket: aws.String("r"), Prefix: &prefix, MaxKeys: aws.Int32(rapid.Int32Range(1, 4).Draw(t, "page"))}
		if delimiter != "" {
			in.Delimiter = &delimiter
		}
		want := map[string]int{}
		for _, key := range s.Keys("r") {
			rest, ok := strings.CutPrefix(key, prefix)
			if !ok {
				continue
			}
			if i := strings.Index(rest, "/"); delimiter != "" && i >= 0 {
				want[prefix+rest[:i+1]+"…"] = 1
			} else {
				want[key] = 1
			}
		}
		got := map[string]int{}
		for pages := s3.NewListObjectsV2Paginator(c, in); pages.HasMorePages(); {
			page, err := pages.NextPage(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range page.Contents {
				got[*o.Key]++
			}
			for _, p := range page.CommonPrefixes {
				got[*p.Prefix+"…"]++
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestEncodedListingOfOddKeys(t *testing.T) {
	for _, ignored := range []bool{false, true} {
		s := start(t, s3sim.Config{PlainListKeys: ignored})
		keys := slices.DeleteFunc(slices.Clone(oddKeys), func(k string) bool { return ignored && k == "\x01" })
		for _, key := range keys {
			s.PutSynthetic("b", key, 1, 1)
		}
		out, err := client(s, testKey).ListObjectsV2(context.Background(), &s3.ListObjectsV2Input{Bucket: aws.String("b"), EncodingType: "url"})
		if err != nil {
			t.Fatal(err)
		}
		if (out.EncodingType == types.EncodingTypeUrl) == ignored {
			t.Errorf("echoed encoding %q", out.EncodingType)
		}
		var got []string
		for _, o := range out.Contents {
			key := *o.Key
			if !ignored {
				if key, err = url.QueryUnescape(key); err != nil {
					t.Fatal(err)
				}
			}
			got = append(got, key)
		}
		if diff := cmp.Diff(s.Keys("b"), got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestListUploads(t *testing.T) {
	s := start(t, s3sim.Config{})
	c := client(s, testKey)
	for i := range 7 {
		begin(t, c, func(in *s3.CreateMultipartUploadInput) { in.Key = aws.String(fmt.Sprintf("p/%d", i/2)) })
	}
	begin(t, c, nil)
	var ids []string
	pages := s3.NewListMultipartUploadsPaginator(c, &s3.ListMultipartUploadsInput{Bucket: aws.String("b"), Prefix: aws.String("p/"), MaxUploads: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page.Uploads {
			ids = append(ids, *u.UploadId)
		}
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) != 7 {
		t.Errorf("%d uploads: %v", len(ids), ids)
	}
}

func TestBucketsLocationAndDelete(t *testing.T) {
	s := start(t, s3sim.Config{})
	s.CreateBucket("eu", s3sim.InRegion("eu-west-2"))
	c := client(s, testKey)
	ctx := context.Background()
	buckets, err := c.ListBuckets(ctx, nil)
	if err != nil || len(buckets.Buckets) != 2 {
		t.Errorf("buckets: %v, %v", buckets, err)
	}
	where, err := c.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: aws.String("eu")})
	if err != nil || where.LocationConstraint != "eu-west-2" {
		t.Errorf("location: %v, %v", where, err)
	}
	head, err := c.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String("b")})
	if err != nil || aws.ToString(head.BucketRegion) != "us-east-1" {
		t.Errorf("head: %v, %v", head, err)
	}
	_, err = c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("b")})
	wantCode(t, err, "BucketAlreadyOwnedByYou")
	s.PutSyntheticMany("b", "", 3, 1, 1)
	_, err = c.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String("b"), Delete: &types.Delete{Objects: []types.ObjectIdentifier{
		{Key: aws.String(s3sim.SyntheticKey("", 0))}, {Key: aws.String(s3sim.SyntheticKey("", 1))},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("b"), Key: aws.String(s3sim.SyntheticKey("", 2))}); err != nil {
		t.Fatal(err)
	}
	if keys := s.Keys("b"); len(keys) != 0 {
		t.Errorf("keys left: %v", keys)
	}
}
