package s3sim

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// apiError is one S3 error answer. Handlers return it; only reply writes it.
type apiError struct {
	status  int
	code    string
	message string
	region  string // sent as <Region> and x-amz-bucket-region if not empty
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.code, e.message) }

func refuse(status int, code, format string, args ...any) error {
	return &apiError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// errHandled ends a call whose connection is gone or already answered.
var errHandled = errors.New("call already answered")

func noSuchBucket(name string) error {
	return refuse(404, "NoSuchBucket", "The bucket %q does not exist.", name)
}

func noSuchKey() error {
	return refuse(404, "NoSuchKey", "There is no object with this key.")
}

func noSuchUpload() error {
	return refuse(404, "NoSuchUpload", "There is no multipart upload with this id; it may have been aborted or completed.")
}

func preconditionFailed(condition string) error {
	return refuse(412, "PreconditionFailed", "The condition %s does not hold.", condition)
}

func notImplemented(what string) error {
	return refuse(501, "NotImplemented", "This server does not implement %s.", what)
}

func invalidArgument(format string, args ...any) error {
	return refuse(400, "InvalidArgument", format, args...)
}

func invalidRequest(format string, args ...any) error {
	return refuse(400, "InvalidRequest", format, args...)
}

// fail answers with err. S3 sends no body with an error to a HEAD request, so
// neither does this.
func (c *call) fail(err error) {
	if errors.Is(err, errHandled) {
		return
	}
	var api *apiError
	if !errors.As(err, &api) {
		api = &apiError{status: 500, code: "InternalError", message: err.Error()}
	}
	c.code = api.code
	if api.region != "" {
		c.w.Header().Set("x-amz-bucket-region", api.region)
	}
	if c.r.Method == http.MethodHead || api.status == http.StatusNotModified {
		c.w.WriteHeader(api.status)
		return
	}
	c.writeXML(api.status, errorXML(api, c.r.URL.Path, c.requestID))
}

// errorXML is the <Error> document of the S3 API reference.
func errorXML(e *apiError, resource, requestID string) []byte {
	var x xmlDoc
	x.head()
	x.open("Error")
	x.elem("Code", e.code)
	x.elem("Message", e.message)
	if e.region != "" {
		x.elem("Region", e.region)
	}
	x.elem("Resource", resource)
	x.elem("RequestId", requestID)
	x.shut("Error")
	return x.Bytes()
}

func (c *call) writeXML(status int, doc []byte) {
	h := c.w.Header()
	h.Set("Content-Type", "application/xml")
	h.Set("Content-Length", strconv.Itoa(len(doc)))
	c.w.WriteHeader(status)
	c.write(doc)
}
