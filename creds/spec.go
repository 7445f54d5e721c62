package creds

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// A Spec is a parsed credential spec: a kind and what it is about. It holds no
// login and is safe to print through String.
type Spec struct {
	Kind string // "aws", "env", "file", "process", "earthdata", "eodh", "web" or "anonymous"
	arg  string
}

// Forms lists every form a spec may have, for messages and help texts.
const Forms = "aws, aws:PROFILE, env:PREFIX, file:PATH, process:COMMAND, earthdata, earthdata:URL, " +
	"eodh:WORKSPACE, eodh:URL, web:URL, anonymous"

var (
	prefixForm    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	workspaceForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
)

// Parse reads a spec as a user writes it. The empty text means "aws". It looks
// at nothing but the text; Open looks at the world.
func Parse(text string) (Spec, error) {
	kind, arg, _ := strings.Cut(strings.TrimSpace(text), ":")
	if kind == "" && arg == "" {
		kind = "aws"
	}
	s := Spec{Kind: kind, arg: arg}
	hasArg := strings.Contains(text, ":")
	switch kind {
	case "aws":
		if hasArg && arg == "" {
			return s.wrong("names no profile; write aws or aws:PROFILE")
		}
	case "env":
		if !prefixForm.MatchString(arg) {
			return s.wrong("needs the prefix of the variables, such as env:SRC for SRC_ACCESS_KEY_ID")
		}
		s.arg = strings.TrimSuffix(arg, "_")
	case "file":
		if arg == "" {
			return s.wrong("needs the path of the file, such as file:keys.env")
		}
	case "process":
		return s.checkProcess()
	case "earthdata", "eodh":
		return s.checkVendor(hasArg)
	case "web":
		return s.checkURL("such as web:https://host/path")
	case "anonymous":
		if hasArg {
			return s.wrong("takes nothing after the colon; write anonymous")
		}
	default:
		// What was written is not repeated: it may be a key pasted by mistake.
		return Spec{}, fmt.Errorf("read credential spec: it begins with none of the known words; write one of: %s", Forms)
	}
	return s, nil
}

func (s Spec) checkProcess() (Spec, error) {
	argv, err := splitCommand(s.arg)
	switch {
	case err != nil:
		return s.wrong(err.Error())
	case len(argv) == 0:
		return s.wrong("needs a command with an absolute path, such as process:/usr/local/bin/keys --json")
	}
	return s, nil
}

func (s Spec) checkVendor(hasArg bool) (Spec, error) {
	switch {
	case s.Kind == "earthdata" && !hasArg:
		return s, nil
	case s.Kind == "earthdata":
		return s.checkURL("such as earthdata:https://data.nsidc.earthdatacloud.nasa.gov/s3credentials")
	case strings.Contains(s.arg, "/"):
		return s.checkURL("such as eodh:https://eodatahub.org.uk/api/workspaces/WORKSPACE")
	case !workspaceForm.MatchString(s.arg):
		return s.wrong("needs a workspace, such as eodh:my-workspace")
	}
	return s, nil
}

func (s Spec) checkURL(example string) (Spec, error) {
	if _, err := vendorURL(s.arg); err != nil {
		return s.wrong(fmt.Sprintf("%v; write a whole URL, %s", err, example))
	}
	return s, nil
}

func (s Spec) wrong(what string) (Spec, error) {
	return Spec{}, fmt.Errorf("read credential spec %q: it %s (accepted forms: %s)", s.String(), what, Forms)
}

// Anonymous reports whether requests are to go unsigned.
func (s Spec) Anonymous() bool { return s.Kind == "anonymous" }

// String returns the spec without what may be secret in it: the query and user
// of a URL, and all but the program of a command.
func (s Spec) String() string {
	switch {
	case s.arg == "":
		return s.Kind
	case s.Kind == "process":
		argv, err := splitCommand(s.arg)
		if err != nil || len(argv) == 0 {
			return "process:…"
		}
		if len(argv) > 1 {
			return "process:" + argv[0] + " …"
		}
		return "process:" + argv[0]
	case strings.Contains(s.arg, "//"):
		return s.Kind + ":" + redactURL(s.arg)
	}
	return s.Kind + ":" + s.arg
}

// redactURL drops user, query and fragment of a URL.
func redactURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "…"
	}
	shown := u.Scheme + "://" + u.Host + u.EscapedPath()
	if u.RawQuery != "" {
		shown += "?…"
	}
	return shown
}
