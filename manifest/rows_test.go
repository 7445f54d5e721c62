package manifest

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestBlockGivesBackWhatWasPutIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.StringMatching(`s3://[ab]{1,2}/[ab/]{0,6}`), rapid.String())
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) place {
			return place{rapid.Int64Range(-5, 1<<40).Draw(t, "line"), name.Draw(t, "source"), name.Draw(t, "destination")}
		}), 1, rowsPerBlock).Draw(t, "rows")
		key := numberKey(7)
		value, err := seal(key, encodeBlock(rows))
		if err != nil {
			t.Fatal(err)
		}
		var record blockRecord
		if err := unseal(key, value, &record); err != nil {
			t.Fatal(err)
		}
		got, err := decodeBlock(record)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, rows) {
			t.Fatalf("got %+v, want %+v", got, rows)
		}
	})
}

func FuzzUnseal(f *testing.F) {
	key := numberKey(1)
	value, err := seal(key, encodeBlock([]place{{1, "s3://a/b", "s3://c/b"}, {2, "s3://a/c", "s3://c/c"}}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value[1 : len(value)-4])
	f.Fuzz(func(t *testing.T, payload []byte) {
		// With a right checksum, so that the decoder sees what it is given.
		value := append([]byte{recordVersion}, payload...)
		sum := checksum(key, value)
		value = append(value, byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum))
		var block blockRecord
		if unseal(key, value, &block) == nil {
			_, _ = decodeBlock(block)
		}
		for _, v := range []any{new(header), new(sums), new(stateRecord), new(doneRecord), new(uploadRecord), new(partRecord), new(lostRecord)} {
			_ = unseal(key, value, v)
		}
	})
}

func TestUnsealRefusesAnyFlippedBit(t *testing.T) {
	key := numberKey(1)
	value, err := seal(key, partRecord{Size: 5, ETag: `"e"`, CRC: 9})
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(value) * 8 {
		bad := slices.Clone(value)
		bad[bit/8] ^= 1 << (bit % 8)
		if unseal(key, bad, new(partRecord)) == nil {
			t.Fatalf("bit %d does not matter", bit)
		}
	}
	if unseal(numberKey(2), value, new(partRecord)) == nil {
		t.Error("a value passes under another key")
	}
}
