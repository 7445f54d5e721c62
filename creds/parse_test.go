package creds

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestKeysOfEveryVendorAreRead(t *testing.T) {
	for name, text := range map[string]string{
		"thin egress app":    `{"accessKeyId":"ASIA1","secretAccessKey":"s3/cr+t=","sessionToken":"tok","expiration":"2026-01-02 12:00:00+00:00"}`,
		"eodh":               `{"accessKeyId":"ASIA1","secretAccessKey":"s3/cr+t=","sessionToken":"tok","expiration":"2026-01-02T12:00:00Z"}`,
		"eodh, old":          `{"accessKeyId":"ASIA1","secret":"s3/cr+t=","sessionToken":"tok","expiration":"2026-01-02 12:00:00 +0000 UTC"}`,
		"credential process": `{"Version":1,"AccessKeyId":"ASIA1","SecretAccessKey":"s3/cr+t=","SessionToken":"tok","Expiration":"2026-01-02T12:00:00Z"}`,
		"container":          `{"AccessKeyId":"ASIA1","SecretAccessKey":"s3/cr+t=","Token":"tok","Expiration":"2026-01-02T12:00:00Z","AccountId":""}`,
		"sts json":           `{"Credentials":{"AccessKeyId":"ASIA1","SecretAccessKey":"s3/cr+t=","SessionToken":"tok","Expiration":1767355200}}`,
		"snake":              `{"aws_access_key_id":"ASIA1","aws_secret_access_key":"s3/cr+t=","aws_session_token":"tok","expiration":1767355200000,"authorized_s3_paths":[]}`,
		"vague beside sure":  `{"access_id":"ASIA1","secret":"s3/cr+t=","token":"other","sessionToken":"tok","expires":"3600","expiration":"2026-01-02T12:00:00Z"}`,
		"bom":                "\xef\xbb\xbf" + `{"accessKeyId":"ASIA1","secretAccessKey":"s3/cr+t=","sessionToken":"tok","expiration":"2026-01-02T12:00:00.000Z"}`,
		"sts xml": `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
			<AssumedRoleUser><Arn>arn</Arn></AssumedRoleUser><Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s3/cr+t=</SecretAccessKey>
			<SessionToken> tok </SessionToken><Expiration>2026-01-02T12:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
		"env, bare":     "ACCESS_KEY_ID=ASIA1\nSECRET_ACCESS_KEY=s3/cr+t=\nSESSION_TOKEN=tok\nEXPIRATION=2026-01-02T12:00:00Z\n",
		"env, exported": "# keys\r\nexport AWS_ACCESS_KEY_ID=\"ASIA1\"\r\nexport AWS_SECRET_ACCESS_KEY='s3/cr+t=';\r\nexport AWS_SESSION_TOKEN=\"tok\"\r\nexport AWS_SESSION_EXPIRATION=2026-01-02T12:00:00Z\r\n",
		"profile":       "[default]\naws_access_key_id = ASIA1\naws_secret_access_key = s3/cr+t=\naws_session_token = tok\nexpiration = 2026-01-02T12:00:00Z\nregion = eu-west-2\n",
		"popup":         "Access Key ID: ASIA1\nSecret Access Key: s3/cr+t=\nSession Token: tok\nExpiration: 2026-01-02 12:00:00 +0000 UTC\n",
		"popup, broken": "Access Key ID:\nASIA1\n\nSecret Access Key\ns3/cr+t=\nSession Token:\n  tok\nExpiration:\n2026-01-02 12:00:00 +0000 UTC\n",
	} {
		k, err := parseKeys([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := []string{k.AccessKeyID, k.SecretAccessKey.Reveal(), k.SessionToken.Reveal(), k.Expires.Format(time.RFC3339)}
		want := []string{"ASIA1", "s3/cr+t=", "tok", "2026-01-02T12:00:00Z"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestWhatHoldsNoKeysIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "empty",
		"hello":                        "no keys",
		"{}":                           "no keys",
		"[]":                           "no keys",
		"{":                            "not whole JSON",
		`{"accessKeyId":"canary"}`:     "no secret access key",
		`{"secretAccessKey":"canary"}`: "no access key id",
		"<!DOCTYPE html><p>log in":     "web page",
		"\n <HTML lang=en>":            "web page",
		"<a><b>":                       "not whole XML",
		`{"accessKeyId":"A","secretAccessKey":"canary canary"}`:                                        "characters that no key has",
		`{"accessKeyId":"A","secretAccessKey":"canary","expiration":"tomorrow"}`:                       "not a time",
		`{"accessKeyId":"A","secretAccessKey":"canary","expiration":17}`:                               "not of seconds",
		"[a]\naws_access_key_id=canary1\n[b]\naws_access_key_id=canary2\naws_secret_access_key=canary": "more than one set",
	} {
		_, err := parseKeys([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestEverySpellingOfTheExpiryIsRead(t *testing.T) {
	for _, text := range []string{
		"2026-01-02T12:00:00Z", "2026-01-02T12:00:00.000000Z", "2026-01-02T13:00:00+01:00", "2026-01-02T12:00:00+0000",
		"2026-01-02 12:00:00+00:00", "2026-01-02 12:00:00.000001+00:00", "2026-01-02 13:00:00+0100", "2026-01-02 12:00:00Z",
		"2026-01-02 12:00:00 +0000 UTC", "2026-01-02 12:00:00.5 +0000 UTC m=+3600.1", "2026-01-02 13:00:00 +0100 CET",
		"2026-01-02 12:00:00 +0000 +0000", "2026-01-02 12:00:00 UTC", "Fri, 02 Jan 2026 12:00:00 GMT", "Fri, 02 Jan 2026 13:00:00 +0100",
		"1767355200", "1767355200000",
	} {
		got, err := parseExpiry(text)
		if err != nil || got.Truncate(time.Second) != noon {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"2026-01-02 12:00:00", "2026-01-02T12:00:00", "2026-01-02T12:00:00.25"} {
		if _, err := parseExpiry(text); !errors.Is(err, errZoneless) {
			t.Errorf("%q: got %v", text, err)
		}
	}
	if got, err := parseExpiry(" "); err != nil || !got.IsZero() {
		t.Errorf("nothing: got %v, %v", got, err)
	}
	if got, err := parseExpiry("0001-01-01T00:00:00Z"); err != nil || !got.IsZero() {
		t.Errorf("Go's zero time: got %v, %v", got, err)
	}
}

func TestWrittenTimesAreReadBack(t *testing.T) {
	layouts := []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999Z07:00", "2006-01-02 15:04:05.999999999 -0700 MST", "2006-01-02T15:04:05.000Z0700"}
	rapid.Check(t, func(t *rapid.T) {
		zone := time.FixedZone("", 60*rapid.IntRange(-14*60, 14*60).Draw(t, "minutes east"))
		at := time.Unix(rapid.Int64Range(1e9, 4e9).Draw(t, "second"), 0).In(zone)
		text := at.Format(rapid.SampledFrom(layouts).Draw(t, "layout"))
		got, err := parseExpiry(text)
		if err != nil || !got.Equal(at) {
			t.Fatalf("%q: got %v, %v", text, got, err)
		}
	})
}

func TestCommandsAreCutWithoutAShell(t *testing.T) {
	for text, want := range map[string][]string{
		`/bin/keys`:                     {"/bin/keys"},
		`  /bin/keys  --a   b `:         {"/bin/keys", "--a", "b"},
		`"/my bin/keys" 'a b' c\ d ""`:  {"/my bin/keys", "a b", "c d", ""},
		`/bin/keys "a\"b\\c\d" $HOME;|`: {"/bin/keys", `a"b\c\d`, "$HOME;|"},
		`/bin/keys 'it'"'"'s'`:          {"/bin/keys", "it's"},
		``:                              nil,
	} {
		got, err := splitCommand(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v %s", text, err, diff)
		}
	}
	for _, text := range []string{`keys`, `./keys`, `/bin/keys "a`, `/bin/keys 'a`, `/bin/keys \`, "/bin/\x00"} {
		if _, err := splitCommand(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(`{"accessKeyId":"A","secretAccessKey":"s","sessionToken":"t","expiration":"2021-01-27 00:50:09+00:00"}`))
	f.Add([]byte("export AWS_ACCESS_KEY_ID=A\nAWS_SECRET_ACCESS_KEY='s'\n"))
	f.Add([]byte("<a><AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey></a>"))
	f.Add([]byte("Access Key ID:\nA\nSecret Access Key: s"))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := parseKeys(data)
		if err != nil && !errors.Is(err, errZoneless) {
			return
		}
		if k.AccessKeyID == "" || k.SecretAccessKey.Empty() || !headerSafe(k.AccessKeyID) || !headerSafe(k.SecretAccessKey.Reveal()) || !headerSafe(k.SessionToken.Reveal()) {
			t.Errorf("accepted %q as %q", data, k.AccessKeyID)
		}
	})
}

func FuzzParseExpiry(f *testing.F) {
	f.Add("2025-02-18 16:17:54 +0000 UTC")
	f.Add("1767355200")
	f.Fuzz(func(t *testing.T, text string) {
		at, err := parseExpiry(text)
		if err != nil && !at.IsZero() {
			t.Errorf("%q: both %v and %v", text, at, err)
		}
	})
}

func FuzzSplitCommand(f *testing.F) {
	f.Add(`/bin/keys "a b" 'c'`)
	f.Fuzz(func(t *testing.T, text string) {
		argv, err := splitCommand(text)
		if err != nil || len(argv) == 0 {
			return
		}
		quoted := ""
		for _, arg := range argv {
			quoted += " '" + strings.ReplaceAll(arg, "'", `'"'"'`) + "'"
		}
		again, err := splitCommand(quoted)
		if diff := cmp.Diff(argv, again); diff != "" || err != nil {
			t.Errorf("%q: %v %s", text, err, diff)
		}
	})
}

func FuzzParseSpec(f *testing.F) {
	for _, s := range []string{"", "aws:p", "env:SRC", "web:https://u:canary@h/?t=canary", "process:/bin/x canary", "eodh:w"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err == nil && s.Kind == "" {
			t.Errorf("%q: no kind", text)
		}
		_ = s.String()
	})
}

func TestSecretsAreNotPrinted(t *testing.T) {
	type inner struct{ s Secret }
	v := struct {
		Keys Keys
		in   inner
		m    map[string]Secret
	}{Keys{SecretAccessKey: NewSecret("canary")}, inner{NewSecret("canary")}, map[string]Secret{"a": NewSecret("canary")}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if text := fmt.Sprintf(verb, v); strings.Contains(text, "canary") || strings.Contains(text, fmt.Sprintf("%x", "canary")) {
			t.Errorf("%s: %s", verb, text)
		}
	}
}
