package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A Holder is the process that has a job open for writing, as its lock file says.
type Holder struct {
	PID      int             `json:"pid"`
	Host     string          `json:"host"`
	Started  time.Time       `json:"started"`
	Command  string          `json:"command,omitempty"`
	Progress json.RawMessage `json:"progress,omitempty"` // what it last gave to Publish
}

func (h Holder) String() string {
	return fmt.Sprintf("xfer pid %d on host %s since %s", h.PID, h.Host, h.Started.Format("2006-01-02 15:04"))
}

// ReadHolder tells who has the job file at path open for writing. ok is false
// when nobody has; a lock file that a killed process left behind does not count.
func ReadHolder(path string) (h Holder, ok bool, err error) {
	f, err := os.OpenFile(lockPath(path), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return Holder{}, false, nil
	}
	if err != nil {
		return Holder{}, false, fmt.Errorf("read lock: %w", err)
	}
	defer f.Close()
	err = flock(f, unix.LOCK_SH|unix.LOCK_NB)
	if err == nil { // nobody holds it, and closing f gives it back
		return Holder{}, false, nil
	}
	if !errors.Is(err, unix.EWOULDBLOCK) {
		return Holder{}, false, fmt.Errorf("read lock: %w", err)
	}
	return holderIn(f), true, nil
}

// holderIn reads a lock file; zero when it cannot be read. Its writer may be
// about to write it, hence the second look.
func holderIn(f *os.File) (h Holder) {
	for range 3 {
		text, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
		if err == nil && json.Unmarshal(bytes.TrimSpace(text), &h) == nil {
			return h
		}
		h = Holder{}
	}
	return h
}

func lockPath(path string) string { return path + ".lock" }

// A lock is held by the one process that may write a job file. It is a file of
// its own beside it, because the job file may be replaced by rename.
type lock struct {
	path string
	file *os.File

	mu     sync.Mutex // guards the contents of file
	holder Holder
	length int // of the file
}

// acquire takes the lock of the job file at path, or returns ErrInUse at once.
func acquire(path, command string) (*lock, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	l := &lock{path: lockPath(path), holder: Holder{
		PID: os.Getpid(), Host: host, Started: time.Now().Round(time.Second), Command: command,
	}}
	for {
		f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
		if err != nil {
			return nil, fmt.Errorf("lock job file: %w", err)
		}
		err = flock(f, unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EWOULDBLOCK):
			holder := holderIn(f)
			f.Close()
			return nil, inUse(path, holder)
		case err != nil:
			f.Close()
			return nil, fmt.Errorf("lock %s: the file system does not support flock: %w", l.path, err)
		}
		if sameFile(f, l.path) {
			l.file = f
			break
		}
		f.Close() // its holder removed it between open and flock
	}
	if err := l.write(); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

func inUse(path string, h Holder) error {
	if h.PID == 0 {
		return fmt.Errorf("%w: %s, by a process that does not say who it is", ErrInUse, filepath.Base(path))
	}
	return fmt.Errorf("%w: %s, by %s", ErrInUse, filepath.Base(path), h)
}

// write puts holder into the file in one write that never makes it shorter, so
// that a reader sees the one text or the other.
func (l *lock) write() error {
	text, err := json.Marshal(l.holder)
	if err != nil {
		return fmt.Errorf("write lock: %w", err)
	}
	text = append(text, '\n')
	if len(text) < l.length {
		text = append(text, bytes.Repeat([]byte(" "), l.length-len(text))...)
	}
	if l.length == 0 {
		if err := l.file.Truncate(0); err != nil { // what a killed process left
			return fmt.Errorf("write lock: %w", err)
		}
	}
	l.length = len(text)
	if _, err := l.file.WriteAt(text, 0); err != nil {
		return fmt.Errorf("write lock: %w", err)
	}
	return nil
}

// release gives the lock back. The file is removed while the lock is still
// held; who opened it meanwhile sees, once it has the lock, that its file is gone.
func (l *lock) release() {
	if sameFile(l.file, l.path) {
		_ = os.Remove(l.path) // left behind, it is only taken over
	}
	l.file.Close()
}

// Publish shows progress to readers of ReadHolder. progress is JSON; it is
// written as it is and not kept beyond the end of the process.
func (j *Job) Publish(progress []byte) error {
	if j.lock == nil {
		return ErrClosed
	}
	if !json.Valid(progress) {
		return errors.New("publish progress: not JSON")
	}
	l := j.lock
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holder.Progress = append(l.holder.Progress[:0], progress...)
	return l.write()
}

// sameFile reports whether path names the open file f.
func sameFile(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(open, there)
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
