package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"xfer/internal/s3sim"
)

// TestMain lets the test binary be xfer when it is called by that name, so that
// every story runs the real command as a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv(beXfer) != "" {
		os.Exit(xfer(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	testscript.Main(m, map[string]func(){
		"xfer": func() { os.Exit(xfer(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// beXfer is the variable by which the tests in Go do the same.
const beXfer = "XFER_TEST_BE_XFER"

// TestStories runs the stories of testdata/script. Each has two S3 services of
// its own, $SRC and $DST, with the keys of the profiles env:SRC and env:DST.
//
// Besides testscript's own commands:
//
//	synthetic BUCKET/PREFIX N SIZE   put N objects into the source
//	put BUCKET/KEY FILE              put a file's bytes into the source
//	arrived BUCKET BUCKET PREFIX     every object of the first, a source bucket, is in the second below PREFIX
//	requests N                       both services together have seen N requests
//	paid BUCKET                      make a requester-pays bucket with one object in the source
//	deny src|dst OPERATION           refuse an operation from now on
//	fault src|dst KIND KEY [CODE]    arm a fault, for ever
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"synthetic": putSynthetic, "put": putFile, "arrived": arrived, "requests": requests, "fault": fault, "paid": paid, "deny": deny,
		},
	})
}

type services struct{ src, dst *s3sim.Server }

func setup(env *testscript.Env) error {
	s := &services{s3sim.New(s3sim.Config{}), s3sim.New(s3sim.Config{})}
	for name, server := range map[string]*s3sim.Server{"SRC": s.src, "DST": s.dst} {
		if err := server.Start(); err != nil {
			return err
		}
		env.Defer(func() { _ = server.Close() })
		server.AddKey(s3sim.Key{ID: name + "KEY", Secret: "canary-secret-" + name, Token: "canary-token-" + name})
		env.Setenv(name, server.URL())
		env.Setenv(name+"_ACCESS_KEY_ID", name+"KEY")
		env.Setenv(name+"_SECRET_ACCESS_KEY", "canary-secret-"+name)
		env.Setenv(name+"_SESSION_TOKEN", "canary-token-"+name)
	}
	s.dst.CreateBucket("out")
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("XFER_SOURCE_ENDPOINT", s.src.URL())
	env.Setenv("XFER_DEST_ENDPOINT", s.dst.URL())
	env.Setenv("XFER_SOURCE_CREDS", "env:SRC")
	env.Setenv("XFER_DEST_CREDS", "env:DST")
	env.Values["services"] = s
	return nil
}

func of(ts *testscript.TestScript) *services { return ts.Value("services").(*services) }

func number(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}

func putSynthetic(ts *testscript.TestScript, _ bool, args []string) {
	bucket, prefix, _ := strings.Cut(args[0], "/")
	of(ts).src.PutSyntheticMany(bucket, prefix, number(ts, args[1]), int64(number(ts, args[2])), 7)
}

func putFile(ts *testscript.TestScript, _ bool, args []string) {
	bucket, key, _ := strings.Cut(args[0], "/")
	of(ts).src.PutObject(bucket, key, []byte(ts.ReadFile(args[1])), s3sim.WithHeader("Content-Type", "text/x-story"), s3sim.WithHeader("X-Amz-Meta-Mission", "s1"))
}

func arrived(ts *testscript.TestScript, _ bool, args []string) {
	s := of(ts)
	keys := s.src.Keys(args[0])
	if len(keys) == 0 {
		ts.Fatalf("no objects in %s", args[0])
	}
	for _, key := range keys {
		from, _ := s.src.Object(args[0], key)
		to, ok := s.dst.Object(args[1], args[2]+key)
		if !ok || from.CRC != to.CRC || from.Size != to.Size {
			ts.Fatalf("%s: there %t, %d bytes with sum %x, want %d with %x", key, ok, to.Size, to.CRC, from.Size, from.CRC)
		}
	}
	if open := s.dst.OpenUploads(args[1]); len(open) > 0 {
		ts.Fatalf("uploads left open: %v", open)
	}
}

func requests(ts *testscript.TestScript, _ bool, args []string) {
	got := 0
	for _, server := range []*s3sim.Server{of(ts).src, of(ts).dst} {
		for _, n := range server.Counts() {
			got += n
		}
	}
	if want := number(ts, args[0]); got != want {
		ts.Fatalf("%d requests, want %d", got, want)
	}
}

func fault(ts *testscript.TestScript, _ bool, args []string) {
	f := s3sim.Fault{Kind: s3sim.Kind(args[1]), Key: args[2], Times: -1}
	if len(args) > 3 {
		if _, err := fmt.Sscanf(args[3], "%d:%s", &f.Status, &f.Code); err != nil {
			ts.Fatalf("fault %s: %v", args[3], err)
		}
	}
	server := of(ts).src
	if args[0] == "dst" {
		server = of(ts).dst
	}
	server.Inject(f)
}

func paid(ts *testscript.TestScript, _ bool, args []string) {
	of(ts).src.CreateBucket(args[0], s3sim.RequesterPays())
	of(ts).src.PutSyntheticMany(args[0], "x", 1, 10, 1)
}

func deny(ts *testscript.TestScript, _ bool, args []string) {
	server := of(ts).src
	if args[0] == "dst" {
		server = of(ts).dst
	}
	server.Deny(s3sim.Op(args[1]))
}
