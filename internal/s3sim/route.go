package s3sim

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// target is what a request is about.
type target struct {
	op       Op
	bucket   string
	key      string
	query    url.Values
	uploadID string
	part     int
}

// parseTarget reads the request line by hand: a mux or a cleaned path would turn
// keys such as "a//b", "../x" and "./y" into others.
func parseTarget(r *http.Request) (target, error) {
	t := target{op: unknownOp}
	path, rawQuery := splitURI(r)
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return t, refuse(400, "InvalidURI", "Couldn't parse the specified URI.")
	}
	t.query = query
	rawBucket, rawKey, slash := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	t.bucket, err = url.PathUnescape(rawBucket)
	if err == nil && slash {
		t.key, err = url.PathUnescape(rawKey)
	}
	if err != nil {
		return t, refuse(400, "InvalidURI", "Couldn't parse the specified URI.")
	}
	switch {
	case len(t.key) > 1024:
		return t, refuse(400, "KeyTooLongError", "Your key is too long")
	case !utf8.ValidString(t.key):
		return t, refuse(400, "InvalidURI", "Keys are UTF-8.")
	}
	t.uploadID = query.Get("uploadId")
	if n := query.Get("partNumber"); n != "" {
		t.part, err = strconv.Atoi(n)
		if err != nil || t.part < 1 || t.part > 10000 {
			return t, invalidArgument("Part number must be an integer between 1 and 10000, inclusive")
		}
	}
	switch {
	case t.bucket == "":
		t.op = serviceOp(r.Method)
	case t.key == "":
		t.op = bucketOp(r.Method, query)
	default:
		t.op = objectOp(r, query)
	}
	return t, nil
}

// splitURI is the request's path and query as they came over the wire.
func splitURI(r *http.Request) (path, query string) {
	uri := r.RequestURI
	if uri == "" {
		return r.URL.EscapedPath(), r.URL.RawQuery
	}
	if !strings.HasPrefix(uri, "/") { // absolute form, as to a proxy
		if _, rest, ok := strings.Cut(uri, "://"); ok {
			_, rest, _ = strings.Cut(rest, "/")
			uri = "/" + rest
		}
	}
	path, query, _ = strings.Cut(uri, "?")
	return path, query
}

func serviceOp(method string) Op {
	if method == http.MethodGet {
		return ListBuckets
	}
	return unknownOp
}

func bucketOp(method string, q url.Values) Op {
	switch {
	case method == http.MethodHead:
		return HeadBucket
	case method == http.MethodPut && !hasSubresource(q):
		return CreateBucket
	case method == http.MethodPost && q.Has("delete"):
		return DeleteObjects
	case method != http.MethodGet:
		return unknownOp
	case q.Has("location"):
		return GetBucketLocation
	case q.Has("uploads"):
		return ListMultipartUploads
	case q.Get("list-type") == "2":
		return ListObjectsV2
	case hasSubresource(q):
		return unknownOp
	}
	return ListObjects
}

func objectOp(r *http.Request, q url.Values) Op {
	part, copied := q.Has("partNumber"), r.Header.Get("x-amz-copy-source") != ""
	upload := q.Has("uploadId")
	if !upload && (part || hasSubresource(q)) && !q.Has("uploads") {
		return unknownOp
	}
	switch r.Method {
	case http.MethodGet:
		if upload {
			return ListParts
		}
		return GetObject
	case http.MethodHead:
		return HeadObject
	case http.MethodPut:
		switch {
		case upload && copied:
			return UploadPartCopy
		case upload:
			return UploadPart
		case copied:
			return CopyObject
		}
		return PutObject
	case http.MethodPost:
		if q.Has("uploads") {
			return CreateMultipartUpload
		}
		if upload {
			return CompleteMultipartUpload
		}
	case http.MethodDelete:
		if upload {
			return AbortMultipartUpload
		}
		return DeleteObject
	}
	return unknownOp
}

// hasSubresource knows the subresources of the API reference that are not
// implemented, so that they are refused rather than taken for a plain request.
func hasSubresource(q url.Values) bool {
	for _, name := range [...]string{
		"accelerate", "acl", "analytics", "attributes", "cors", "encryption", "intelligent-tiering", "inventory",
		"legal-hold", "lifecycle", "logging", "metrics", "notification", "object-lock", "ownershipControls", "policy",
		"policyStatus", "publicAccessBlock", "replication", "requestPayment", "restore", "retention", "select",
		"tagging", "torrent", "uploads", "versioning", "versions", "website",
	} {
		if q.Has(name) {
			return true
		}
	}
	return false
}
