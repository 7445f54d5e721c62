package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"xfer/internal/s3sim"
)

func TestRunSaysReadyServesAndEndsWithStdin(t *testing.T) {
	stdin, closeStdin := io.Pipe()
	stdout, say := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run([]string{
			"-mode", "cheap", "-discard", "-bucket", "dst", "-synthetic", "src/a:b/:4:1000", "-vendor", "tea", "-vendor-token", "t", "-lifetime", "2s",
		}, stdin, say)
	}()
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var r ready
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatal(err)
	}
	c := s3sim.NewControl(r.URL, nil)
	objects, err := c.Objects(context.Background(), "src", "a:b/")
	if err != nil || len(objects) != 4 || objects[3].Size != 1000 {
		t.Errorf("objects %+v, %v", objects, err)
	}
	req, err := http.NewRequest("GET", r.Vendor, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer t")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("vendor: %s", resp.Status)
	}
	closeStdin.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestBadFlagsAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"-mode", "x"}, {"-vendor", "x"}, {"-synthetic", "b"}, {"-synthetic", "b/p:x:1"}, {"-synthetic", "b/p:1:x"}, {"-key", "x"},
		{"-addr", "0.0.0.0:0"},
	} {
		if err := run(args, nil, io.Discard); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
