package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/pflag"
)

// precedence is the one rule for what counts where a setting is given twice. The
// help texts hold it, settle applies it, and options.reach follows it.
const precedence = `A flag counts more than its XFER_ variable (--source-creds: XFER_SOURCE_CREDS),
that more than what a resumed job remembers, that more than a [[place]] of the
config file, that more than the config file's own keys. Of several [[place]]
tables that match, the first that says something counts.`

const configHelp = precedence + `

The config file is TOML. Its keys are the names of flags, and each [[place]] says
how to reach the S3 places that begin as match says:

  source-creds = "aws:archive"

  [[place]]
  match = "s3://asf-*/"         # * stands for any part of the bucket's name
  creds = "earthdata"           # and endpoint, region, requester-pays = true
  connections = 4               # at most, at once
  side = "source"               # or "dest"; without it both`

// A config is what a config file says.
type config struct {
	path   string            // "" when there is none
	flags  map[string]string // by the flag's name
	places []binding
}

// onlyByHand are flags that say what to do now, not how to work.
var onlyByHand = map[string]bool{"config": true, "manifest": true, "job": true, "help": true}

// readConfig reads the config file at path. If that is "", it reads the user's
// own, which need not exist.
func readConfig(path string) (config, error) {
	optional := path == ""
	if optional {
		if path = defaultConfig(); path == "" {
			return config{}, nil
		}
	}
	text, err := os.ReadFile(path)
	switch {
	case optional && errors.Is(err, fs.ErrNotExist):
		return config{}, nil
	case err != nil:
		return config{}, fmt.Errorf("read config: %w", err)
	}
	c := config{path: path}
	if err := c.parse(string(text)); err != nil {
		return config{}, fmt.Errorf("read config %s: %w", path, err)
	}
	return c, nil
}

// defaultConfig is where a user's own config file is (XDG base directory
// specification); "" if that cannot be said.
func defaultConfig() string {
	dir := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "xfer", "config.toml")
}

func (c *config) parse(text string) error {
	var all map[string]any
	if _, err := toml.Decode(text, &all); err != nil {
		return err
	}
	delete(all, "place")
	known := configurable()
	c.flags = map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		flag := known.Lookup(key)
		if flag == nil || onlyByHand[key] {
			return fmt.Errorf("%sunknown key %q", lineOf(text, key), key)
		}
		switch value := all[key].(type) {
		case string:
			c.flags[key] = value
		case bool, int64:
			c.flags[key] = fmt.Sprint(value)
		default:
			return fmt.Errorf("%skey %q: must be a text, a number or true or false", lineOf(text, key), key)
		}
		if err := flag.Value.Set(c.flags[key]); err != nil {
			return fmt.Errorf("%skey %q: %w", lineOf(text, key), key, err)
		}
	}
	return c.parsePlaces(text)
}

// configurable is every flag that a config file may set, on options of no use.
func configurable() *pflag.FlagSet {
	var o options
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.listFlags(f)
	o.sideFlags(f)
	o.workFlags(f)
	return f
}

// lineOf finds the line that a top-level key stands in, for a message. TOML's own
// errors know it; those that come after parsing do not.
func lineOf(text, key string) string {
	for i, line := range strings.Split(text, "\n") {
		name, _, ok := strings.Cut(line, "=")
		if name = strings.Trim(strings.TrimSpace(name), `"'`); (ok && name == key) || strings.TrimSpace(line) == "["+key+"]" || strings.TrimSpace(line) == "[["+key+"]]" {
			return fmt.Sprintf("line %d: ", i+1)
		}
	}
	return ""
}

// settle gives every flag of a command that moves bytes its value, see apply, and
// refuses what cannot be meant.
func (o *options) settle(f *pflag.FlagSet) error {
	if err := o.apply(f); err != nil {
		return err
	}
	return o.check()
}

// apply gives every flag of f its value: what the command line and the environment
// say, and what a resumed job remembers, stands in f already; the config file
// comes last. It is called once, before f's values are used.
func (o *options) apply(f *pflag.FlagSet) error {
	c, err := readConfig(o.config)
	if err != nil {
		return err
	}
	o.places, o.given = c.places, map[string]bool{}
	f.Visit(func(flag *pflag.Flag) { o.given[flag.Name] = true })
	for _, name := range slices.Sorted(maps.Keys(c.flags)) {
		flag := f.Lookup(name)
		if flag == nil || o.given[name] {
			continue // a flag of another command, or said nearer by
		}
		if err := f.Set(name, c.flags[name]); err != nil {
			return fmt.Errorf("read config %s: key %q: %w", c.path, name, err)
		}
	}
	return nil
}
