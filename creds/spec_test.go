package creds

import (
	"strings"
	"testing"
)

func TestSpecsAreRead(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "aws",
		"aws":                                  "aws",
		"aws:night":                            "aws:night",
		"env:SRC":                              "env:SRC",
		"env:SRC_":                             "env:SRC",
		"file:/tmp/a b:c.env":                  "file:/tmp/a b:c.env",
		"process:/bin/keys --pass canary":      "process:/bin/keys …",
		"earthdata":                            "earthdata",
		"earthdata:https://tea.test":           "earthdata:https://tea.test",
		"eodh:my-workspace":                    "eodh:my-workspace",
		"eodh:https://h.test/api/workspaces/w": "eodh:https://h.test/api/workspaces/w",
		"web:https://h.test/keys?code=canary":  "web:https://h.test/keys?…",
		"web:http://127.0.0.1:8080/keys":       "web:http://127.0.0.1:8080/keys",
		"web:http://[::1]:8080/keys":           "web:http://[::1]:8080/keys",
		"anonymous":                            "anonymous",
	} {
		s, err := Parse(text)
		if err != nil || s.String() != want {
			t.Errorf("%q: got %q, %v", text, s, err)
		}
	}
}

func TestWrongSpecsSayWhatToWrite(t *testing.T) {
	for text, want := range map[string]string{
		"canary":                            "begins with none",
		"AKIAcanary:canary":                 "begins with none",
		"aws:":                              "aws:PROFILE",
		"env":                               "env:SRC",
		"env:1x":                            "env:SRC",
		"file:":                             "file:keys.env",
		"process:":                          "absolute path",
		"process:keys canary":               "absolute path",
		"process:/bin/keys 'canary":         "not closed",
		"earthdata:":                        "whole URL",
		"earthdata:http://tea.test/x":       "loopback only",
		"eodh":                              "eodh:my-workspace",
		"eodh:a b":                          "eodh:my-workspace",
		"eodh:https://user:canary@h.test/w": "user in its URL",
		"web:":                              "web:https://",
		"web:ftp://h.test":                  "not https",
		"web:https://h.test/#canary":        "fragment",
		"web:http://10.0.0.1/?canary":       "loopback only",
		"web:http://127.0.0.1.evil.test/":   "loopback only",
		"anonymous:x":                       "write anonymous",
	} {
		_, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "eodh:WORKSPACE") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: got %v, want %q and the accepted forms", text, err, want)
		}
	}
}
