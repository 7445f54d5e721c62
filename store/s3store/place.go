package s3store

import (
	"errors"
	"fmt"
	"strings"

	"xfer/engine"
)

const scheme = "s3://"

// ParsePlace splits s3://bucket/key. The key is raw, not percent-encoded, and
// may be empty, which names the bucket or the prefix of all its keys. Where a
// bucket stands, the ARN of an access point may stand:
// s3://arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME/key.
func ParsePlace(place string) (bucket, key string, err error) {
	rest, ok := strings.CutPrefix(place, scheme)
	if !ok {
		return "", "", fmt.Errorf("parse place %q: not an s3:// place", place)
	}
	if strings.HasPrefix(rest, "arn:") {
		bucket, key, err = splitARN(rest)
	} else {
		bucket, key, _ = strings.Cut(rest, "/")
	}
	if err == nil && bucket == "" {
		err = errors.New("no bucket")
	}
	if err == nil && strings.ContainsAny(bucket, "?#%\\ \t\r\n@") {
		err = errors.New("not a bucket name")
	}
	if err != nil {
		return "", "", fmt.Errorf("parse place %q: %w", place, err)
	}
	return bucket, key, nil
}

// splitARN parts the ARN of an access point from the key after it.
// arn:partition:s3:region:account:accesspoint/name, or with a colon before the name.
func splitARN(s string) (arn, key string, err error) {
	fields := strings.SplitN(s, ":", 6)
	if len(fields) < 6 || fields[2] != "s3" {
		return "", "", errors.New("not the ARN of an S3 access point")
	}
	resource := fields[5]
	name, ok := strings.CutPrefix(resource, "accesspoint")
	if !ok || len(name) < 2 || (name[0] != '/' && name[0] != ':') {
		return "", "", errors.New("not the ARN of an S3 access point")
	}
	name, key, _ = strings.Cut(name[1:], "/")
	if name == "" {
		return "", "", errors.New("the ARN names no access point")
	}
	return s[:len(s)-len(resource)] + resource[:len("accesspoint/")] + name, key, nil
}

// object is ParsePlace for the place of one object.
func object(place string) (bucket, key string, err error) {
	bucket, key, err = ParsePlace(place)
	if err == nil && key == "" {
		err = fmt.Errorf("parse place %q: %w: no key", place, engine.ErrRefused)
	}
	return bucket, key, err
}
