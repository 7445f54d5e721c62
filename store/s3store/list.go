package s3store

import (
	"context"
	"fmt"
	"iter"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// An Entry is one object of a listing.
type Entry struct {
	Place string // s3://bucket/key
	Key   string // raw
	Size  int64  // bytes
	ETag  string // as given, quotes included
}

// List gives the objects whose places begin with prefix, in the server's order,
// 1,000 to a request. An error ends it; without one the listing is whole.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		bucket, key, err := ParsePlace(prefix)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		in := &s3.ListObjectsV2Input{Bucket: &bucket, EncodingType: types.EncodingTypeUrl}
		if key != "" {
			in.Prefix = &key
		}
		for {
			entries, next, err := s.page(ctx, in)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			in.ContinuationToken = &next
		}
	}
}

// page gets one page of a listing and the token of the next, "" at the end. A
// page that does not say whether it is the last is no page.
func (s *Store) page(ctx context.Context, in *s3.ListObjectsV2Input) (entries []Entry, next string, err error) {
	d := &document{root: "ListBucketResult", request: request{verb: "list", bucket: *in.Bucket}}
	out, err := s.sdk.ListObjectsV2(d.on(ctx), in)
	if err != nil {
		return nil, "", d.explain(err)
	}
	if out.IsTruncated == nil {
		return nil, "", d.unbelievable("no IsTruncated")
	}
	if *out.IsTruncated {
		next = aws.ToString(out.NextContinuationToken)
		if next == "" || next == aws.ToString(in.ContinuationToken) {
			return nil, "", d.unbelievable("a listing that does not go on")
		}
	}
	entries = make([]Entry, 0, len(out.Contents))
	for _, o := range out.Contents {
		key, err := decoded(aws.ToString(o.Key), out.EncodingType)
		if err != nil || key == "" || o.Size == nil {
			return nil, "", d.unbelievable("an entry without key or size")
		}
		entries = append(entries, Entry{Place: scheme + *in.Bucket + "/" + key, Key: key, Size: *o.Size, ETag: aws.ToString(o.ETag)})
	}
	return entries, next, nil
}

// decoded undoes the encoding of a key in a listing, which keeps characters that
// XML cannot hold. A server that does not say that it encodes does not.
func decoded(key string, how types.EncodingType) (string, error) {
	if how != types.EncodingTypeUrl {
		return key, nil
	}
	raw, err := url.QueryUnescape(key)
	if err != nil {
		return "", fmt.Errorf("decode key %q: %w", key, err)
	}
	return raw, nil
}
