package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"xfer/internal/s3sim"
)

// A list whose rows name buckets of several services, each with keys of its own:
// one copy brings all of them, and no service sees another's keys.
func TestEachBucketItsOwnKeys(t *testing.T) {
	w := newWorld(t, 2*time.Second)
	w.src.PutSyntheticMany("in", "a/", 5, 64<<10, 1)
	other := s3sim.New(s3sim.Config{RecordRequests: true, Region: "eu-west-2"})
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	other.AddKey(s3sim.Key{ID: "OTHERKEY", Secret: "canary-other"})
	other.PutSyntheticMany("paid-2024", "b/", 5, 64<<10, 50)
	other.CreateBucket("paid-2025", s3sim.RequesterPays())
	other.PutSyntheticMany("paid-2025", "c/", 5, 64<<10, 80)
	other.CreateBucket("open-data", s3sim.Public())
	other.PutSyntheticMany("open-data", "d/", 5, 64<<10, 90)

	var list strings.Builder
	for bucket, keys := range map[string][]string{"in": w.src.Keys("in"), "paid-2024": other.Keys("paid-2024"), "paid-2025": other.Keys("paid-2025"), "open-data": other.Keys("open-data")} {
		for _, key := range keys {
			fmt.Fprintf(&list, "s3://%s/%s\n", bucket, key)
		}
	}
	config := filepath.Join(w.dir, "config.toml")
	w.write(w.list, list.String())
	w.write(config, fmt.Sprintf(`
source-creds = "earthdata:%s"
source-endpoint = %q
dest-creds = "env:DST"
dest-endpoint = %q

[[place]]
match = "s3://paid-*/"
creds = "env:OTHER"
endpoint = %q
region = "eu-west-2"
requester-pays = true
side = "source"

[[place]]
match = "s3://open-data/"
creds = "anonymous"
endpoint = %q
`, w.vendor.Endpoint(), w.src.URL(), w.dst.URL(), other.URL(), other.URL()))
	w.env = []string{
		"EARTHDATA_TOKEN=" + canaryLogin, "XFER_CONFIG=" + config,
		"DST_ACCESS_KEY_ID=DSTKEY", "DST_SECRET_ACCESS_KEY=" + canarySecret, "DST_SESSION_TOKEN=" + canaryToken,
		"OTHER_ACCESS_KEY_ID=OTHERKEY", "OTHER_SECRET_ACCESS_KEY=canary-other",
	}
	p := w.run(exitOK, w.copyArgs()...)
	if s := p.summary(t); s.Objects.Copied != 20 || len(w.dst.Keys("out")) != 20 {
		t.Errorf("summary %+v, %d objects there", s, len(w.dst.Keys("out")))
	}
	for _, r := range other.Requests() {
		signed := r.Header.Get("Authorization")
		if open := r.Bucket == "open-data"; open != (signed == "") || !open && !strings.Contains(signed, "OTHERKEY") {
			t.Errorf("%s %s was signed with %.60q", r.Method, r.URI, signed)
		}
	}
}

// A place that allows two connections never gets a third, however many workers
// there are, and neither objects of one part nor of many get stuck over it. The
// body of an object of many parts is left after the first, which costs its
// connection: a server that has not seen it close yet counts one too many each.
func TestConnectionsOfAPlace(t *testing.T) {
	for _, sides := range []string{"source", "dest", ""} {
		for large, most := range map[int]int{0: 2, 3: 4} {
			t.Run(fmt.Sprintf("side %q, %d large", sides, large), func(t *testing.T) {
				w := &world{t: t, dir: t.TempDir()}
				w.list = filepath.Join(w.dir, "list.txt")
				src, dst := countConns(t), countConns(t)
				w.src, w.dst = s3sim.New(s3sim.Config{CheapETags: true}), s3sim.New(s3sim.Config{CheapETags: true, Discard: true})
				for server, l := range map[*s3sim.Server]*countingListener{w.src: src, w.dst: dst} {
					if err := server.Serve(l); err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _ = server.Close() })
					server.AddKey(s3sim.Key{ID: "KEY", Secret: canarySecret})
				}
				w.dst.CreateBucket("out")
				w.src.PutSyntheticMany("in", "small/", 100, 64<<10, 1)
				w.src.PutSyntheticMany("in", "large/", large, 32<<20, 100)
				w.src.PutSynthetic("in", "empty", 0, 1)
				w.listAll()
				config := filepath.Join(w.dir, "config.toml")
				w.write(config, fmt.Sprintf("[[place]]\nmatch = \"s3://*/\"\nconnections = 2\nside = %q\n", sides))
				w.env = []string{
					"K_ACCESS_KEY_ID=KEY", "K_SECRET_ACCESS_KEY=" + canarySecret, "XFER_CONFIG=" + config,
					"XFER_SOURCE_ENDPOINT=" + w.src.URL(), "XFER_DEST_ENDPOINT=" + w.dst.URL(), "XFER_SOURCE_CREDS=env:K", "XFER_DEST_CREDS=env:K",
				}
				w.run(exitOK, w.copyArgs("--workers", "4", "--part-size", "5MiB", "--retry-for", "20s")...)
				w.arrived()
				if sides != "dest" && src.most > most || sides != "source" && dst.most > 2 {
					t.Errorf("%d connections to the source, %d to the destination", src.most, dst.most)
				}
				if sides == "dest" && src.most < 3 {
					t.Errorf("the source was limited too, to %d", src.most)
				}
			})
		}
	}
}

// A countingListener knows how many of its connections were open at once.
type countingListener struct {
	net.Listener
	mu        sync.Mutex
	now, most int
}

func countConns(t *testing.T) *countingListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &countingListener{Listener: l}
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now++
	l.most = max(l.most, l.now)
	return &countedConn{Conn: c, gone: func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.now--
	}}, nil
}

type countedConn struct {
	net.Conn
	once sync.Once
	gone func()
}

func (c *countedConn) Close() error {
	c.once.Do(c.gone)
	return c.Conn.Close()
}

// write writes a file that nobody else may read.
func (w *world) write(path, text string) {
	w.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}
