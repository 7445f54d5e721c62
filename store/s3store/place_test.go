package s3store

import (
	"strings"
	"testing"
)

func TestParsePlace(t *testing.T) {
	for _, row := range []struct{ place, bucket, key string }{
		{"s3://b/k", "b", "k"},
		{"s3://b", "b", ""},
		{"s3://b/", "b", ""},
		{"s3://b/a//b/../c %2F?#", "b", "a//b/../c %2F?#"},
		{"s3://b//k", "b", "/k"},
		{"s3://arn:aws:s3:us-west-2:123456789012:accesspoint/mine/a/b", "arn:aws:s3:us-west-2:123456789012:accesspoint/mine", "a/b"},
		{"s3://arn:aws:s3:us-west-2:123456789012:accesspoint:mine/a:b", "arn:aws:s3:us-west-2:123456789012:accesspoint:mine", "a:b"},
		{"s3://arn:aws:s3:us-west-2:123456789012:accesspoint/mine", "arn:aws:s3:us-west-2:123456789012:accesspoint/mine", ""},
	} {
		bucket, key, err := ParsePlace(row.place)
		if err != nil || bucket != row.bucket || key != row.key {
			t.Errorf("%s: %q, %q, %v", row.place, bucket, key, err)
		}
	}
	for _, place := range []string{
		"", "b/k", "S3://b/k", "s3:/b/k", "s3://", "s3:///k", "s3://b?x/k", "s3://user@host/k", "s3://b c/k",
		"s3://arn:aws:s3:r:a", "s3://arn:aws:sqs:r:a:accesspoint/n/k", "s3://arn:aws:s3:r:a:bucket/n/k", "s3://arn:aws:s3:r:a:accesspoint//k",
	} {
		if bucket, key, err := ParsePlace(place); err == nil {
			t.Errorf("%q was taken for %q, %q", place, bucket, key)
		}
	}
}

func FuzzParsePlace(f *testing.F) {
	f.Add("s3://b/k")
	f.Add("s3://arn:aws:s3:us-west-2:123456789012:accesspoint/mine/a/b")
	f.Fuzz(func(t *testing.T, place string) {
		bucket, key, err := ParsePlace(place)
		if err != nil {
			return
		}
		if back := scheme + bucket + "/" + key; back != place && back != place+"/" {
			t.Errorf("%q parses to %q and %q", place, bucket, key)
		}
		if strings.ContainsAny(bucket, "?#@") {
			t.Errorf("%q gives the bucket %q", place, bucket)
		}
	})
}
