package creds

import (
	"bytes"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/git-lfs/go-netrc/netrc"
)

// netrcLogin looks up the login for the host of at in the file that NETRC names,
// or else ~/.netrc or ~/_netrc. A machine may be written with its port. The
// default machine is not used: a password must be meant for the host that gets
// it. No file and no such machine are no error and give no password. path is
// the file that was read.
func netrcLogin(getenv func(string) string, at *url.URL) (l login, path string, err error) {
	path, ok := netrcPath(getenv)
	if !ok {
		return login{}, "", nil
	}
	data, _, err := readPrivate(path)
	if err != nil {
		return login{}, path, err
	}
	file, err := netrc.Parse(bytes.NewReader(data))
	if err != nil {
		return login{}, path, &Fault{Kind: ErrSetup, Text: "read " + path + ": it is not a netrc file"}
	}
	for _, name := range []string{at.Host, at.Hostname()} {
		if m := file.FindMachine(name, ""); m != nil && !m.IsDefault() && m.Login != "" {
			return login{user: m.Login, password: NewSecret(m.Password)}, path, nil
		}
	}
	return login{}, path, nil
}

func netrcPath(getenv func(string) string) (string, bool) {
	if path := getenv("NETRC"); path != "" {
		return path, true
	}
	home := getenv("HOME")
	if home == "" {
		home = getenv("USERPROFILE")
	}
	if home == "" {
		return "", false
	}
	for _, name := range []string{".netrc", "_netrc"} {
		path := filepath.Join(home, name)
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, true
		}
	}
	return "", false
}
