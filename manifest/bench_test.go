package manifest

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"xfer/engine"
)

// writeLong writes a list of n rows that look like those of a satellite archive.
func writeLong(t testing.TB, path string, n int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for i := range n {
		fmt.Fprintf(w, "s3://src/SENTINEL-1/GRD_HD/SA/%03d/S1A_IW_GRDH_1SDV_%012d_%08X.zip\n", i/1000%1000, i*37, i*2654435761)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
}

// rowsFromEnv is how long the lists of the benchmarks are: a million rows, or XFER_BENCH_ROWS.
func rowsFromEnv(b *testing.B) int {
	n, err := strconv.Atoi(os.Getenv("XFER_BENCH_ROWS"))
	if err != nil {
		return 1_000_000
	}
	return n
}

func BenchmarkLoad(b *testing.B) {
	dir, n := b.TempDir(), rowsFromEnv(b)
	writeLong(b, filepath.Join(dir, "list.txt"), n)
	path := filepath.Join(dir, "job.xfer")
	for b.Loop() {
		j, err := OpenList(b.Context(), path, listOf(filepath.Join(dir, "list.txt")), Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/float64(n), "file-B/row")
		if err := os.Remove(path); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(peakMiB(b), "peak-MiB")
}

// peakMiB is the most memory the process ever had, mapped pages of the file included.
func peakMiB(b *testing.B) float64 {
	b.Helper()
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var kib float64
		if _, err := fmt.Sscanf(s.Text(), "VmHWM: %f kB", &kib); err == nil {
			return kib / 1024
		}
	}
	return 0
}

// BenchmarkOpen opens a job of which every row but the last is done, and reads what is left.
func BenchmarkOpen(b *testing.B) {
	dir, n := b.TempDir(), rowsFromEnv(b)
	list, path := filepath.Join(dir, "list.txt"), filepath.Join(dir, "job.xfer")
	writeLong(b, list, n)
	j, err := OpenList(b.Context(), path, listOf(list), Options{})
	if err != nil {
		b.Fatal(err)
	}
	results := make([]engine.Result, 0, 64<<10)
	for id := 1; id < n; id++ {
		results = append(results, copiedRow(engine.Object{ID: uint64(id)}, `"d41d8cd98f00b204e9800998ecf8427e"`, 1<<20))
		if len(results) == cap(results) || id == n-1 {
			if err := j.Settle(b.Context(), results); err != nil {
				b.Fatal(err)
			}
			results = results[:0]
		}
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		j, err := OpenList(b.Context(), path, listOf(list), Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := j.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		if page, err := j.Pending(b.Context(), 0); err != nil || len(page) != 1 {
			b.Fatalf("%d rows, %v", len(page), err)
		}
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRecord records receipts as many at a time as record gathers under load.
func BenchmarkRecord(b *testing.B) {
	for _, size := range []int{1, 64, 1024} {
		b.Run(fmt.Sprint("receipts=", size), func(b *testing.B) {
			dir := b.TempDir()
			writeList(b, filepath.Join(dir, "list.txt"), "a")
			j, err := OpenList(b.Context(), filepath.Join(dir, "job.xfer"), listOf(filepath.Join(dir, "list.txt")), Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			if err := j.Intend(b.Context(), 1, engine.Pin{Size: 1}, 1<<20, time.Now()); err != nil {
				b.Fatal(err)
			}
			receipts := make([]engine.Receipt, size)
			number := int32(0)
			for b.Loop() {
				for i := range receipts {
					number = number%10_000 + 1
					receipts[i] = engine.Receipt{ObjectID: 1, Number: number, Size: 1 << 20, ETag: `"d41d8cd98f00b204e9800998ecf8427e"`, CRC: 1}
				}
				if err := j.Record(b.Context(), receipts); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "receipts/s")
		})
	}
}

// BenchmarkSettle has many callers settle single rows at once, as group commit is meant for.
func BenchmarkSettle(b *testing.B) {
	dir := b.TempDir()
	list := filepath.Join(dir, "list.txt")
	writeLong(b, list, 200_000)
	j, err := OpenList(b.Context(), filepath.Join(dir, "job.xfer"), listOf(list), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	ids := make(chan uint64)
	go func() {
		for id := uint64(0); ; id++ {
			select {
			case ids <- id%200_000 + 1:
			case <-b.Context().Done():
				return
			}
		}
	}()
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := copiedRow(engine.Object{ID: <-ids}, `"e"`, 1)
			if err := j.Settle(b.Context(), []engine.Result{r}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkStream reads a stream, and reads it again: all rows new, then all known.
func BenchmarkStream(b *testing.B) {
	n := rowsFromEnv(b)
	rows := func(yield func(Row, error) bool) {
		for i := range n {
			if !yield(Row{Line: int64(i + 1), Source: fmt.Sprintf("s3://src/GRD_HD/SA/%03d/S1A_IW_GRDH_1SDV_%012d_%08X.zip", i/1000%1000, i*37, i*2654435761)}, nil) {
				return
			}
		}
	}
	path := filepath.Join(b.TempDir(), "job.xfer")
	for _, what := range []string{"new", "known"} {
		b.Run(what, func(b *testing.B) {
			for b.Loop() {
				if what == "new" {
					_ = os.Remove(path)
				}
				j, err := OpenStream(b.Context(), path, listOf("s3://src/"), Options{})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := j.Load(b.Context(), rows); err != nil {
					b.Fatal(err)
				}
				if err := j.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(peakMiB(b), "peak-MiB")
		})
	}
}

// BenchmarkMerge opens a job whose list has got one row more, every other row being done.
func BenchmarkMerge(b *testing.B) {
	n := rowsFromEnv(b)
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		list, path := filepath.Join(dir, "list.txt"), filepath.Join(dir, "job.xfer")
		writeLong(b, list, n)
		j, err := OpenList(b.Context(), path, listOf(list), Options{})
		if err != nil {
			b.Fatal(err)
		}
		var results []engine.Result
		for id := 1; id <= n; id += 2 {
			if results = append(results, copiedRow(engine.Object{ID: uint64(id)}, "e", 1)); len(results) == 16<<10 {
				if err := j.Settle(b.Context(), results); err != nil {
					b.Fatal(err)
				}
				results = results[:0]
			}
		}
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
		writeLong(b, list, n+1)
		b.StartTimer()
		if j, err = OpenList(b.Context(), path, listOf(list), Options{}); err != nil {
			b.Fatal(err)
		}
		if c := j.Change(); c.Added != 1 || c.Dropped != 0 {
			b.Fatalf("change = %+v", c)
		}
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(peakMiB(b), "peak-MiB")
}
