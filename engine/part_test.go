package engine

import (
	"testing"

	"pgregory.net/rapid"
)

func TestPartsTileTheObject(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, 60<<40).Draw(t, "size")
		want := rapid.Int64Range(0, 5<<30).Draw(t, "want")
		partSize := PartSize(size, want)
		n := partCount(size, partSize)
		if n < 1 || n > MaxParts {
			t.Fatalf("%d parts", n)
		}
		if want > 0 && partSize < want {
			t.Fatalf("part size %d is below the wish of %d", partSize, want)
		}
		var end int64
		for _, i := range []int32{1, 2, n / 2, n - 1, n} {
			if i < 1 || i > n {
				continue
			}
			r := partRange(size, partSize, i)
			if r.Start != int64(i-1)*partSize || r.Len() < 1 || r.Len() > partSize || (i < n && r.Len() != partSize) {
				t.Fatalf("part %d of %d is %v", i, n, r)
			}
			end = r.End
		}
		if end != size {
			t.Fatalf("the last part ends at %d of %d", end, size)
		}
	})
}
