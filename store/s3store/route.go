package s3store

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/auth"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"xfer/engine"
)

// A route is where requests for one bucket go and what they are signed for. It
// follows from Amazon's endpoint rules, which are costly, so it is kept.
type route struct {
	scheme, host string
	path         string // before the key, percent-encoded, no slash at its end
	rawPath      string // likewise, as it goes over the wire
	region       string // what the rules were asked with
	signRegion   string
	signName     string
	corrected    bool // the bucket itself named its region
}

// route gives the kept route of bucket, or finds one for the Store's region.
func (s *Store) route(ctx context.Context, bucket string) (*route, error) {
	if r, ok := s.routes.Load(bucket); ok {
		return r.(*route), nil
	}
	r, err := s.findRoute(ctx, bucket, s.config.Region)
	if err != nil {
		return nil, err
	}
	kept, _ := s.routes.LoadOrStore(bucket, r)
	return kept.(*route), nil
}

func (s *Store) findRoute(ctx context.Context, bucket, region string) (*route, error) {
	p := s3.EndpointParameters{
		Bucket:                         &bucket,
		Region:                         &region,
		UseFIPS:                        aws.Bool(false),
		UseDualStack:                   aws.Bool(false),
		UseArnRegion:                   aws.Bool(true),
		DisableS3ExpressSessionAuth:    aws.Bool(true),
		DisableMultiRegionAccessPoints: aws.Bool(true),
	}.WithDefaults()
	if s.config.Endpoint != "" {
		p.Endpoint = &s.config.Endpoint
		p.ForcePathStyle = aws.Bool(!strings.HasPrefix(bucket, "arn:"))
	}
	e, err := s.rules.ResolveEndpoint(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("find endpoint of bucket %q: %w: %w", bucket, engine.ErrNoStore, err)
	}
	r := &route{
		scheme: e.URI.Scheme, host: e.URI.Host, region: region,
		path:    strings.TrimSuffix(e.URI.Path, "/"),
		rawPath: strings.TrimSuffix(e.URI.EscapedPath(), "/"),
	}
	options, _ := auth.GetAuthOptions(&e.Properties)
	for _, o := range options {
		if name, ok := smithyhttp.GetSigV4SigningName(&o.SignerProperties); ok && r.signName == "" {
			r.signName = name
			r.signRegion, _ = smithyhttp.GetSigV4SigningRegion(&o.SignerProperties)
		}
	}
	if r.signName == "" {
		return nil, fmt.Errorf("find endpoint of bucket %q: %w: it asks for another signature than version 4", bucket, engine.ErrNoStore)
	}
	return r, nil
}

// reroute takes a bucket's own word for where it lives. It reports whether a
// request sent along old should be sent again: the route has changed since, or
// changes now. A bucket is believed once, within its partition, and the rules
// give the new host, never the reply.
func (s *Store) reroute(ctx context.Context, bucket string, old *route, f *failure) bool {
	if !f.misrouted() {
		return false
	}
	if now, ok := s.routes.Load(bucket); ok && now.(*route) != old {
		return true
	}
	if old.corrected || f.region == old.signRegion || partition(f.region) != partition(old.region) {
		return false
	}
	r, err := s.findRoute(ctx, bucket, f.region)
	if err != nil {
		return false
	}
	r.corrected = true
	if s.routes.CompareAndSwap(bucket, old, r) {
		s.config.Logger.Debug("bucket lives in another region", "bucket", bucket, "asked", old.signRegion, "region", r.signRegion)
	}
	return true
}

// misrouted reports whether f is a bucket's way of naming its region: a redirect,
// or a signature for the wrong region (S3 user guide, "making requests").
func (f *failure) misrouted() bool {
	if f.region == "" {
		return false
	}
	return f.status == http.StatusMovedPermanently || f.status == http.StatusTemporaryRedirect ||
		f.code == "AuthorizationHeaderMalformed" || (f.status == http.StatusBadRequest && f.code == "")
}

// partition is the part of the cloud a region belongs to, which share neither
// accounts nor domains: the words before the first area, "" for the common one.
func partition(region string) string {
	for _, p := range []string{"cn-", "us-gov-", "us-iso-", "us-isob-", "us-isof-", "eu-isoe-", "eusc-"} {
		if strings.HasPrefix(region, p) {
			return p
		}
	}
	return ""
}
