package storetest

import (
	"bytes"
	"io"
)

// An Op names a method of engine.Source or engine.Destination that does
// something.
type Op string

// The operations of a store.
const (
	OpStat      Op = "stat"
	OpOpen      Op = "open"
	OpOpenRange Op = "open range"
	OpBegin     Op = "begin"
	OpSweep     Op = "sweep"
	OpPut       Op = "put"
	OpPutPart   Op = "put part"
	OpComplete  Op = "complete"
	OpResolve   Op = "resolve"
	OpAbort     Op = "abort"
)

// A Call is one call to a Mem, as its hook sees it.
type Call struct {
	Op     Op
	At     string // the object's place
	Number int32  // of the part, for OpPutPart
	Nth    int    // from 1: the how-manieth call of this Op to this Mem
	Total  int    // from 1: the how-manieth call of any Op
}

// A Fault is what goes wrong with one call. The zero Fault is none.
type Fault struct {
	// Err is what the call returns, or what reading the opened bytes ends with
	// if Cut is set.
	Err error

	// Late lets the call take effect before Err is returned: its answer was lost.
	Late bool

	// Cut lets bytes pass before Err: of the reader that a read opens, of the
	// body that a write is given. Nil means that none is touched.
	Cut *int64

	// Flip inverts one bit of the bytes on their way.
	Flip bool
}

// After is a Fault that breaks off with err once n bytes have passed.
func After(n int64, err error) Fault { return Fault{Err: err, Cut: &n} }

// Late is a Fault whose call takes effect, but answers with err.
func Late(err error) Fault { return Fault{Err: err, Late: true} }

// Fail is a Fault whose call does nothing and answers with err.
func Fail(err error) Fault { return Fault{Err: err} }

func (f Fault) none() bool { return f.Err == nil && !f.Flip }

// early is what a call returns before it does anything.
func (f Fault) early() error {
	if f.Late || f.Cut != nil {
		return nil
	}
	return f.Err
}

// late is what a call returns after it took effect.
func (f Fault) late() error {
	if f.Late {
		return f.Err
	}
	return nil
}

// bytes is a reader of data, of which the fault takes its share.
func (f Fault) bytes(data []byte) io.Reader {
	if f.Flip && len(data) > 0 {
		data = bytes.Clone(data)
		data[len(data)/2] ^= 1
	}
	r := io.Reader(bytes.NewReader(data))
	if f.Cut == nil || f.Err == nil {
		return r
	}
	return io.MultiReader(io.LimitReader(r, *f.Cut), failing{f.Err})
}

type failing struct{ err error }

func (r failing) Read([]byte) (int, error) { return 0, r.err }
