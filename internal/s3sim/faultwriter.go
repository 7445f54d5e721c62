package s3sim

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// faultWriter spoils a reply on its way out.
type faultWriter struct {
	http.ResponseWriter
	c     *call
	sent  int64 // body bytes so far
	ended bool  // nothing more may go out
}

// dripEvery is SlowDrip's pace unless the fault has its own.
const dripEvery = time.Second

var errCut = errors.New("reply cut by a fault")

func (w *faultWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *faultWriter) WriteHeader(status int) {
	w.spoilHeader()
	w.ResponseWriter.WriteHeader(status)
}

func (w *faultWriter) spoilHeader() {
	h, c := w.Header(), w.c
	if h.Get("ETag") != "" && c.flag(NoETag) {
		h.Del("ETag")
	}
	for _, a := range algorithms {
		value := h.Get(a.header())
		if value == "" {
			continue
		}
		if c.flag(HideChecksums) {
			h.Del(a.header())
			h.Del("x-amz-checksum-type")
		} else if c.flag(WrongChecksumEcho) {
			h.Set(a.header(), otherChecksum(value))
		}
	}
	if c.faults.find(ShortBody) != nil {
		h.Del("Content-Length")
		h.Set("Transfer-Encoding", "identity") // net/http then ends the body by closing
		h.Set("Connection", "close")
	}
	if a := c.faults.find(LongBody); a != nil {
		if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil {
			c.setSize("Content-Length", n+a.fault.Bytes)
		}
	}
}

func (w *faultWriter) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		if w.ended {
			return total - len(p), errCut
		}
		n, err := w.step(p)
		w.sent += int64(n)
		p = p[n:]
		if err != nil {
			return total - len(p), err
		}
	}
	return total, nil
}

// step writes up to the next place where a fault waits, and lets it act there.
func (w *faultWriter) step(p []byte) (int, error) {
	next := p
	for _, a := range w.c.faults {
		at := a.fault.Bytes
		switch a.fault.Kind {
		case CutBody, ShortBody, Stall:
			if at == w.sent {
				if err := w.interrupt(a); err != nil {
					return 0, err
				}
			}
		case FlipBit:
			if at == w.sent {
				a.fired.Add(1)
				return w.ResponseWriter.Write([]byte{p[0] ^ 0x10})
			}
		case SlowDrip:
			if w.sent >= at {
				return w.drip(a, p)
			}
		default:
			continue
		}
		if at > w.sent {
			next = next[:min(int64(len(next)), at-w.sent)]
		}
	}
	return w.ResponseWriter.Write(next)
}

// interrupt does what has to happen at this very place of the body.
func (w *faultWriter) interrupt(a *Armed) error {
	w.flush()
	a.fired.Add(1)
	switch a.fault.Kind {
	case CutBody:
		w.ended = true
		w.c.drop(a.fault.Reset)
		return errCut
	case ShortBody:
		w.ended = true
		return errCut
	}
	if w.c.s.wait(w.c.r.Context(), a.fault.Delay) {
		return nil
	}
	w.ended = true
	w.c.drop(false)
	return errCut
}

func (w *faultWriter) drip(a *Armed, p []byte) (int, error) {
	a.fired.CompareAndSwap(0, 1)
	every := a.fault.Delay
	if every == 0 {
		every = dripEvery
	}
	w.flush()
	if !w.c.s.wait(w.c.r.Context(), every) {
		w.ended = true
		w.c.drop(false)
		return 0, errCut
	}
	n, err := w.ResponseWriter.Write(p[:1])
	w.flush()
	return n, err
}

func (w *faultWriter) flush() {
	_ = http.NewResponseController(w.ResponseWriter).Flush() // a writer that cannot flush sends later
}

// finish does what comes behind the operation's own reply.
func (w *faultWriter) finish() {
	if a := w.c.faults.find(LongBody); a != nil && !w.ended && w.c.r.Method != http.MethodHead {
		a.fired.Add(1)
		w.c.write([]byte(strings.Repeat("+", int(a.fault.Bytes))))
	}
	if a := w.c.faults.find(CloseAfter); a != nil && !w.ended {
		a.fired.Add(1)
		w.flush()
		w.c.drop(a.fault.Reset)
	}
}

// otherChecksum is a well-formed checksum that is not this one.
func otherChecksum(value string) string {
	if strings.HasPrefix(value, "A") {
		return "B" + value[1:]
	}
	return "A" + value[1:]
}
