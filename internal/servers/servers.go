package servers

import (
	"os"
	"path/filepath"
	"testing"
)

// A Server is a running S3 server.
type Server struct {
	URL       string // http://127.0.0.1:PORT
	AccessKey string // of its root user, who may do everything
	SecretKey string
	Region    string // that requests are signed for
	Dir       string // where it keeps its data
}

// Options say how to start a server. Zero fields have defaults.
type Options struct {
	Dir       string // where to keep data; default: a temporary folder of the test
	AccessKey string
	SecretKey string // at least 8 bytes, which MinIO asks for
}

// Versity starts a versitygw over a folder, in which each bucket is a folder.
func Versity(t testing.TB) Server {
	t.Helper()
	return VersityWith(t, Options{})
}

// VersityWith is Versity with options.
func VersityWith(t testing.TB, o Options) Server {
	t.Helper()
	return start(t, o, server{
		name: "versitygw",
		args: func(address, dir string) []string {
			return []string{"--port", address, "--quiet", "posix", dir}
		},
		env: func(o Options) []string {
			return []string{"ROOT_ACCESS_KEY_ID=" + o.AccessKey, "ROOT_SECRET_ACCESS_KEY=" + o.SecretKey}
		},
	})
}

// MinIO starts a MinIO over a folder.
func MinIO(t testing.TB) Server {
	t.Helper()
	return MinIOWith(t, Options{})
}

// MinIOWith is MinIO with options.
func MinIOWith(t testing.TB, o Options) Server {
	t.Helper()
	return start(t, o, server{
		name: "minio",
		args: func(address, dir string) []string {
			return []string{"server", "--quiet", "--address", address, "--certs-dir", filepath.Join(dir, "..", "certs"), dir}
		},
		env: func(o Options) []string {
			return []string{"MINIO_ROOT_USER=" + o.AccessKey, "MINIO_ROOT_PASSWORD=" + o.SecretKey, "MINIO_BROWSER=off", "MINIO_UPDATE=off"}
		},
	})
}

// program finds a server's program, or ends the test.
func program(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("XFER_TEST_SERVERS")
	if dir == "" {
		t.Skipf("XFER_TEST_SERVERS is not set, so there is no %s; `make test` builds it", name)
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("find %s in XFER_TEST_SERVERS: %v", name, err)
	}
	return path
}
