package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A server is how one kind of server is started.
type server struct {
	name string // of the program
	args func(address, dir string) []string
	env  func(Options) []string
}

const (
	readyWithin = 30 * time.Second
	endsWithin  = 5 * time.Second
)

// start runs a server until the test ends. Between finding a free port and using
// it someone else may take it, so it tries a few.
func start(t testing.TB, o Options, s server) Server {
	t.Helper()
	path := program(t, s.name)
	home := t.TempDir()
	if o.Dir == "" {
		o.Dir = filepath.Join(home, "data")
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if o.AccessKey == "" {
		o.AccessKey, o.SecretKey = "xferroot", "xferrootsecret"
	}
	var err error
	for range 3 {
		var address string
		if address, err = freeAddress(); err != nil {
			break
		}
		if err = s.run(t, path, home, address, o); err == nil {
			return Server{URL: "http://" + address, AccessKey: o.AccessKey, SecretKey: o.SecretKey, Region: "us-east-1", Dir: o.Dir}
		}
	}
	t.Fatalf("start %s: %v", s.name, err)
	return Server{}
}

// run starts the program and returns once it is ready. It is stopped when the test
// ends, or at once if it does not become ready.
func (s server) run(t testing.TB, path, home, address string, o Options) error {
	log, err := os.Create(filepath.Join(home, s.name+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(path, s.args(address, o.Dir)...)
	cmd.Env = append(s.env(o), "HOME="+home, "PATH="+os.Getenv("PATH"))
	cmd.Dir = home
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended matters only before it was ready
		close(ended)
	}()
	if err := ready("http://"+address+"/", ended); err != nil {
		stop(cmd, ended)
		said, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%w; it said:\n%s", err, said[max(0, len(said)-4096):])
	}
	t.Cleanup(func() { stop(cmd, ended) })
	return nil
}

// ready asks without keys until the server refuses that, which takes its user
// database; health addresses answer earlier. It gives up once the server has ended.
func ready(url string, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // and no proxy
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if reply, err := client.Do(req); err == nil {
			reply.Body.Close()
			if reply.StatusCode == http.StatusForbidden {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ended:
			return errors.New("it ended before it was ready")
		case <-ctx.Done():
			return fmt.Errorf("not ready within %v", readyWithin)
		}
	}
}

// stop ends this one process and waits until it has gone.
func stop(cmd *exec.Cmd, ended <-chan struct{}) {
	_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended on its own
	select {
	case <-ended:
		return
	case <-time.After(endsWithin):
	}
	_ = cmd.Process.Kill()
	<-ended
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
