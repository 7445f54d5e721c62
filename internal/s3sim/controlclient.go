package s3sim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Control steers and questions a Server in another process. Its methods say and
// mean what those of Server and Vendor do.
type Control struct {
	url    string
	client *http.Client
}

// NewControl talks to the Server with the given URL. A nil client is
// http.DefaultClient.
func NewControl(serverURL string, client *http.Client) *Control {
	if client == nil {
		client = http.DefaultClient
	}
	return &Control{url: strings.TrimSuffix(serverURL, "/") + controlPath, client: client}
}

// Stats are the Server's counters.
func (c *Control) Stats(ctx context.Context) (s Stats, err error) {
	err = c.do(ctx, "GET", "stats", nil, &s)
	return s, err
}

// Log is every accepted change so far.
func (c *Control) Log(ctx context.Context) (l []Entry, err error) {
	err = c.do(ctx, "GET", "log", nil, &l)
	return l, err
}

// Requests is every request so far, if the Server records them.
func (c *Control) Requests(ctx context.Context) (r []Request, err error) {
	err = c.do(ctx, "GET", "requests", nil, &r)
	return r, err
}

// Objects are the bucket's objects below prefix in byte order; their Bytes are
// not brought along.
func (c *Control) Objects(ctx context.Context, bucket, prefix string) (o []Object, err error) {
	q := url.Values{"bucket": {bucket}, "prefix": {prefix}}
	err = c.do(ctx, "GET", "objects?"+q.Encode(), nil, &o)
	return o, err
}

// Bytes are an object's bytes; nil if the Server discards bodies.
func (c *Control) Bytes(ctx context.Context, bucket, key string) (b []byte, err error) {
	q := url.Values{"bucket": {bucket}, "key": {key}}
	err = c.do(ctx, "GET", "bytes?"+q.Encode(), nil, &b)
	return b, err
}

// OpenUploads are the bucket's open multipart uploads.
func (c *Control) OpenUploads(ctx context.Context, bucket string) (u []Upload, err error) {
	err = c.do(ctx, "GET", "uploads?"+url.Values{"bucket": {bucket}}.Encode(), nil, &u)
	return u, err
}

// PutSynthetic stores one synthetic object.
func (c *Control) PutSynthetic(ctx context.Context, bucket, key string, size int64, seed uint64) error {
	return c.do(ctx, "POST", "synthetic", syntheticOrder{Bucket: bucket, Key: key, Size: size, Seed: seed}, nil)
}

// PutSyntheticMany stores n synthetic objects, see Server.PutSyntheticMany.
func (c *Control) PutSyntheticMany(ctx context.Context, bucket, prefix string, n int, size int64, seed uint64) error {
	return c.do(ctx, "POST", "synthetic", syntheticOrder{Bucket: bucket, Key: prefix, Count: n, Size: size, Seed: seed}, nil)
}

// Inject arms a fault and returns its id.
func (c *Control) Inject(ctx context.Context, f Fault) (id int, err error) {
	err = c.do(ctx, "POST", "faults", f, &id)
	return id, err
}

// Faults are all faults that were injected; ids are places in it.
func (c *Control) Faults(ctx context.Context) (f []FaultState, err error) {
	err = c.do(ctx, "GET", "faults", nil, &f)
	return f, err
}

// Fired is how often the fault with this id has taken effect.
func (c *Control) Fired(ctx context.Context, id int) (int, error) {
	states, err := c.Faults(ctx)
	if err != nil {
		return 0, err
	}
	if id < 0 || id >= len(states) {
		return 0, fmt.Errorf("control: there is no fault %d", id)
	}
	return states[id].Fired, nil
}

// BumpGeneration raises the generation of the log and returns it.
func (c *Control) BumpGeneration(ctx context.Context) (n int64, err error) {
	err = c.do(ctx, "POST", "generation", nil, &n)
	return n, err
}

// SetFirstByte changes how long every reply is held back.
func (c *Control) SetFirstByte(ctx context.Context, d time.Duration) error {
	return c.do(ctx, "POST", "server", serverOrder{FirstByte: &d}, nil)
}

// Deny answers 403 to these operations until Allow.
func (c *Control) Deny(ctx context.Context, ops ...Op) error {
	return c.do(ctx, "POST", "server", serverOrder{Deny: ops}, nil)
}

// Allow takes Deny back.
func (c *Control) Allow(ctx context.Context, ops ...Op) error {
	return c.do(ctx, "POST", "server", serverOrder{Allow: ops}, nil)
}

// Vendors are the counters of the Server's vendors by name.
func (c *Control) Vendors(ctx context.Context) (m map[string]VendorStats, err error) {
	err = c.do(ctx, "GET", "vendors", nil, &m)
	return m, err
}

// SetVendorDown makes the named vendor, or all if name is empty, answer 503.
func (c *Control) SetVendorDown(ctx context.Context, name string, down bool) error {
	return c.do(ctx, "POST", "vendors", vendorOrder{Name: name, Down: &down}, nil)
}

// VendorDown makes the named vendor, or all if name is empty, answer 503 for d.
func (c *Control) VendorDown(ctx context.Context, name string, d time.Duration) error {
	return c.do(ctx, "POST", "vendors", vendorOrder{Name: name, DownFor: d}, nil)
}

// SetVendorHang makes the named vendor, or all if name is empty, never answer.
func (c *Control) SetVendorHang(ctx context.Context, name string, hang bool) error {
	return c.do(ctx, "POST", "vendors", vendorOrder{Name: name, Hang: &hang}, nil)
}

// SetVendorLifetime changes how long the vendor's keys live from now on.
func (c *Control) SetVendorLifetime(ctx context.Context, name string, d time.Duration) error {
	return c.do(ctx, "POST", "vendors", vendorOrder{Name: name, Lifetime: &d}, nil)
}

// RevokeVended makes every key the vendor has vended unknown.
func (c *Control) RevokeVended(ctx context.Context, name string) error {
	return c.do(ctx, "POST", "vendors", vendorOrder{Name: name, Revoke: true}, nil)
}

// ExpireVended makes every key the vendor has vended expire now.
func (c *Control) ExpireVended(ctx context.Context, name string) error {
	return c.do(ctx, "POST", "vendors", vendorOrder{Name: name, Expire: true}, nil)
}

func (c *Control) do(ctx context.Context, method, path string, body, into any) error {
	what, _, _ := strings.Cut(path, "?")
	var payload io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("control %s: %w", what, err)
		}
		payload = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, payload)
	if err != nil {
		return fmt.Errorf("control %s: %w", what, err)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return fmt.Errorf("control %s: %w", what, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // the status says enough
		return fmt.Errorf("control %s: %s: %s", what, resp.Status, strings.TrimSpace(string(text)))
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("control %s: decode reply: %w", what, err)
	}
	return nil
}
