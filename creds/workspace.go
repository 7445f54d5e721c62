package creds

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// A Workspace is where an EO DataHub workspace keeps its objects.
type Workspace struct {
	Bucket      string
	Prefix      string // of the workspace's own keys, ends in /
	Region      string // of the bucket
	AccessPoint string // an ARN that may stand in place of the bucket; may be empty
}

// Place is the workspace's folder as xfer writes places.
func (w Workspace) Place() string { return "s3://" + w.Bucket + "/" + w.Prefix }

// eodhRegion is where the hub's buckets are, for stores that do not say.
const eodhRegion = "eu-west-2"

// FindWorkspace asks the EO DataHub where the workspace of an eodh spec keeps
// its objects, with the login of EODH_API_KEY. A spec of another kind is an error.
func FindWorkspace(ctx context.Context, s Spec, opt Options) (Workspace, error) {
	if s.Kind != "eodh" {
		return Workspace{}, fmt.Errorf("find workspace: %s names none", s)
	}
	opt = opt.withDefaults()
	p, err := openEODH(s, opt, newCaller(opt.Transport, opt.Version))
	if err != nil {
		return Workspace{}, err
	}
	return p.(*eodh).workspace(ctx)
}

// workspace gets the description that the hub's own pages are made from.
func (e *eodh) workspace(ctx context.Context) (Workspace, error) {
	key := NewSecret(strings.TrimSpace(e.getenv("EODH_API_KEY")))
	if key.Empty() {
		return Workspace{}, &Fault{Kind: ErrLogin, Text: "there is no EODH_API_KEY", Hint: eodhHint}
	}
	u, err := url.Parse(strings.TrimSuffix(strings.TrimSuffix(e.url.String(), "/"), "/me/s3-tokens"))
	if err != nil {
		return Workspace{}, fmt.Errorf("find workspace: its URL is not valid")
	}
	header := http.Header{"Accept": {"application/json"}, "Authorization": {"Bearer " + key.Reveal()}}
	a, err := e.call.do(ctx, http.MethodGet, u, header)
	if err != nil {
		return Workspace{}, err
	}
	if a.status != http.StatusOK {
		return Workspace{}, a.fault(eodhHint, key)
	}
	w, ok := parseWorkspace(a.body)
	if !ok {
		return Workspace{}, &Fault{Kind: ErrSetup, Text: a.host + " does not say where the workspace keeps its objects",
			Hint: "name the bucket and prefix yourself"}
	}
	return w, nil
}

// An objectStore is one place of a workspace, as the hub describes it.
type objectStore struct {
	Bucket      string `json:"bucket"`
	Prefix      string `json:"prefix"`
	Host        string `json:"host"`
	AccessPoint string `json:"access_point_arn"`
}

// parseWorkspace reads the first object store of a description. The stores stand
// in one object or in a list of them.
func parseWorkspace(body []byte) (Workspace, bool) {
	var description struct {
		Stores json.RawMessage `json:"stores"`
	}
	type stores struct {
		Object []objectStore `json:"object"`
	}
	if json.Unmarshal(body, &description) != nil {
		return Workspace{}, false
	}
	var all []stores
	if json.Unmarshal(description.Stores, &all) != nil {
		var one stores
		if json.Unmarshal(description.Stores, &one) != nil {
			return Workspace{}, false
		}
		all = []stores{one}
	}
	for _, group := range all {
		for _, store := range group.Object {
			if store.Bucket != "" {
				return store.workspace(), true
			}
		}
	}
	return Workspace{}, false
}

func (o objectStore) workspace() Workspace {
	w := Workspace{Bucket: o.Bucket, Region: eodhRegion, AccessPoint: o.AccessPoint}
	if prefix := strings.Trim(o.Prefix, "/"); prefix != "" {
		w.Prefix = prefix + "/"
	}
	// arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME, and NAME-ACCOUNT.s3-accesspoint.REGION.amazonaws.com
	if parts := strings.Split(o.AccessPoint, ":"); len(parts) == 6 && parts[3] != "" {
		w.Region = parts[3]
	} else if _, rest, ok := strings.Cut(o.Host, ".s3-accesspoint."); ok {
		w.Region, _, _ = strings.Cut(rest, ".")
	}
	return w
}
