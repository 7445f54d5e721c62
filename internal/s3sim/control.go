package s3sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

const controlPath = "/_sim/"

// The bodies of the control API. Control speaks them; see its methods.
type (
	syntheticOrder struct {
		Bucket string `json:"bucket"`
		Key    string `json:"key"`             // or the prefix, if Count is not zero
		Count  int    `json:"count,omitempty"` // as of PutSyntheticMany
		Size   int64  `json:"size"`
		Seed   uint64 `json:"seed"`
	}
	vendorOrder struct {
		Name     string         `json:"name,omitempty"` // empty is every vendor
		Down     *bool          `json:"down,omitempty"`
		DownFor  time.Duration  `json:"downFor,omitempty"` // nanoseconds
		Hang     *bool          `json:"hang,omitempty"`
		Same     *bool          `json:"same,omitempty"`
		Lifetime *time.Duration `json:"lifetime,omitempty"`
		Revoke   bool           `json:"revoke,omitempty"`
		Expire   bool           `json:"expire,omitempty"`
	}
	serverOrder struct {
		FirstByte *time.Duration `json:"firstByte,omitempty"`
		Deny      []Op           `json:"deny,omitempty"`
		Allow     []Op           `json:"allow,omitempty"`
	}
	// FaultState is a Fault and how often it has taken effect.
	FaultState struct {
		ID    int   `json:"id"` // for Control.Fired
		Fault Fault `json:"fault"`
		Fired int   `json:"fired"`
	}
)

// serveControl answers requests from this machine only; they are not signed.
func (s *Server) serveControl(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		http.Error(w, "control: loopback only", http.StatusForbidden)
		return
	}
	reply, err := s.control(r.Method+" "+strings.TrimPrefix(r.URL.Path, controlPath), r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(reply) // a client that went away needs no answer
}

func (s *Server) control(what string, r *http.Request) (any, error) {
	q := r.URL.Query()
	switch what {
	case "GET stats":
		return s.Stats(), nil
	case "GET log":
		return s.Log(), nil
	case "GET requests":
		return s.Requests(), nil
	case "GET objects":
		return s.objects(q.Get("bucket"), q.Get("prefix")), nil
	case "GET bytes":
		return s.bytesOf(q.Get("bucket"), q.Get("key"))
	case "GET uploads":
		return s.OpenUploads(q.Get("bucket")), nil
	case "GET faults":
		return s.faultStates(), nil
	case "GET vendors":
		stats := map[string]VendorStats{}
		for _, v := range s.vendorsNamed("") {
			stats[v.cfg.Name] = v.Stats()
		}
		return stats, nil
	case "POST generation":
		return s.BumpGeneration(), nil
	case "POST synthetic":
		return order(r, s.putSynthetic)
	case "POST faults":
		return order(r, func(f Fault) (any, error) {
			s.Inject(f)
			states := s.faultStates()
			return states[len(states)-1].ID, nil
		})
	case "POST vendors":
		return order(r, s.orderVendors)
	case "POST server":
		return order(r, func(o serverOrder) (any, error) {
			if o.FirstByte != nil {
				s.SetFirstByte(*o.FirstByte)
			}
			s.Deny(o.Deny...)
			s.Allow(o.Allow...)
			return nil, nil
		})
	}
	return nil, fmt.Errorf("control: there is no %s", what)
}

// order decodes a body and carries it out.
func order[T any](r *http.Request, do func(T) (any, error)) (any, error) {
	var body T
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		return nil, fmt.Errorf("control: decode order: %w", err)
	}
	return do(body)
}

func (s *Server) objects(bucket, prefix string) []Object {
	list := []Object{}
	for _, key := range s.Keys(bucket) {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		if o, ok := s.Object(bucket, key); ok {
			list = append(list, o)
		}
	}
	return list
}

func (s *Server) bytesOf(bucket, key string) (any, error) {
	o, ok := s.Object(bucket, key)
	if !ok {
		return nil, errors.New("control: there is no such object")
	}
	return o.Bytes(), nil
}

func (s *Server) faultStates() []FaultState {
	states := []FaultState{}
	for i, a := range s.Faults() {
		states = append(states, FaultState{ID: i, Fault: a.fault, Fired: a.Fired()})
	}
	return states
}

func (s *Server) putSynthetic(o syntheticOrder) (any, error) {
	if o.Bucket == "" || o.Size < 0 || o.Count < 0 || o.Count == 0 && o.Key == "" {
		return nil, errors.New("control: put synthetic: bucket, key and size are needed")
	}
	if o.Count > 0 {
		s.PutSyntheticMany(o.Bucket, o.Key, o.Count, o.Size, o.Seed)
	} else {
		s.PutSynthetic(o.Bucket, o.Key, o.Size, o.Seed)
	}
	return nil, nil
}

func (s *Server) vendorsNamed(name string) []*Vendor {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var found []*Vendor
	for _, v := range s.vendors {
		if name == "" || v.cfg.Name == name {
			found = append(found, v)
		}
	}
	return found
}

func (s *Server) orderVendors(o vendorOrder) (any, error) {
	vendors := s.vendorsNamed(o.Name)
	if len(vendors) == 0 {
		return nil, fmt.Errorf("control: there is no vendor %q", o.Name)
	}
	for _, v := range vendors {
		if o.Lifetime != nil {
			v.SetLifetime(*o.Lifetime)
		}
		if o.Down != nil {
			v.SetDown(*o.Down)
		}
		if o.DownFor > 0 {
			v.Down(o.DownFor)
		}
		if o.Hang != nil {
			v.SetHang(*o.Hang)
		}
		if o.Same != nil {
			v.SetSame(*o.Same)
		}
		if o.Revoke {
			v.RevokeAll()
		}
		if o.Expire {
			v.ExpireAll()
		}
	}
	return nil, nil
}
