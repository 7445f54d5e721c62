package s3store_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"testing"

	"xfer/engine"
	"xfer/internal/s3sim"
	"xfer/store/s3store"
)

// An arrival is an upload whose parts are all there.
type arrival struct {
	u     engine.Upload
	pin   engine.Pin
	parts []engine.Receipt
	sum   engine.Checksum
	data  []byte
}

const partSize = 64 << 10

// arrive begins an upload at a place and sends its three parts.
func arrive(t *testing.T, s *s3store.Store, at string) arrival {
	t.Helper()
	ctx := context.Background()
	a := arrival{data: randomBytes(t, 2*partSize+1000)}
	a.sum, a.pin = crcOf(a.data), engine.Pin{Size: int64(len(a.data)), ETag: `"x"`}
	id, err := s.Begin(ctx, at, a.pin)
	if err != nil {
		t.Fatal(err)
	}
	a.u = engine.Upload{ID: id, Destination: at, PartSize: partSize}
	for n := range 3 {
		span := engine.Range{Start: int64(n * partSize), End: min(int64(n+1)*partSize, a.pin.Size)}
		body := bodyOf(a.data[span.Start:span.End])
		etag, err := s.PutPart(ctx, a.u, a.pin, int32(n+1), span, body)
		if err != nil {
			t.Fatal(err)
		}
		a.parts = append(a.parts, engine.Receipt{Number: int32(n + 1), Size: span.Len(), ETag: etag, CRC: body.CRC()})
	}
	return a
}

func (a arrival) complete(s *s3store.Store) (engine.Stored, error) {
	return s.Complete(context.Background(), a.u, a.pin, a.parts, a.sum)
}

func (a arrival) resolve(s *s3store.Store) (engine.Resolution, engine.Stored, error) {
	return s.Resolve(context.Background(), a.u, a.pin, a.parts, a.sum)
}

// Whatever becomes of a Complete, its error and Resolve together tell the truth.
func TestCompleteAndResolveTellTheTruth(t *testing.T) {
	for name, row := range map[string]struct {
		fault s3sim.Fault
		want  error
		then  engine.Resolution
	}{
		"nothing, done":         {s3sim.Fault{Kind: s3sim.Empty200, Act: true}, engine.ErrAmbiguous, engine.Done},
		"nothing, not done":     {s3sim.Fault{Kind: s3sim.Empty200}, engine.ErrAmbiguous, engine.Open},
		"white space, done":     {s3sim.Fault{Kind: s3sim.Blank200, Act: true}, engine.ErrAmbiguous, engine.Done},
		"a web page":            {s3sim.Fault{Kind: s3sim.HTML200}, engine.ErrAmbiguous, engine.Open},
		"error in 200":          {s3sim.Fault{Kind: s3sim.Error200, Code: "InternalError"}, engine.ErrAmbiguous, engine.Open},
		"error in 200, done":    {s3sim.Fault{Kind: s3sim.Error200, Code: "InternalError", Act: true}, engine.ErrAmbiguous, engine.Done},
		"no ETag":               {s3sim.Fault{Kind: s3sim.NoETag}, engine.ErrAmbiguous, engine.Done},
		"reply lost":            {s3sim.Fault{Kind: s3sim.LostReply}, engine.ErrAmbiguous, engine.Done},
		"dropped":               {s3sim.Fault{Kind: s3sim.DropBefore}, engine.ErrAmbiguous, engine.Open},
		"reply cut":             {s3sim.Fault{Kind: s3sim.CutBody, Bytes: 100}, engine.ErrAmbiguous, engine.Done},
		"silence":               {s3sim.Fault{Kind: s3sim.StallStart}, engine.ErrAmbiguous, engine.Open},
		"500":                   {s3sim.Fault{Kind: s3sim.Fail, Status: 500, Code: "InternalError", Act: true}, engine.ErrAmbiguous, engine.Done},
		"504 of a proxy":        {s3sim.Fault{Kind: s3sim.Fail, Status: 504, NoHeader: true, Act: true}, engine.ErrAmbiguous, engine.Done},
		"503 of a proxy":        {s3sim.Fault{Kind: s3sim.Fail, Status: 503, NoHeader: true, Act: true}, engine.ErrAmbiguous, engine.Done},
		"slow down":             {s3sim.Fault{Kind: s3sim.Fail, Status: 503, Code: "SlowDown"}, engine.ErrThrottled, engine.Open},
		"conflict":              {s3sim.Fault{Kind: s3sim.Fail, Status: 409, Code: "ConditionalRequestConflict"}, engine.ErrUploadGone, engine.Open},
		"invalid part":          {s3sim.Fault{Kind: s3sim.Fail, Status: 400, Code: "InvalidPart"}, engine.ErrUploadGone, engine.Open},
		"bad digest":            {s3sim.Fault{Kind: s3sim.Fail, Status: 400, Code: "BadDigest"}, engine.ErrCorrupt, engine.Open},
		"denied":                {s3sim.Fault{Kind: s3sim.Fail, Status: 403, Code: "AccessDenied"}, engine.ErrDenied, engine.Open},
		"aborted by lifecycle":  {s3sim.Fault{Kind: s3sim.AbortUpload}, engine.ErrUploadGone, engine.Gone},
		"other echo":            {s3sim.Fault{Kind: s3sim.WrongChecksumEcho}, engine.ErrCorrupt, engine.Done},
		"gone without a reason": {s3sim.Fault{Kind: s3sim.Fail, Status: 404, NoHeader: true}, engine.ErrUploadGone, engine.Open},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim := start(t, s3sim.Config{})
			s := open(t, sim, impatient(row.fault))
			a := arrive(t, s, "s3://b/to")
			fault := row.fault
			fault.Op = s3sim.CompleteMultipartUpload
			sim.Inject(fault)
			_, err := a.complete(s)
			wantMeaning(t, err, row.want)
			got, st, err := a.resolve(s)
			if err != nil || got != row.then {
				t.Errorf("resolved to %v, %v; want %v", got, err, row.then)
			}
			if o, there := sim.Object("b", "to"); there != (got == engine.Done) || there && !bytes.Equal(o.Bytes(), a.data) {
				t.Errorf("object there: %t", there)
			}
			if got == engine.Done && st.Checksum != a.sum {
				t.Errorf("stored %+v", st)
			}
			if got == engine.Open {
				if st, err := a.complete(s); err != nil || st.Checksum != a.sum {
					t.Errorf("complete again: %+v, %v", st, err)
				}
			}
		})
	}
}

func TestResolveTrustsNoObjectButOurs(t *testing.T) {
	for _, notFound := range []bool{false, true} {
		sim := start(t, s3sim.Config{ReplayNotFound: notFound})
		s := open(t, sim)
		foreign := arrive(t, s, "s3://b/to")
		other := randomBytes(t, len(foreign.data)) // of the same size
		sim.PutObject("b", "to", other)
		if got, _, err := foreign.resolve(s); err != nil || got != engine.Open {
			t.Errorf("with a foreign object: %v, %v", got, err)
		}
		sim.AbortUpload("b", foreign.u.ID)
		if got, _, err := foreign.resolve(s); err != nil || got != engine.Gone {
			t.Errorf("with a foreign object and no upload: %v, %v", got, err)
		}
		a := arrive(t, s, "s3://b/mine")
		if _, err := a.complete(s); err != nil {
			t.Fatal(err)
		}
		if _, err := a.complete(s); notFound {
			wantMeaning(t, err, engine.ErrUploadGone)
		} else if err != nil {
			t.Errorf("a replay: %v", err)
		}
		if got, _, err := a.resolve(s); err != nil || got != engine.Done {
			t.Errorf("after a replay: %v, %v", got, err)
		}
	}
}

// Without checksums the ETag that follows from the parts tells our object.
func TestResolveByETagWhereNoChecksumIsKept(t *testing.T) {
	sim := start(t, s3sim.Config{})
	s := open(t, sim)
	a := arrive(t, s, "s3://b/to")
	if _, err := a.complete(s); err != nil {
		t.Fatal(err)
	}
	sim.Inject(s3sim.Fault{Kind: s3sim.HideChecksums, Op: s3sim.HeadObject, Times: 2})
	if got, st, err := a.resolve(s); err != nil || got != engine.Done || !st.Checksum.IsZero() {
		t.Errorf("%v, %+v, %v", got, st, err)
	}
	sum := md5.Sum(nil)
	a.parts[1].ETag = fmt.Sprintf(`"%x"`, sum)
	if got, _, err := a.resolve(s); err != nil || got == engine.Done {
		t.Errorf("other parts: %v, %v", got, err)
	}
}

func TestResolveWithoutTheRightToLook(t *testing.T) {
	sim := start(t, s3sim.Config{})
	s := open(t, sim)
	a := arrive(t, s, "s3://b/to")
	sim.Deny(s3sim.ListParts)
	if got, _, err := a.resolve(s); err != nil || got != engine.Gone {
		t.Errorf("no ListParts, no object: %v, %v", got, err)
	}
	sim.Deny(s3sim.HeadObject)
	_, _, err := a.resolve(s)
	wantMeaning(t, err, engine.ErrDenied)
	sim.Allow(s3sim.ListParts)
	if got, _, err := a.resolve(s); err != nil || got != engine.Open {
		t.Errorf("no HEAD: %v, %v", got, err)
	}
}

func TestCompleteIsToldTheWhole(t *testing.T) {
	sim := start(t, s3sim.Config{})
	s := open(t, sim)
	a := arrive(t, s, "s3://b/to")
	short := a
	short.parts = a.parts[:2]
	if _, err := short.complete(s); err == nil {
		t.Error("a forgotten part went unnoticed")
	}
	wrong := a
	wrong.sum = engine.NewCRC64NVME(1)
	_, err := wrong.complete(s)
	wantMeaning(t, err, engine.ErrCorrupt)
	if st, err := a.complete(s); err != nil || st.Checksum != a.sum {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestPartErrors(t *testing.T) {
	sim := start(t, s3sim.Config{})
	s := open(t, sim)
	ctx := context.Background()
	_, err := s.PutPart(ctx, engine.Upload{ID: "never", Destination: "s3://b/to"}, engine.Pin{}, 1, engine.Range{End: 3}, bodyOf([]byte("abc")))
	wantMeaning(t, err, engine.ErrUploadGone)
	a := arrive(t, s, "s3://b/to")
	for _, row := range []struct {
		fault s3sim.Fault
		want  error
	}{
		{s3sim.Fault{Kind: s3sim.WrongChecksumEcho}, engine.ErrCorrupt},
		{s3sim.Fault{Kind: s3sim.NoETag}, nil},
		{s3sim.Fault{Kind: s3sim.LostReply}, nil},
		{s3sim.Fault{Kind: s3sim.Fail, Status: 404, Code: "NoSuchBucket"}, engine.ErrNoStore},
	} {
		row.fault.Op, row.fault.Part = s3sim.UploadPart, 3
		sim.Inject(row.fault)
		_, err := s.PutPart(ctx, a.u, a.pin, 3, engine.Range{Start: 2 * partSize, End: a.pin.Size}, bodyOf(a.data[2*partSize:]))
		wantMeaning(t, err, row.want)
	}
	if _, err := a.complete(s); err != nil { // the last call won
		t.Error(err)
	}
	for _, fault := range []s3sim.Fault{{Kind: s3sim.Blank200}, {Kind: s3sim.HTML200}, {Kind: s3sim.LostReply}} {
		fault.Op = s3sim.CreateMultipartUpload
		sim.Inject(fault)
		_, err := s.Begin(ctx, "s3://b/lost", engine.Pin{})
		wantMeaning(t, err, nil)
	}
}

func TestPartSizeIsWhatS3Takes(t *testing.T) {
	s, err := s3store.Open(context.Background(), s3store.Config{Anonymous: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ size, want, part int64 }{
		{0, 0, 0}, {16 << 20, 0, 0}, {16<<20 + 1, 0, 16 << 20}, {1 << 40, 0, 128 << 20},
		{6 << 20, 1, 5 << 20}, {5 << 20, 1, 0}, {100 << 20, 8 << 20, 8 << 20}, {20 << 30, 6 << 30, 5 << 30},
		{5 << 30, 6 << 30, 0},
	} {
		if got := s.PartSize("s3://b/k", row.size, row.want); got != row.part {
			t.Errorf("PartSize(%d, %d) = %d, want %d", row.size, row.want, got, row.part)
		}
	}
}
