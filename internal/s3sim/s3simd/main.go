// Command s3simd runs an s3sim Server, and a Vendor if asked, as a process of
// their own, for benchmarks and for tests that kill other processes.
//
// When ready it prints one line of JSON with its URLs, and for https its
// certificate. It ends on SIGTERM, SIGINT or when its standard input is closed,
// so that it never outlives the test that started it.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"xfer/internal/s3sim"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "s3simd:", err)
		os.Exit(1)
	}
}

// ready is the line that is printed.
type ready struct {
	URL         string `json:"url"`
	Certificate string `json:"certificate,omitempty"` // PEM
	Vendor      string `json:"vendor,omitempty"`      // URL that vends
	VendorHost  string `json:"vendorHost,omitempty"`
	PID         int    `json:"pid"`
}

type settings struct {
	cfg       s3sim.Config
	vendor    s3sim.VendorConfig
	buckets   list
	public    list
	payer     list
	synthetic list
	keys      list
	seed      uint64
	stdin     bool
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func parse(args []string) (settings, error) {
	var s settings
	var flavour, mode string
	f := flag.NewFlagSet("s3simd", flag.ContinueOnError)
	f.StringVar(&s.cfg.Addr, "addr", "127.0.0.1:0", "loopback `address` to listen on")
	f.StringVar(&mode, "mode", "strict", "strict: signatures and MD5 checked; cheap: CRC64NVME only")
	f.BoolVar(&s.cfg.Discard, "discard", false, "checksum bodies and drop them")
	f.BoolVar(&s.cfg.TLS, "tls", false, "https with a certificate of its own")
	f.BoolVar(&s.cfg.NoLog, "no-log", false, "keep no log of accepted bodies")
	f.BoolVar(&s.cfg.RecordRequests, "record", false, "keep every request with its headers")
	f.BoolVar(&s.cfg.ReplayNotFound, "replay-not-found", false, "repeated Complete is 404, as on MinIO")
	f.Int64Var(&s.cfg.MinPartSize, "min-part", 0, "least part size in `bytes`; 0 is 5 MiB")
	f.DurationVar(&s.cfg.FirstByte, "first-byte", 0, "hold every reply back for this `duration`")
	f.IntVar(&s.cfg.ConnBytesPerSecond, "conn-rate", 0, "`bytes` per second of each connection; 0 is no limit")
	f.StringVar(&s.cfg.Region, "region", "us-east-1", "`region` of all buckets")
	f.Var(&s.buckets, "bucket", "make this `bucket`; may be given several times")
	f.Var(&s.public, "public", "make this `bucket`, readable by anybody")
	f.Var(&s.payer, "requester-pays", "make this `bucket`, requester pays")
	f.Var(&s.synthetic, "synthetic", "`bucket/prefix:count:size` in bytes; objects that take no memory")
	f.Uint64Var(&s.seed, "seed", 1, "`seed` of the first synthetic object")
	f.Var(&s.keys, "key", "static key, as `id:secret`")
	f.StringVar(&flavour, "vendor", "", "run a vendor of this `flavour`: tea, cumulus, eodh, web")
	f.StringVar(&s.vendor.Addr, "vendor-addr", "127.0.0.1:0", "`address` of the vendor")
	f.StringVar(&s.vendor.Token, "vendor-token", "", "bearer `token` the vendor requires")
	f.StringVar(&s.vendor.ContentType, "vendor-type", "application/json", "media `type` of the vendor's replies")
	f.StringVar(&s.vendor.Workspace, "vendor-workspace", "", "`workspace` of an eodh vendor")
	f.DurationVar(&s.vendor.Lifetime, "lifetime", time.Hour, "`duration` that vended keys live")
	f.BoolVar(&s.stdin, "stdin", true, "end when standard input is closed")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	switch mode {
	case "cheap":
		cheap := s3sim.CheapConfig()
		s.cfg.NoAuth, s.cfg.CheapETags, s.cfg.NoLog = cheap.NoAuth, cheap.CheapETags, cheap.NoLog
	case "strict":
	default:
		return s, fmt.Errorf("parse flags: mode is strict or cheap, not %q", mode)
	}
	switch s.vendor.Flavour = s3sim.Flavour(flavour); s.vendor.Flavour {
	case "", s3sim.TEA, s3sim.Cumulus, s3sim.EODH, s3sim.Web:
	default:
		return s, fmt.Errorf("parse flags: there is no vendor %q", flavour)
	}
	return s, nil
}

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	set, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)

	server := s3sim.New(set.cfg)
	defer server.Close()
	if err := fill(server, set); err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	line := ready{URL: server.URL(), Certificate: server.CertificatePEM(), PID: os.Getpid()}
	if set.vendor.Flavour != "" {
		vendor := s3sim.NewVendor(set.vendor, server)
		defer vendor.Close()
		if err := vendor.Start(); err != nil {
			return err
		}
		line.Vendor, line.VendorHost = vendor.Endpoint(), vendor.URL()
	}
	if err := json.NewEncoder(stdout).Encode(line); err != nil {
		return fmt.Errorf("say ready: %w", err)
	}
	closed := make(chan struct{})
	if set.stdin {
		go func() {
			_, _ = io.Copy(io.Discard, stdin) // whatever ends it
			close(closed)
		}()
	}
	select {
	case <-signals:
	case <-closed:
	}
	return nil
}

// fill makes the buckets, keys and synthetic objects of the flags.
func fill(server *s3sim.Server, set settings) error {
	for _, name := range set.buckets {
		server.CreateBucket(name)
	}
	for _, name := range set.public {
		server.CreateBucket(name, s3sim.Public())
	}
	for _, name := range set.payer {
		server.CreateBucket(name, s3sim.RequesterPays())
	}
	for _, entry := range set.keys {
		id, secret, ok := strings.Cut(entry, ":")
		if !ok || id == "" || secret == "" {
			return errors.New("parse key: want id:secret") // the entry may hold a secret
		}
		server.AddKey(s3sim.Key{ID: id, Secret: secret})
	}
	seed := set.seed
	for _, entry := range set.synthetic {
		n, err := fillSynthetic(server, entry, seed)
		if err != nil {
			return err
		}
		seed += uint64(n)
	}
	return nil
}

func fillSynthetic(server *s3sim.Server, entry string, seed uint64) (int, error) {
	fields := strings.Split(entry, ":")
	if len(fields) < 3 {
		return 0, fmt.Errorf("parse synthetic %q: want bucket/prefix:count:size", entry)
	}
	place, counts := strings.Join(fields[:len(fields)-2], ":"), fields[len(fields)-2:]
	bucket, prefix, _ := strings.Cut(place, "/")
	n, err := strconv.Atoi(counts[0])
	if err != nil || n < 1 {
		return 0, fmt.Errorf("parse synthetic %q: %q is no count", entry, counts[0])
	}
	size, err := strconv.ParseInt(counts[1], 10, 64)
	if err != nil || size < 0 {
		return 0, fmt.Errorf("parse synthetic %q: %q is no size in bytes", entry, counts[1])
	}
	server.PutSyntheticMany(bucket, prefix, n, size, seed)
	return n, nil
}
