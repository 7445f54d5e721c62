package s3sim

// Op is the name of an S3 operation as the API reference spells it.
type Op string

// The operations a Server answers. Everything else is 501 NotImplemented.
const (
	ListBuckets             Op = "ListBuckets"
	CreateBucket            Op = "CreateBucket"
	HeadBucket              Op = "HeadBucket"
	GetBucketLocation       Op = "GetBucketLocation"
	ListObjectsV2           Op = "ListObjectsV2"
	ListObjects             Op = "ListObjects"
	ListMultipartUploads    Op = "ListMultipartUploads"
	DeleteObjects           Op = "DeleteObjects"
	GetObject               Op = "GetObject"
	HeadObject              Op = "HeadObject"
	PutObject               Op = "PutObject"
	CopyObject              Op = "CopyObject"
	DeleteObject            Op = "DeleteObject"
	CreateMultipartUpload   Op = "CreateMultipartUpload"
	UploadPart              Op = "UploadPart"
	UploadPartCopy          Op = "UploadPartCopy"
	CompleteMultipartUpload Op = "CompleteMultipartUpload"
	AbortMultipartUpload    Op = "AbortMultipartUpload"
	ListParts               Op = "ListParts"
	unknownOp               Op = "Unknown"
)

// reads says whether the operation leaves the store as it is; only such
// operations are open to anonymous callers of a public bucket.
func (o Op) reads() bool {
	switch o {
	case HeadBucket, GetBucketLocation, ListObjectsV2, ListObjects, GetObject, HeadObject:
		return true
	}
	return false
}
