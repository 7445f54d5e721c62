package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// settled reads a command line as copy does, with this config file.
func settled(t *testing.T, file string, kept map[string]string, args ...string) (*options, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XFER_CONFIG", path)
	var o options
	cmd := &cobra.Command{}
	o.listFlags(cmd.Flags())
	o.sideFlags(cmd.Flags())
	o.workFlags(cmd.Flags())
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	if err := fromEnvironment(cmd.Flags()); err != nil {
		t.Fatal(err)
	}
	if err := recall(cmd.Flags(), kept); err != nil {
		t.Fatal(err)
	}
	return &o, o.settle(cmd.Flags())
}

const placesFile = `
source-creds = "env:FILE"
dest-region = "eu-west-2"

[[place]]
match = "s3://asf-*/raw/"
region = "us-east-2"

[[place]]
match = "s3://asf-*/"
creds = "env:ASF"
endpoint = "https://asf.example"
region = "us-west-2"
requester-pays = true
side = "source"

[[place]]
match = "s3://eodata/"
creds = "env:CDSE"
endpoint = "https://eodata.example"
connections = 4
`

func TestPrecedence(t *testing.T) {
	asf := reach{side: sourceSide, creds: "env:ASF", endpoint: "https://asf.example", region: "us-west-2", payer: true}
	for _, tt := range []struct {
		name string
		args []string
		env  map[string]string
		kept map[string]string
		side string
		at   [2]string
		want reach
	}{
		{name: "no place matches", side: sourceSide, at: [2]string{"other", "k"}, want: reach{side: sourceSide, creds: "env:FILE"}},
		{name: "a place", side: sourceSide, at: [2]string{"asf-1", "k"}, want: asf},
		{name: "the first that says something", side: sourceSide, at: [2]string{"asf-1", "raw/k"},
			want: reach{side: sourceSide, creds: "env:ASF", endpoint: "https://asf.example", region: "us-east-2", payer: true}},
		{name: "the other side", side: destinationSide, at: [2]string{"asf-1", "k"}, want: reach{side: destinationSide, creds: "aws", region: "eu-west-2"}},
		{name: "both sides", side: destinationSide, at: [2]string{"eodata", "k"},
			want: reach{side: destinationSide, creds: "env:CDSE", endpoint: "https://eodata.example", region: "eu-west-2", connections: 4}},
		{name: "a flag beats a place", args: []string{"--source-creds", "anonymous"}, side: sourceSide, at: [2]string{"asf-1", "k"},
			want: reach{side: sourceSide, creds: "anonymous", endpoint: "https://asf.example", region: "us-west-2", payer: true}},
		{name: "of its own side only", args: []string{"--dest-creds", "anonymous"}, side: sourceSide, at: [2]string{"asf-1", "k"}, want: asf},
		{name: "a flag that says no", args: []string{"--requester-pays=false"}, side: sourceSide, at: [2]string{"asf-1", "k"},
			want: reach{side: sourceSide, creds: "env:ASF", endpoint: "https://asf.example", region: "us-west-2"}},
		{name: "the environment beats a place", env: map[string]string{"XFER_SOURCE_REGION": "eu-north-1"}, side: sourceSide, at: [2]string{"asf-1", "k"},
			want: reach{side: sourceSide, creds: "env:ASF", endpoint: "https://asf.example", region: "eu-north-1", payer: true}},
		{name: "a flag beats the environment", env: map[string]string{"XFER_SOURCE_CREDS": "env:A"}, args: []string{"--source-creds", "env:B"},
			side: sourceSide, at: [2]string{"other", "k"}, want: reach{side: sourceSide, creds: "env:B"}},
		{name: "the environment beats what a job remembers", env: map[string]string{"XFER_SOURCE_CREDS": "env:A"}, kept: map[string]string{"source-creds": "env:JOB"},
			side: sourceSide, at: [2]string{"other", "k"}, want: reach{side: sourceSide, creds: "env:A"}},
		{name: "a job's memory beats the config file", kept: map[string]string{"source-creds": "env:JOB"},
			side: sourceSide, at: [2]string{"asf-1", "k"}, want: reach{side: sourceSide, creds: "env:JOB", endpoint: "https://asf.example", region: "us-west-2", payer: true}},
		{name: "a bucket of NASA's", args: []string{"--source-creds", "earthdata"}, side: sourceSide, at: [2]string{"prod-lads", "k"},
			want: reach{side: sourceSide, creds: "earthdata", vendor: "https://data.laadsdaac.earthdatacloud.nasa.gov/s3credentials", region: "us-west-2"}},
		{name: "another of them", args: []string{"--source-creds", "earthdata"}, side: sourceSide, at: [2]string{"ghrcw-protected", "k"},
			want: reach{side: sourceSide, creds: "earthdata", vendor: "https://data.ghrc.earthdata.nasa.gov/s3credentials", region: "us-west-2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			o, err := settled(t, placesFile, tt.kept, tt.args...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, o.reach(tt.side, tt.at[0], tt.at[1]), cmp.AllowUnexported(reach{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConfigSetsFlags(t *testing.T) {
	o, err := settled(t, "workers = 7\npart-size = \"16MiB\"\nretry-for = \"1m\"\nrequester-pays = true\nfrozen = true\n", nil, "--workers", "3")
	if err != nil {
		t.Fatal(err)
	}
	if o.workers != 3 || o.partSize != 16<<20 || o.retryFor.String() != "1m0s" || !o.requesterPays || !o.frozen {
		t.Errorf("got %+v", o)
	}
}

func TestConfigMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"workers = 7\nwrokers = 7\n":                         `line 2: unknown key "wrokers"`,
		"manifest = \"x\"\n":                                 `unknown key "manifest"`,
		"workers = \"many\"\n":                               `line 1: key "workers": must be a number`,
		"workers = [1]\n":                                    `key "workers": must be a text`,
		"workers = \n":                                       `line 1`,
		"[place]\nmatch = \"s3://b/\"\n":                     `place`,
		"[[place]]\nmatch = \"s3://b/\"\nkeys = \"aws\"\n":   `unknown key "keys" in a [[place]]`,
		"[[place]]\ncreds = \"aws\"\n":                       `[[place]] 1: match: "" does not begin with s3://`,
		"[[place]]\nmatch = \"s3://\"\n":                     `names no bucket`,
		"[[place]]\nmatch = \"s3://b/2024-*/\"\n":            `only the bucket may have wildcards`,
		"[[place]]\nmatch = \"s3://[b/\"\n":                  `syntax error in pattern`,
		"[[place]]\nmatch = \"s3://b/\"\ncreds = \"x\"\n":    `creds: read credential spec`,
		"[[place]]\nmatch = \"s3://b/\"\nside = \"left\"\n":  `neither source nor dest`,
		"[[place]]\nmatch = \"s3://b\"\nconnections = -1\n":  `connections: must be a number`,
		"[[place]]\nmatch = \"s3://b\"\nconnections = \"4\"": `line 3`,
		"[section]\nworkers = 7\n":                           `line 1: unknown key "section"`,
		"source-creds = \"nonsense\"\n":                      `source-creds: read credential spec`,
	} {
		_, err := settled(t, text, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q in it", text, err, want)
		}
	}
	t.Setenv("XFER_CONFIG", "")
	if _, err := readConfig(filepath.Join(t.TempDir(), "missing.toml")); err == nil || !strings.Contains(err.Error(), "missing.toml") {
		t.Errorf("a config file that was asked for and is not there: %v", err)
	}
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	if c, err := readConfig(""); err != nil || c.path != "" {
		t.Errorf("no config file: %+v, %v", c, err)
	}
}

func TestCovers(t *testing.T) {
	const arn = "arn:aws:s3:eu-west-2:123456789012:accesspoint/ws"
	for _, tt := range []struct {
		match, bucket, key string
		want               bool
	}{
		{"s3://b/", "b", "k", true},
		{"s3://b", "b", "", true},
		{"s3://b/", "bb", "k", false},
		{"s3://b/p/", "b", "p/k", true},
		{"s3://b/p/", "b", "pk", false},
		{"s3://asf-*-prod/", "asf-x-prod", "k", true},
		{"s3://asf-*-prod/", "asf-x", "k", false},
		{"s3://*/", "anything", "k", true},
		{"s3://lp-[ab]/", "lp-b", "k", true},
		{"s3://" + arn + "/ws/", arn, "ws/k", true},
		{"s3://" + arn + "/ws/", arn, "other/k", false},
	} {
		b := binding{Match: tt.match}
		if err := b.check(); err != nil {
			t.Fatal(err)
		}
		if got := b.covers(sourceSide, tt.bucket, tt.key); got != tt.want {
			t.Errorf("%s covers %s/%s: %t, want %t", tt.match, tt.bucket, tt.key, got, tt.want)
		}
	}
}
