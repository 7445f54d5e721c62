package s3store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// newSDK makes a client that only writes and reads documents: of each
// operation's stack the serializer and the deserializer remain, and between them
// stands exchange, which sends through s. Retries, checksums, endpoints, signing
// and logging of the SDK's are gone with the rest.
func newSDK(s *Store) *s3.Client {
	return s3.New(s3.Options{
		Region:                     s.config.Region,
		Retryer:                    aws.NopRetryer{},
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		APIOptions: []func(*middleware.Stack) error{func(st *middleware.Stack) error {
			st.Initialize.Clear()
			st.Build.Clear()
			st.Finalize.Clear()
			serializer, ok := st.Serialize.Get("OperationSerializer")
			deserializer, ok2 := st.Deserialize.Get("OperationDeserializer")
			if !ok || !ok2 {
				return errors.New("the SDK's stack has no serializer where one is expected")
			}
			st.Serialize.Clear()
			st.Deserialize.Clear()
			return errors.Join(
				st.Serialize.Add(serializer, middleware.After),
				st.Deserialize.Add(deserializer, middleware.After),
				st.Deserialize.Add(exchange{s}, middleware.After),
			)
		}},
	})
}

// A document is a request whose reply is XML with the given root element.
type document struct {
	request
	root string
}

type documentKey struct{}

// on makes ctx carry d to exchange.
func (d *document) on(ctx context.Context) context.Context {
	return context.WithValue(ctx, documentKey{}, d)
}

// explain is the error of d without the SDK's frame around it.
func (d *document) explain(err error) error {
	var operation *smithy.OperationError
	if errors.As(err, &operation) {
		err = operation.Err
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if u, ok := errors.AsType[*explained](err); ok {
		return u.error
	}
	return fmt.Errorf("%s %s: %w", d.verb, d.place(), err)
}

// An explained error says already what was being done.
type explained struct{ error }

func (e *explained) Unwrap() error { return e.error }

// exchange ends an operation's stack: it sends what the serializer made, and
// hands the deserializer a whole document with the right root, or an error.
type exchange struct{ s *Store }

func (exchange) ID() string { return "xfer:exchange" }

func (e exchange) HandleDeserialize(ctx context.Context, in middleware.DeserializeInput, _ middleware.DeserializeHandler) (
	out middleware.DeserializeOutput, _ middleware.Metadata, err error,
) {
	d, ok := ctx.Value(documentKey{}).(*document)
	made, ok2 := in.Request.(*smithyhttp.Request)
	if !ok || !ok2 {
		return out, middleware.Metadata{}, errors.New("a request took the SDK's way without being a document")
	}
	r := d.request
	r.method, r.query = made.Method, made.URL.RawQuery
	r.header = made.Header.Clone()
	for name, values := range d.header {
		r.header[name] = values
	}
	if stream := made.GetStream(); stream != nil {
		if r.text, err = io.ReadAll(stream); err != nil {
			return out, middleware.Metadata{}, err
		}
		sum := sha256.Sum256(r.text)
		r.hash = hex.EncodeToString(sum[:])
	}
	resp, err := e.s.send(ctx, &r)
	if err != nil {
		return out, middleware.Metadata{}, &explained{err}
	}
	if err := e.s.whole(&r, resp, d.root); err != nil {
		return out, middleware.Metadata{}, &explained{err}
	}
	out.RawResponse = &smithyhttp.Response{Response: resp}
	return out, middleware.Metadata{}, nil
}

// whole reads the document of a good reply and puts it back for the
// deserializer. The root must be the expected one: S3 may report an error in a
// reply that began as a success, and a reply that broke off may be empty.
func (s *Store) whole(r *request, resp *http.Response, root string) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	resp.Body.Close()
	switch {
	case err != nil:
		return fmt.Errorf("%s %s: read reply: %w", r.verb, r.place(), bare(err))
	case len(text) > maxDocument:
		return r.unbelievable("longer than 16 MiB")
	}
	switch got := rootOf(text); got {
	case root:
		resp.Body = io.NopCloser(bytes.NewReader(text))
		return nil
	case "Error":
		return s.failureOf(r, resp, text)
	case "":
		return r.unbelievable("no document")
	default:
		return r.unbelievable(fmt.Sprintf("a document called %q", printable(got)))
	}
}

// rootOf is the name of a document's root element, "" if it has none.
func rootOf(text []byte) string {
	d := xml.NewDecoder(bytes.NewReader(text))
	for {
		t, err := d.Token()
		if err != nil {
			return ""
		}
		if start, ok := t.(xml.StartElement); ok {
			return start.Name.Local
		}
	}
}
