package s3store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"xfer/engine"
	"xfer/internal/s3sim"
	"xfer/store/s3store"
)

// rejections collects what Config.Rejected is told.
type rejections struct {
	mu   sync.Mutex
	told []string
}

func (r *rejections) add(id, code string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, id+" "+code)
}

func TestRejectedKeysAreReported(t *testing.T) {
	minio := s3sim.AsMinIO()
	for name, refusal := range map[string]s3sim.Refusal{"S3": {}, "MinIO": minio} {
		t.Run(name, func(t *testing.T) {
			sim := start(t, s3sim.Config{ExpiredAs: refusal})
			sim.PutObject("b", "k", []byte("abc"))
			var told rejections
			s := open(t, sim, func(c *s3store.Config) { c.Rejected = told.add })
			ctx := context.Background()
			pin, err := s.Stat(ctx, "s3://b/k")
			if err != nil {
				t.Fatal(err)
			}
			id, err := s.Begin(ctx, "s3://b/up", pin)
			if err != nil {
				t.Fatal(err)
			}
			u := engine.Upload{ID: id, Destination: "s3://b/up"}
			sim.ExpireKey(testKey.ID)
			code := "ExpiredToken"
			if refusal.Code != "" {
				code = refusal.Code
			}
			var want []string
			for what, err := range map[string]error{
				"Stat":      second(s.Stat(ctx, "s3://b/k")),
				"Open":      third(s.Open(ctx, "s3://b/k")),
				"OpenRange": second(s.OpenRange(ctx, "s3://b/k", pin, engine.Range{End: 1})),
				"Put":       second(s.Put(ctx, "s3://b/x", pin, bodyOf([]byte("abc")))),
				"Begin":     second(s.Begin(ctx, "s3://b/x", pin)),
				"PutPart":   second(s.PutPart(ctx, u, pin, 1, engine.Range{End: 3}, bodyOf([]byte("abc")))),
				"Complete":  second(s.Complete(ctx, u, pin, nil, engine.Checksum{})),
				"Resolve":   third(s.Resolve(ctx, u, pin, nil, engine.Checksum{})),
				"Abort":     s.Abort(ctx, u),
				"Sweep":     second(s.Sweep(ctx, "s3://b/up", time.Now())),
			} {
				t.Run(what, func(t *testing.T) { wantMeaning(t, err, engine.ErrKeysRejected) })
				want = append(want, testKey.ID+" "+code)
			}
			if d := cmp.Diff(want, told.told); d != "" {
				t.Error(d)
			}
		})
	}
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

func TestKeysPastTheirEndAreRejectedWhateverTheServerCallsIt(t *testing.T) {
	sim := start(t, s3sim.Config{ExpiredAs: s3sim.Refusal{Status: 403, Code: "AccessDenied"}})
	sim.ExpireKey(testKey.ID)
	var told rejections
	s := open(t, sim, func(c *s3store.Config) {
		c.Rejected = told.add
		c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: testKey.ID, SecretAccessKey: testKey.Secret, SessionToken: testKey.Token,
				CanExpire: true, Expires: time.Now().Add(-time.Second)}, nil
		})
	})
	_, _, err := s.Open(context.Background(), "s3://b/k")
	wantMeaning(t, err, engine.ErrKeysRejected)
	if d := cmp.Diff([]string{testKey.ID + " AccessDenied"}, told.told); d != "" {
		t.Error(d)
	}
}

func TestNoKeys(t *testing.T) {
	sim := start(t, s3sim.Config{})
	cause := errors.New("vendor is on holiday")
	s := open(t, sim, func(c *s3store.Config) {
		c.Credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.Join(cause, ctx.Err())
		})
	})
	_, err := s.Stat(context.Background(), "s3://b/k")
	wantMeaning(t, err, engine.ErrNoKeys)
	if !errors.Is(err, cause) {
		t.Errorf("the cause is lost in %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Stat(ctx, "s3://b/k"); !errors.Is(err, context.Canceled) || errors.Is(err, engine.ErrNoKeys) {
		t.Errorf("cancelled: %v", err)
	}
	_, err = s.Complete(context.Background(), engine.Upload{ID: "u", Destination: "s3://b/k"}, engine.Pin{}, nil, engine.Checksum{})
	wantMeaning(t, err, engine.ErrNoKeys)
}

func TestAnonymousSignsNothing(t *testing.T) {
	sim := start(t, s3sim.Config{RecordRequests: true}, s3sim.Public())
	sim.PutObject("b", "k", []byte("abc"))
	s := open(t, sim, func(c *s3store.Config) { c.Anonymous, c.Credentials = true, nil })
	_, r, err := s.Open(context.Background(), "s3://b/k")
	if err != nil || string(read(t, r)) != "abc" {
		t.Fatal(err)
	}
	for _, q := range sim.Requests() {
		if q.Header.Get("Authorization") != "" || q.Header.Get("X-Amz-Security-Token") != "" {
			t.Errorf("signed: %v", q.Header)
		}
	}
	_, err = s.Put(context.Background(), "s3://b/x", engine.Pin{}, bodyOf([]byte("abc")))
	wantMeaning(t, err, engine.ErrDenied)
}

func TestRequesterPays(t *testing.T) {
	sim := start(t, s3sim.Config{}, s3sim.RequesterPays())
	sim.PutObject("b", "k", []byte("abc"))
	_, err := open(t, sim).Stat(context.Background(), "s3://b/k")
	wantMeaning(t, err, engine.ErrDenied)
	s := open(t, sim, func(c *s3store.Config) { c.RequesterPays = true })
	if _, err := s.Stat(context.Background(), "s3://b/k"); err != nil {
		t.Error(err)
	}
	for _, err := range s.List(context.Background(), "s3://b/") {
		if err != nil {
			t.Error(err)
		}
	}
}

func TestAClockThatDiffersIsCorrected(t *testing.T) {
	sim := start(t, s3sim.Config{})
	sim.PutObject("b", "k", []byte("abc"))
	sim.SetSkew(3 * time.Hour)
	s := open(t, sim)
	ctx := context.Background()
	_, err := s.Put(ctx, "s3://b/new", engine.Pin{}, bodyOf([]byte("abc")))
	if err != nil {
		wantMeaning(t, err, nil)
	}
	for i := range 2 {
		if _, err := s.Stat(ctx, "s3://b/k"); err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestARegionIsLearntOnce(t *testing.T) {
	for _, malformed := range []bool{false, true} {
		t.Run(fmt.Sprint("malformed ", malformed), func(t *testing.T) {
			sim := start(t, s3sim.Config{MalformedRegion: malformed}, s3sim.InRegion("eu-west-2"))
			sim.PutObject("b", "k", []byte("abc"))
			s := open(t, sim)
			ctx := context.Background()
			_, err := s.Put(ctx, "s3://b/new", engine.Pin{}, bodyOf([]byte("abc")))
			wantMeaning(t, err, nil) // the body has been read; the next try is right
			if _, err := s.Put(ctx, "s3://b/new", engine.Pin{}, bodyOf([]byte("abc"))); err != nil {
				t.Error(err)
			}
			fresh, before := open(t, sim), sim.Counts()[s3sim.HeadObject]
			for range 3 {
				if _, err := fresh.Stat(ctx, "s3://b/k"); err != nil {
					t.Error(err)
				}
			}
			if n := sim.Counts()[s3sim.HeadObject] - before; n != 4 {
				t.Errorf("%d requests for 3 answers", n)
			}
			for _, err := range open(t, sim).List(ctx, "s3://b/") {
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestARegionElsewhereIsNotFollowed(t *testing.T) {
	sim := start(t, s3sim.Config{}, s3sim.InRegion("cn-north-1"))
	_, err := open(t, sim).Begin(context.Background(), "s3://b/k", engine.Pin{})
	wantMeaning(t, err, engine.ErrNoStore)
}

func TestOpenRefusesWhatCannotBeMeant(t *testing.T) {
	keys := aws.AnonymousCredentials{}
	for name, c := range map[string]s3store.Config{
		"no keys":             {},
		"http elsewhere":      {Credentials: keys, Endpoint: "http://s3.example.org"},
		"no URL":              {Credentials: keys, Endpoint: "s3.example.org"},
		"another scheme":      {Credentials: keys, Endpoint: "ftp://s3.example.org"},
		"password in the URL": {Credentials: keys, Endpoint: "https://user:canary@s3.example.org"},
		"query in the URL":    {Credentials: keys, Endpoint: "https://s3.example.org/?X-Amz-Signature=canary"},
		"nonsense":            {Credentials: keys, Endpoint: "https://user:canary@%zz"},
	} {
		if _, err := s3store.Open(context.Background(), c); err == nil {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: a secret in %v", name, err)
		}
	}
	for _, c := range []s3store.Config{
		{Anonymous: true, Endpoint: "http://s3.example.org"},
		{Credentials: keys, Endpoint: "http://s3.example.org", AllowHTTP: true},
		{Credentials: keys, Endpoint: "http://[::1]:9000"},
		{Credentials: keys, Endpoint: "http://localhost:9000/base"},
		{Credentials: keys},
	} {
		if _, err := s3store.Open(context.Background(), c); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
