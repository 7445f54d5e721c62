package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"xfer/creds"
	"xfer/store/s3store"
)

func credsServeCommand(stdout io.Writer, s *screen) *cobra.Command {
	var opt options
	cmd := &cobra.Command{
		Use:   "serve [flags] SPEC [s3://BUCKET/]",
		Short: "Keep keys alive for other tools on this machine",
		Long: `Answer on a port of 127.0.0.1 as a container's credential endpoint does, so that
AWS tools and SDKs on this machine get keys that xfer keeps alive. It prints the
two lines that such a tool needs in its environment, and runs until it is
interrupted. Whoever has those lines can have the keys.`,
		Example: `  xfer creds serve eodh:my-workspace >keys.sh &
  . ./keys.sh; aws s3 ls s3://workspaces-eodhp/my-workspace/`,
		Args: specAndPlace,
		RunE: func(cmd *cobra.Command, args []string) error {
			return opt.serveKeys(cmd, args, stdout, s)
		},
	}
	opt.keyFlags(cmd)
	return cmd
}

func (o *options) serveKeys(cmd *cobra.Command, args []string, stdout io.Writer, s *screen) error {
	if err := fromEnvironment(cmd.Flags()); err != nil {
		return err
	}
	if err := o.apply(cmd.Flags()); err != nil {
		return err
	}
	bucket := ""
	if len(args) > 1 {
		bucket, _, _ = s3store.ParsePlace(args[1]) // checked with the arguments
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	provider, err := o.provider(ctx, args[0], bucket)
	if err != nil {
		return noKeys{err}
	}
	keeper := creds.NewKeeper(context.WithoutCancel(ctx), provider, creds.KeeperOptions{Name: "served", Observe: func(e creds.Event) {
		if e.Kind == creds.Paused || e.Kind == creds.Warning {
			s.say("xfer: keys of %s: %s%s", e.From, e.Why, withHint(e.Hint))
		}
	}})
	defer keeper.Close()
	first, err := keeper.Retrieve(ctx)
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return noKeys{err}
	case first.AccessKeyID == "":
		return usagef("anonymous has no keys")
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("serve keys: %w", err)
	}
	e := &keyEndpoint{keeper: keeper, host: listener.Addr().String(), token: rand.Text()}
	server := &http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second}
	ended := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer ended()
	_, err = fmt.Fprintf(stdout, "export AWS_CONTAINER_CREDENTIALS_FULL_URI='http://%s/'\nexport AWS_CONTAINER_AUTHORIZATION_TOKEN='%s'\n", e.host, e.token)
	if err != nil {
		return errors.Join(written(err), listener.Close())
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve keys: %w", err)
	}
	return nil
}

// A keyEndpoint answers as a container's credential endpoint does: see
// "Container credential provider" in the AWS SDKs and Tools reference guide.
type keyEndpoint struct {
	keeper *creds.Keeper
	host   string // whoever asks for another was led here by a foreign name
	token  string
}

// answerWithin is how long a tool is kept waiting for keys.
const answerWithin = 20 * time.Second

func (e *keyEndpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	given := r.Header.Get("Authorization")
	switch {
	case r.Host != e.host || r.Method != http.MethodGet || r.URL.Path != "/":
		refuseKeys(w, http.StatusNotFound, "NotFound", "there is nothing here")
		return
	case subtle.ConstantTimeCompare([]byte(given), []byte(e.token)) != 1:
		refuseKeys(w, http.StatusUnauthorized, "Unauthorized", "the authorization token is missing or wrong")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
	defer cancel()
	k, err := e.keeper.Retrieve(ctx)
	if err != nil {
		refuseKeys(w, http.StatusServiceUnavailable, "NoKeys", "no valid keys can be had at the moment")
		return
	}
	out := struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		Token           string
		Expiration      string `json:",omitempty"`
		AccountID       string `json:"AccountId,omitempty"`
	}{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, Token: k.SessionToken, AccountID: k.AccountID}
	if k.CanExpire {
		out.Expiration = k.Expires.UTC().Truncate(time.Second).Format(time.RFC3339)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out) // who is gone needs none
}

func refuseKeys(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"code": code, "message": message}) // to one who was refused
}
