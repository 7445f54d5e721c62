package storetest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"xfer/engine"
	"xfer/internal/storetest"
)

func TestMemFaultsTakeTheirShare(t *testing.T) {
	lost, broke := errors.New("lost"), errors.New("broke")
	ctx := context.Background()
	var faults []storetest.Fault
	m := &storetest.Mem{Hook: func(c storetest.Call) storetest.Fault { return faults[c.Total-1] }}
	data := bytes.Repeat([]byte("wave"), 1000)
	pin := m.Keep("a", data)

	faults = []storetest.Fault{
		storetest.After(10, broke),
		{Flip: true},
		storetest.Late(lost),
		storetest.Fail(broke),
	}
	_, r, err := m.Open(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); len(got) != 10 || !errors.Is(err, broke) {
		t.Errorf("cut read: %d bytes, %v", len(got), err)
	}
	r, err = m.OpenRange(ctx, "a", pin, engine.Range{End: pin.Size})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || bytes.Equal(got, data) {
		t.Errorf("flipped read: equal or %v", err)
	}
	body := func() *engine.Body { return engine.NewBody(bytes.NewReader(data), pin.Size, engine.Checksum{}, nil) }
	if _, err := m.Put(ctx, "b", pin, body()); !errors.Is(err, lost) {
		t.Errorf("late put: %v", err)
	}
	if got, _, ok := m.Get("b"); !ok || !bytes.Equal(got, data) {
		t.Error("late put: nothing stored")
	}
	if _, err := m.Put(ctx, "c", pin, body()); !errors.Is(err, broke) {
		t.Errorf("failed put: %v", err)
	}
	if _, _, ok := m.Get("c"); ok {
		t.Error("failed put: stored")
	}
	if m.Fired() != 4 || m.Count(storetest.OpPut) != 2 || len(m.Arrivals()) != 1 {
		t.Errorf("fired %d, puts %d, arrivals %d", m.Fired(), m.Count(storetest.OpPut), len(m.Arrivals()))
	}
}

func TestMem(t *testing.T) {
	m := &storetest.Mem{MinPart: 1000}
	storetest.Run(t, storetest.Harness{
		Source:      m,
		Destination: m,
		Place:       func(name string) string { return "mem://" + name },
		Seed:        func(_ *testing.T, at string, data []byte) { m.Keep(at, data) },
		Look: func(_ *testing.T, at string) ([]byte, bool) {
			data, _, ok := m.Get(at)
			return data, ok
		},
		Leftovers: func(*testing.T) []string { return m.OpenUploads() },
		PartSize:  1000,
	})
}
