package creds

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFindWorkspace(t *testing.T) {
	const store = `{"bucket":"workspaces-eodhp","prefix":"/james/","host":"james-1.s3-accesspoint.eu-west-1.amazonaws.com"`
	for name, c := range map[string]struct {
		status int
		body   string
		want   Workspace
		fault  error
	}{
		"stores in a list": {200, `{"name":"james","stores":[{"object":[` + store + `,"access_point_arn":"arn:aws:s3:eu-west-2:123456789012:accesspoint/james"}]}]}`,
			Workspace{"workspaces-eodhp", "james/", "eu-west-2", "arn:aws:s3:eu-west-2:123456789012:accesspoint/james"}, nil},
		"stores in one object": {200, `{"stores":{"block":[],"object":[` + store + `}]}}`, Workspace{"workspaces-eodhp", "james/", "eu-west-1", ""}, nil},
		"only a bucket":        {200, `{"stores":{"object":[{"bucket":"b"}]}}`, Workspace{"b", "", "eu-west-2", ""}, nil},
		"no store":             {200, `{"stores":[]}`, Workspace{}, ErrSetup},
		"a page":               {200, `<html>`, Workspace{}, ErrSetup},
		"refused":              {401, "invalid bearer jwt token", Workspace{}, ErrLogin},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDouble(t, "hub", func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}, canaryBearer)
			spec, err := Parse("eodh:" + d.URL + "/api/workspaces/james")
			if err != nil {
				t.Fatal(err)
			}
			got, err := FindWorkspace(t.Context(), spec, Options{Version: "1.2.3", Getenv: env("EODH_API_KEY", canaryBearer)})
			if !errors.Is(err, c.fault) || (err != nil && strings.Contains(err.Error(), canaryBearer)) {
				t.Errorf("err %v, want %v", err, c.fault)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{"GET /api/workspaces/james"}, d.requests()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFindWorkspaceWantsAWorkspace(t *testing.T) {
	spec, _ := Parse("aws")
	if _, err := FindWorkspace(t.Context(), spec, Options{}); err == nil {
		t.Error("the AWS chain has no workspace")
	}
}
