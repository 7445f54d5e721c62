package s3sim

import (
	"crypto/hmac"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxSkew is how far the time of a signature may be from the Server's, as the S3
// API reference says under RequestTimeTooSkewed.
const maxSkew = 15 * time.Minute

const unsignedPayload = "UNSIGNED-PAYLOAD"

// caller is who sent a request and what the request promised of its body.
type caller struct {
	anonymous bool
	key       Key
	sig       signature
	signing   []byte // derived key, for the signatures of chunks
	payload   string // x-amz-content-sha256
}

// admit finds the bucket and decides whether the caller may do this at all.
func (c *call) admit() error {
	if c.op == unknownOp {
		return notImplemented(c.r.Method + " of this resource")
	}
	c.caller.payload = c.r.Header.Get("x-amz-content-sha256")
	if c.bucket != "" && c.op != CreateBucket {
		c.b = c.s.bucket(c.bucket)
	}
	if c.b != nil && c.op == HeadBucket {
		c.w.Header().Set("x-amz-bucket-region", c.b.region) // for those who are refused, too
	}
	if c.s.cfg.NoAuth {
		c.caller.anonymous = true
		return c.checkAccess()
	}
	if err := c.authenticate(); err != nil {
		return err
	}
	if !c.caller.anonymous && !c.caller.key.mayUse(c.bucket) {
		return accessDenied("Access Denied")
	}
	if c.caller.anonymous && (c.b == nil || !c.b.public || !c.op.reads()) {
		return accessDenied("Access Denied")
	}
	return c.checkAccess()
}

func accessDenied(why string) error { return refuse(403, "AccessDenied", "%s", why) }

func (c *call) checkAccess() error {
	if c.b == nil {
		if c.bucket != "" && c.op != CreateBucket {
			return noSuchBucket(c.bucket)
		}
		return nil
	}
	if region := c.caller.sig.scope.region; region != "" && region != c.b.region && c.op != GetBucketLocation {
		return c.wrongRegion(region)
	}
	if c.s.denies(c.op) {
		return accessDenied("This identity is not authorized to perform s3:" + string(c.op))
	}
	if owner := c.r.Header.Get("x-amz-expected-bucket-owner"); owner != "" && c.b.owner != "" && owner != c.b.owner {
		return accessDenied("Access Denied")
	}
	if c.b.requesterPays && c.r.Header.Get("x-amz-request-payer") != "requester" && c.query.Get("x-amz-request-payer") != "requester" {
		return accessDenied("Access Denied")
	}
	return nil
}

func (c *call) wrongRegion(signed string) error {
	if c.s.cfg.MalformedRegion {
		return &apiError{
			status: 400, code: "AuthorizationHeaderMalformed", region: c.b.region,
			message: "The authorization header is malformed; the region '" + signed + "' is wrong; expecting '" + c.b.region + "'",
		}
	}
	return &apiError{
		status: 301, code: "PermanentRedirect", region: c.b.region,
		message: "The bucket you are attempting to access must be addressed using the specified endpoint.",
	}
}

func (c *call) authenticate() error {
	header := c.r.Header.Get("Authorization")
	switch {
	case header != "":
		return c.authenticateHeader(header)
	case c.query.Has("X-Amz-Signature"):
		return c.authenticateQuery()
	}
	c.caller.anonymous = true
	return nil
}

func (c *call) authenticateHeader(header string) error {
	sig, ok := parseAuthorization(header)
	if !ok {
		return &apiError{status: 400, code: "AuthorizationHeaderMalformed", message: "The authorization header that you provided is not valid."}
	}
	sig.time = c.r.Header.Get("X-Amz-Date")
	if sig.time == "" {
		if t, err := http.ParseTime(c.r.Header.Get("Date")); err == nil {
			sig.time = t.UTC().Format(sigTimeLayout)
		}
	}
	signed, err := c.signedAt(sig)
	if err != nil {
		return err
	}
	if apart := c.s.now().Sub(signed).Abs(); apart > maxSkew {
		return refuse(403, "RequestTimeTooSkewed", "The difference between the request time and the server's time is too large.")
	}
	if c.caller.payload == "" {
		return invalidRequest("Missing required header for this request: x-amz-content-sha256")
	}
	for name := range c.r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") && !slices.Contains(sig.headers, lower) {
			return accessDenied("There were headers present in the request which were not signed: " + lower)
		}
	}
	return c.verify(sig, c.r.Header.Get("X-Amz-Security-Token"))
}

func (c *call) authenticateQuery() error {
	q := c.query
	sig := signature{
		headers: strings.Split(q.Get("X-Amz-SignedHeaders"), ";"), time: q.Get("X-Amz-Date"), value: q.Get("X-Amz-Signature"),
	}
	if q.Get("X-Amz-Algorithm") != sigAlgorithm || !sig.setCredential(q.Get("X-Amz-Credential")) {
		return refuse(400, "AuthorizationQueryParametersError", "The query parameters of the signature are not valid.")
	}
	signed, err := c.signedAt(sig)
	if err != nil {
		return err
	}
	seconds, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err != nil || seconds < 0 || seconds > 7*24*3600 {
		return refuse(400, "AuthorizationQueryParametersError", "X-Amz-Expires must be at most a week.")
	}
	now := c.s.now()
	if now.After(signed.Add(time.Duration(seconds) * time.Second)) {
		return accessDenied("Request has expired")
	}
	if signed.Sub(now) > maxSkew {
		return accessDenied("Request is not valid yet")
	}
	if c.caller.payload == "" {
		c.caller.payload = unsignedPayload
		if p := q.Get("X-Amz-Content-Sha256"); p != "" {
			c.caller.payload = p
		}
	}
	return c.verify(sig, q.Get("X-Amz-Security-Token"))
}

func (c *call) signedAt(sig signature) (time.Time, error) {
	t, err := time.Parse(sigTimeLayout, sig.time)
	if err != nil || !strings.HasPrefix(sig.time, sig.scope.day) {
		return t, accessDenied("AWS authentication requires a valid Date or x-amz-date header")
	}
	if sig.scope.service != "s3" || !slices.Contains(sig.headers, "host") {
		return t, refuse(400, "AuthorizationHeaderMalformed", "The credential scope or the signed headers are not valid.")
	}
	return t, nil
}

// verify judges key, token, lifetime and signature, in this order.
func (c *call) verify(sig signature, token string) error {
	key, ok := c.s.keys.get(sig.keyID)
	if !ok || (key.Token != "" && token == "") {
		return refuse(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
	}
	if !hmac.Equal([]byte(key.Token), []byte(token)) {
		return refuse(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
	}
	if !key.Expires.IsZero() && !time.Now().Before(key.Expires) {
		as := c.s.cfg.ExpiredAs
		c.s.log.expired.Add(1)
		return refuse(as.Status, as.Code, "The provided token has expired.")
	}
	signing := c.s.keys.signingKey(key, sig.scope)
	want := sig.sign(signing, c.r, c.target, c.caller.payload)
	if !hmac.Equal([]byte(want), []byte(sig.value)) {
		return refuse(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
	}
	c.caller = caller{key: key, sig: sig, signing: signing, payload: c.caller.payload}
	return nil
}
