package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"

	"xfer/creds"
	"xfer/engine"
	"xfer/store/s3store"
)

// store opens an S3 client for r with the keys of c.
func (c *check) store(r reach) (*s3store.Store, error) {
	cfg := s3store.Config{
		Anonymous: c.keys.Anonymous, Endpoint: r.endpoint, Region: r.region, RequesterPays: r.payer, MaxConns: r.connections,
		AllowHTTP: c.opt.allowHTTP, UserAgent: "xfer/" + agentVersion,
	}
	if !c.keys.Anonymous {
		k := c.keys
		cfg.Credentials = credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey.Reveal(), k.SessionToken.Reveal())
	}
	return s3store.Open(context.Background(), cfg)
}

// firstBelow gives the first object whose place begins with at.
func firstBelow(ctx context.Context, store *s3store.Store, at string) (s3store.Entry, bool, error) {
	for entry, err := range store.List(ctx, at) {
		if err != nil {
			return s3store.Entry{}, false, err
		}
		if !strings.HasSuffix(entry.Key, "/") || entry.Size > 0 { // not a marker of a folder
			return entry, true, nil
		}
	}
	return s3store.Entry{}, false, nil
}

// readByte reads the first byte of an entry, or of a place of unknown size.
func readByte(ctx context.Context, store *s3store.Store, e s3store.Entry) (err error) {
	var body io.ReadCloser
	if e.Size > 0 {
		body, err = store.OpenRange(ctx, e.Place, engine.Pin{Size: e.Size}, engine.Range{End: 1})
	} else {
		_, body, err = store.Open(ctx, e.Place)
	}
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := io.ReadFull(body, make([]byte, 1)); err != nil && err != io.EOF {
		return fmt.Errorf("read %s: %w", e.Place, err)
	}
	return nil
}

// tryWrite begins an upload and ends it: nothing becomes visible.
func (c *check) tryWrite(ctx context.Context, s *screen) error {
	store, err := c.store(c.reach)
	if err != nil {
		return err
	}
	at := strings.TrimSuffix(c.at, "/") + "/xfer-creds-check"
	id, err := store.Begin(ctx, at, engine.Pin{})
	if err != nil {
		return c.diagnose(ctx, "write", err)
	}
	if err := store.Abort(ctx, engine.Upload{ID: id, Destination: at}); err != nil {
		s.say("xfer: an upload was begun at %s and could not be ended: %v", at, err)
	}
	return c.say("write", "%s: works", c.at)
}

// bucketRegion asks without a signature where a bucket is. S3 says so even to
// those it refuses (HeadBucket, S3 API reference). "" means that it does not.
func bucketRegion(ctx context.Context, endpoint, region, bucket string) (string, error) {
	if strings.HasPrefix(bucket, "arn:") {
		return strings.Split(bucket, ":")[3], nil
	}
	if endpoint == "" {
		if region == "" {
			region = "us-east-1"
		}
		endpoint = "https://s3." + region + ".amazonaws.com"
		if strings.HasPrefix(region, "cn-") {
			endpoint += ".cn"
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, strings.TrimSuffix(endpoint, "/")+"/"+bucket, nil)
	if err != nil {
		return "", errors.New("the endpoint is not a URL")
	}
	req.Header.Set("User-Agent", "xfer/"+agentVersion)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return "", fmt.Errorf("ask for region: %w", err)
	}
	resp.Body.Close()
	return resp.Header.Get("X-Amz-Bucket-Region"), nil
}

// diagnose puts what S3 said into one sentence about what to do. Every refusal of
// S3's is the same 403, so what is known besides decides.
func (c *check) diagnose(ctx context.Context, verb string, err error) error {
	failed := func(hint, format string, args ...any) error {
		return hintedError{noKeys{fmt.Errorf("%s %s: %s: %w", verb, c.at, fmt.Sprintf(format, args...), err)}, hint}
	}
	switch {
	case errors.Is(err, engine.ErrKeysRejected):
		return failed("check that they belong to this endpoint", "the service does not know these keys, or they have expired")
	case !errors.Is(err, engine.ErrDenied):
		return err
	}
	if right, wrong := c.wrongVendor(); wrong {
		return failed("write earthdata:"+right+", or earthdata alone", "the keys of bucket %s come from elsewhere", c.bucket)
	}
	if !c.reach.payer && c.paying(ctx) {
		return failed("add --requester-pays", "the bucket lets others read if they pay for it")
	}
	spec, _ := creds.Parse(c.reach.creds) // it has been parsed before
	switch {
	case c.keys.Anonymous:
		return failed("name credentials that may", "not everybody may do that")
	case spec.Kind == "earthdata":
		return failed("run xfer on a machine in that region, over IPv4; "+hereIs(ctx), "NASA's keys work only from inside %s, or this login has no access to the bucket", region(c.reach))
	case spec.Kind == "eodh" && c.key == "":
		return failed("name a place in it: s3://"+c.bucket+"/WORKSPACE/", "a workspace's keys open only what is below its name")
	}
	return failed("check that this identity may do it, and that bucket and region are right", "access denied")
}

// wrongVendor reports whether the keys come from another endpoint than the one
// that is known to serve the bucket, which is what such keys are refused for.
func (c *check) wrongVendor() (right string, wrong bool) {
	spec, err := creds.Parse(c.reach.creds)
	known, ok := creds.EarthdataEndpoint(c.bucket)
	if err != nil || spec.Kind != "earthdata" || spec.String() == "earthdata" || !ok {
		return "", false
	}
	used, err := url.Parse(strings.TrimPrefix(spec.String(), "earthdata:"))
	at, err2 := url.Parse(known.URL)
	return known.URL, err == nil && err2 == nil && !strings.EqualFold(used.Host, at.Host)
}

// paying reports whether listing works for one who agrees to pay. A listing is
// what costs least.
func (c *check) paying(ctx context.Context) bool {
	r := c.reach
	r.payer = true
	store, err := c.store(r)
	if err != nil || c.keys.Anonymous {
		return false
	}
	_, _, err = firstBelow(ctx, store, c.at)
	return err == nil
}

func region(r reach) string {
	if r.region == "" {
		return "the bucket's region"
	}
	return r.region
}

// hereIs says in which AWS region this machine is, as far as its metadata service
// tells.
func hereIs(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	const unknown = "this one does not seem to be in AWS"
	cfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return unknown
	}
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	got, err := imds.NewFromConfig(cfg).GetRegion(ctx, &imds.GetRegionInput{})
	if err != nil || got.Region == "" {
		return unknown
	}
	return "this one is in " + got.Region
}
