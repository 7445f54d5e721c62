package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"xfer/creds"
)

// options are the flags of the commands that move bytes.
type options struct {
	manifest string
	job      string
	layout   layout
	frozen   bool

	source, dest  side
	requesterPays bool
	allowHTTP     bool

	workers     workersFlag
	partSize    sizeFlag
	limitRate   sizeFlag
	retryFor    time.Duration
	maxFailures int

	json     bool
	progress progressMode
	logLevel string
	logFile  string

	cache  bool            // share vended keys with other runs through files
	config string          // path of the config file; "" is the user's own
	places []binding       // of the config file
	given  map[string]bool // flags that count more than places do
}

// A side is what a job knows of its source or destination.
type side struct {
	creds    string // a credential spec; names credentials, never holds them
	endpoint string
	region   string
}

// listFlags are those that choose the job.
func (o *options) listFlags(f *pflag.FlagSet) {
	f.StringVar(&o.manifest, "manifest", "", "copy what `FILE` lists, one SRC or SRC<TAB>DST a line; - reads it from standard input")
	f.StringVar(&o.job, "job", "", "keep the job in `PATH` (default: the list's name with .xfer)")
	o.layout = layoutKey
	f.Var(enumFlag{(*string)(&o.layout), []string{string(layoutKey), string(layoutBase)}}, "layout", "where a row without its own destination goes below DST: by its whole `key|base` name")
	f.BoolVar(&o.frozen, "frozen", false, "refuse a list that has changed since the job began")
}

// sideFlags are those that say how to reach both sides.
func (o *options) sideFlags(f *pflag.FlagSet) {
	const specs = "aws[:PROFILE], env:PREFIX, file:PATH, process:COMMAND, earthdata[:URL], eodh:WORKSPACE, web:URL, anonymous"
	f.StringVar(&o.source.creds, "source-creds", "aws", "credentials to read with: `SPEC` is one of "+specs)
	f.StringVar(&o.dest.creds, "dest-creds", "aws", "credentials to write with: `SPEC` likewise")
	f.StringVar(&o.source.endpoint, "source-endpoint", "", "`URL` of the S3 service to read from (default: AWS)")
	f.StringVar(&o.dest.endpoint, "dest-endpoint", "", "`URL` of the S3 service to write to (default: AWS)")
	f.StringVar(&o.source.region, "source-region", "", "`REGION` of the source (default: found out)")
	f.StringVar(&o.dest.region, "dest-region", "", "`REGION` of the destination (default: found out)")
	f.BoolVar(&o.requesterPays, "requester-pays", false, "agree to pay for reading from requester-pays buckets")
	f.BoolVar(&o.allowHTTP, "allow-http", false, "send credentials over plain http to hosts other than this one")
	o.cacheFlag(f)
	o.configFlag(f)
}

func (o *options) cacheFlag(f *pflag.FlagSet) {
	f.BoolVar(&o.cache, "cache", false, "keep renewable keys in files below $XDG_CACHE_HOME/xfer that only you can read, for other runs of xfer")
}

func (o *options) configFlag(f *pflag.FlagSet) {
	f.StringVar(&o.config, "config", "", "read settings from `FILE` (default: xfer/config.toml below $XDG_CONFIG_HOME, if it is there)")
}

// workFlags are those that say how to work.
func (o *options) workFlags(f *pflag.FlagSet) {
	f.Var(&o.workers, "workers", "parts in flight at once: `N`, or auto to find out")
	f.Var(&o.partSize, "part-size", "`SIZE` of the parts of large objects, such as 64MiB, or auto")
	f.Var(&o.limitRate, "limit-rate", "read at most `SIZE` a second, such as 20MiB (default: no limit)")
	f.Lookup("limit-rate").DefValue = "" // the usage says it better
	f.DurationVar(&o.retryFor, "retry-for", 15*time.Minute, "try one request again for `DURATION` before its object fails")
	f.IntVar(&o.maxFailures, "max-failures", 0, "stop after `N` failed objects (default: never)")
	f.BoolVar(&o.json, "json", false, "one JSON object a line on standard output: each object, each renewal of keys, a summary")
	o.progress = progressAuto
	f.Var(enumFlag{(*string)(&o.progress), []string{"auto", "bar", "lines", "none"}}, "progress", "`auto|bar|lines|none`: how to show progress on standard error")
	f.StringVar(&o.logFile, "log-file", "", "append what happens to `FILE`")
	o.logLevel = "info"
	f.Var(enumFlag{&o.logLevel, []string{"debug", "info", "warn", "error"}}, "log-level", "least `debug|info|warn|error` level that goes to the log file")
}

// check refuses what cannot be meant before anything is opened or sent.
func (o *options) check() error {
	for name, s := range map[string]side{"source": o.source, "dest": o.dest} {
		if _, err := creds.Parse(s.creds); err != nil {
			return usagef("--%s-creds: %v", name, err)
		}
	}
	if o.retryFor <= 0 {
		return usagef("--retry-for must be more than nothing")
	}
	if o.maxFailures < 0 {
		return usagef("--max-failures must not be negative")
	}
	return nil
}

// fromEnvironment sets the flags that were not given from XFER_ variables:
// --source-creds from XFER_SOURCE_CREDS, and so on.
func fromEnvironment(f *pflag.FlagSet) error {
	var bad error
	f.VisitAll(func(flag *pflag.Flag) {
		name := "XFER_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
		value, ok := os.LookupEnv(name)
		if !ok || value == "" || flag.Changed || bad != nil {
			return
		}
		if err := f.Set(flag.Name, value); err != nil {
			bad = usagef("%s: %v", name, err)
		}
	})
	return bad
}

// remembered are the flags that a job file keeps, so that resume needs none of
// them. None can hold a secret: specs and endpoints with a query or user
// information are left out.
var remembered = []string{
	"source-creds", "dest-creds", "source-endpoint", "dest-endpoint", "source-region", "dest-region",
	"requester-pays", "allow-http", "config", "cache", "workers", "part-size", "limit-rate", "retry-for", "max-failures",
}

// settings gives the flags that a job file should remember.
func settings(f *pflag.FlagSet) map[string]string {
	kept := map[string]string{}
	for _, name := range remembered {
		flag := f.Lookup(name)
		if flag == nil || !flag.Changed || strings.ContainsAny(flag.Value.String(), "?@") {
			continue
		}
		kept[name] = flag.Value.String()
		if path, err := filepath.Abs(kept[name]); name == "config" && err == nil {
			kept[name] = path // to be found from anywhere
		}
	}
	return kept
}

// recall sets the flags that were not given from what a job file remembers.
func recall(f *pflag.FlagSet, kept map[string]string) error {
	for name, value := range kept {
		flag := f.Lookup(name)
		if flag == nil || flag.Changed {
			continue
		}
		if err := f.Set(name, value); err != nil {
			return fmt.Errorf("read job settings: --%s: %w", name, err)
		}
	}
	return nil
}

// enumFlag is a flag of a few words.
type enumFlag struct {
	value   *string
	allowed []string
}

func (e enumFlag) String() string {
	if e.value == nil {
		return ""
	}
	return *e.value
}

func (e enumFlag) Type() string { return "word" }

func (e enumFlag) Set(s string) error {
	for _, word := range e.allowed {
		if s == word {
			*e.value = s
			return nil
		}
	}
	return fmt.Errorf("must be one of %s", strings.Join(e.allowed, ", "))
}

// sizeFlag is a number of bytes; 0 is auto.
type sizeFlag int64

func (s *sizeFlag) String() string {
	switch {
	case *s == 0:
		return "auto"
	case *s%(1<<20) == 0:
		return fmt.Sprintf("%dMiB", *s>>20)
	}
	return strconv.FormatInt(int64(*s), 10)
}

func (s *sizeFlag) Type() string { return "size" }

func (s *sizeFlag) Set(text string) error {
	if text == "auto" {
		*s = 0
		return nil
	}
	n, err := humanize.ParseBytes(text)
	if err != nil || n == 0 || n > 1<<50 {
		return fmt.Errorf("must be a size such as 64MiB, or auto")
	}
	*s = sizeFlag(n)
	return nil
}

// workersFlag is a number of workers; 0 is auto.
type workersFlag int

func (w *workersFlag) String() string {
	if *w == 0 {
		return "auto"
	}
	return strconv.Itoa(int(*w))
}

func (w *workersFlag) Type() string { return "number" }

func (w *workersFlag) Set(text string) error {
	if text == "auto" {
		*w = 0
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1024 {
		return fmt.Errorf("must be a number from 1 to 1024, or auto")
	}
	*w = workersFlag(n)
	return nil
}
