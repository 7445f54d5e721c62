package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// A server is a simulator in a process of its own.
type server struct {
	url   string
	cmd   *exec.Cmd
	stdin io.Closer // closing it ends the process
}

// startServer runs the s3simd at path and waits until it is ready.
func startServer(path string, args ...string) (*server, error) {
	cmd := exec.Command(path, args...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	s := &server{cmd: cmd, stdin: stdin}
	var ready struct {
		URL string `json:"url"`
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &ready)
	}
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	s.url = ready.URL
	return s, nil
}

func (s *server) stop() {
	_ = s.stdin.Close()
	_ = s.cmd.Wait()
}

// startPair runs the source and the destination of a scenario.
func startPair(path string, sc scenario) (from, to *server, err error) {
	cheap := []string{"-mode", "cheap", "-stdin", "-no-log"}
	from, err = startServer(path, append(cheap, "-synthetic", fmt.Sprintf("%s/%s:%d:%d", sourceBucket, prefix, sc.n, sc.size))...)
	if err != nil {
		return nil, nil, err
	}
	to, err = startServer(path, append(cheap, "-discard", "-bucket", destBucket)...)
	if err != nil {
		from.stop()
		return nil, nil, err
	}
	return from, to, nil
}
