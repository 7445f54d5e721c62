package s3sim_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"xfer/internal/s3sim"
)

// cpu is the user and system time of this process in seconds; both sides of a
// benchmark's connection are in it.
func cpu(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

func dial(b *testing.B, s *s3sim.Server) net.Conn {
	b.Helper()
	conn, err := net.Dial("tcp", s.URL()[len("http://"):])
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return conn
}

// onlyWriter hides ReadFrom, so that the benchmark's own buffer is used.
type onlyWriter struct{ io.Writer }

// The client of these two is a bare socket, so that the numbers are nearly the
// server's alone.
func BenchmarkGetSynthetic(b *testing.B) {
	const size = 1 << 30
	s := start(b, s3sim.CheapConfig())
	s.PutSynthetic("b", "k", size, 1)
	conn := dial(b, s)
	replies := bufio.NewReaderSize(conn, 64<<10)
	buf := make([]byte, 1<<20)
	b.SetBytes(size)
	before := cpu(b)
	for b.Loop() {
		fmt.Fprintf(conn, "GET /b/k HTTP/1.1\r\nHost: h\r\n\r\n")
		resp, err := http.ReadResponse(replies, nil)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.CopyBuffer(onlyWriter{io.Discard}, resp.Body, buf); n != size || err != nil {
			b.Fatalf("read %d bytes: %v", n, err)
		}
	}
	b.ReportMetric((cpu(b)-before)/float64(b.N), "cpu-s/GiB")
}

func BenchmarkPutDiscard(b *testing.B) {
	const size, buffer = 1 << 30, 1 << 20
	for name, headers := range map[string]string{
		"plain": fmt.Sprintf("Content-Length: %d\r\n\r\n", size),
		"framed": fmt.Sprintf("Content-Length: %d\r\nx-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n"+
			"x-amz-decoded-content-length: %d\r\n\r\n%x\r\n", 10+size+7, size, size),
	} {
		b.Run(name, func(b *testing.B) {
			cfg := s3sim.CheapConfig()
			cfg.Discard = true
			s := start(b, cfg)
			conn := dial(b, s)
			replies := bufio.NewReader(conn)
			buf := make([]byte, buffer)
			b.SetBytes(size)
			before := cpu(b)
			for b.Loop() {
				fmt.Fprintf(conn, "PUT /b/k HTTP/1.1\r\nHost: h\r\n%s", headers)
				for sent := 0; sent < size; sent += len(buf) {
					if _, err := conn.Write(buf); err != nil {
						b.Fatal(err)
					}
				}
				if name == "framed" {
					fmt.Fprint(conn, "\r\n0\r\n\r\n")
				}
				if resp, err := http.ReadResponse(replies, nil); err != nil || resp.StatusCode != 200 {
					b.Fatalf("reply %v, %v", resp, err)
				}
			}
			b.ReportMetric((cpu(b)-before)/float64(b.N), "cpu-s/GiB")
		})
	}
}

// The client is net/http in the same process, and its time counts too.
func BenchmarkSmallGet(b *testing.B) {
	for name, cfg := range map[string]s3sim.Config{"cheap": s3sim.CheapConfig(), "signed": {}} {
		b.Run(name, func(b *testing.B) { smallGet(b, cfg) })
	}
}

func smallGet(b *testing.B, cfg s3sim.Config) {
	s := start(b, cfg)
	s.PutSynthetic("b", "k", 1000, 1)
	signed, err := s3.NewPresignClient(client(s, testKey)).PresignGetObject(context.Background(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	if err != nil {
		b.Fatal(err)
	}
	httpClient := &http.Client{Transport: &http.Transport{}}
	b.Cleanup(httpClient.CloseIdleConnections)
	before := cpu(b)
	for b.Loop() {
		resp, err := httpClient.Get(signed.URL)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	b.ReportMetric((cpu(b)-before)/float64(b.N)*1000, "cpu-ms/request")
}
