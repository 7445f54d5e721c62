package s3store

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"xfer/engine"
)

// meanings is the one table from S3's error codes to what the engine should do
// (S3 API reference, "Error responses"; codes of other servers where noted). A
// nil meaning is passing trouble. A code that is not here goes by its status.
var meanings = map[string]error{
	// Keys that were good once; MinIO calls expired ones InvalidAccessKeyId or
	// InvalidTokenId.
	"ExpiredToken":          engine.ErrKeysRejected,
	"ExpiredTokenException": engine.ErrKeysRejected,
	"TokenRefreshRequired":  engine.ErrKeysRejected,
	"InvalidToken":          engine.ErrKeysRejected,
	"InvalidTokenId":        engine.ErrKeysRejected,
	"InvalidAccessKeyId":    engine.ErrKeysRejected,

	"SlowDown":               engine.ErrThrottled,
	"SlowDownRead":           engine.ErrThrottled, // MinIO
	"SlowDownWrite":          engine.ErrThrottled, // MinIO
	"TooManyRequests":        engine.ErrThrottled,
	"Throttling":             engine.ErrThrottled,
	"ThrottlingException":    engine.ErrThrottled,
	"RequestLimitExceeded":   engine.ErrThrottled,
	"BandwidthLimitExceeded": engine.ErrThrottled,
	"ServiceUnavailable":     engine.ErrThrottled,

	"AccessDenied":          engine.ErrDenied,
	"AllAccessDisabled":     engine.ErrDenied,
	"AccountProblem":        engine.ErrDenied,
	"InvalidSecurity":       engine.ErrDenied,
	"InvalidPayer":          engine.ErrDenied,
	"NotSignedUp":           engine.ErrDenied,
	"SignatureDoesNotMatch": engine.ErrDenied,

	"NoSuchKey":     engine.ErrNotFound,
	"NoSuchVersion": engine.ErrNotFound,

	"NoSuchBucket":                       engine.ErrNoStore,
	"NoSuchAccessPoint":                  engine.ErrNoStore,
	"InvalidBucketName":                  engine.ErrNoStore,
	"PermanentRedirect":                  engine.ErrNoStore, // unless the region could be corrected
	"AuthorizationHeaderMalformed":       engine.ErrNoStore,
	"IllegalLocationConstraintException": engine.ErrNoStore,

	"PreconditionFailed": engine.ErrSourceChanged, // only reads are conditional
	"InvalidRange":       engine.ErrSourceChanged, // the pinned size held it

	"NoSuchUpload":     engine.ErrUploadGone,
	"InvalidPart":      engine.ErrUploadGone,
	"InvalidPartOrder": engine.ErrUploadGone,

	"BadDigest":                   engine.ErrCorrupt,
	"InvalidDigest":               engine.ErrCorrupt,
	"XAmzContentChecksumMismatch": engine.ErrCorrupt, // MinIO, versitygw
	"XAmzContentSHA256Mismatch":   engine.ErrCorrupt,
	"ContentSHA256Mismatch":       engine.ErrCorrupt, // MinIO
	"InvalidChecksum":             engine.ErrCorrupt,

	"QuotaExceeded":                  engine.ErrNoSpace, // Ceph and others
	"XMinioStorageFull":              engine.ErrNoSpace,
	"XMinioAdminBucketQuotaExceeded": engine.ErrNoSpace,
	"InsufficientCapacity":           engine.ErrNoSpace,

	"InvalidObjectState": engine.ErrRefused, // archived
	"KeyTooLong":         engine.ErrRefused,
	"KeyTooLongError":    engine.ErrRefused,
	"EntityTooLarge":     engine.ErrRefused,
	"EntityTooSmall":     engine.ErrRefused,
	"MetadataTooLarge":   engine.ErrRefused,
	"NotImplemented":     engine.ErrRefused,
	"XNotImplemented":    engine.ErrRefused,

	"RequestTimeout":             nil,
	"RequestTimeTooSkewed":       nil, // the clock has been set by then
	"IncompleteBody":             nil,
	"InternalError":              nil,
	"OperationAborted":           nil,
	"ConditionalRequestConflict": nil, // to a Complete it means that the upload is gone
}

// meaning is what a reply's code and status say the engine should do.
func meaning(code string, status int) error {
	if m, ok := meanings[code]; ok {
		return m
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return engine.ErrDenied
	case http.StatusNotFound:
		return engine.ErrNotFound
	case http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		return engine.ErrSourceChanged
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return engine.ErrThrottled
	case http.StatusInsufficientStorage:
		return engine.ErrNoSpace
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly:
		return nil
	case http.StatusNotImplemented:
		return engine.ErrRefused
	}
	switch {
	case status >= 300 && status < 400:
		return engine.ErrNoStore
	case status >= 400 && status < 500:
		return engine.ErrRefused
	}
	return nil
}

// bare is a transport's error without the URL it may quote, for a query can hold
// a signature. A certificate that cannot be trusted makes the endpoint unusable;
// everything else is passing.
func bare(err error) error {
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) {
		return fmt.Errorf("%w: %w", engine.ErrNoStore, err)
	}
	return err
}

// unsent reports whether err shows that a request never left this machine.
func unsent(err error) bool {
	var op *net.OpError
	return errors.Is(err, engine.ErrNoKeys) || errors.As(err, &op) && op.Op == "dial"
}
