package creds

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"
)

// awsChain resolves the standard AWS chain anew at each Fetch, so that shared
// files are read again and no cache of the SDK stands between us and new keys.
type awsChain struct {
	profile string // empty: what the environment says
}

func (a *awsChain) Fetch(ctx context.Context) (Keys, error) {
	load := []func(*config.LoadOptions) error{
		// STS needs some region, and any will do for its keys.
		config.WithDefaultRegion("us-east-1"),
		// The SDK would tell the end of a container's keys five minutes early; when
		// to renew is the Keeper's affair.
		config.WithCredentialsCacheOptions(func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow, o.ExpiryWindowJitterFrac = 0, 0 }),
	}
	if a.profile != "" {
		load = append(load, config.WithSharedConfigProfile(a.profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return Keys{}, a.fault(err)
	}
	if command, ok := ownCommand(cfg); ok {
		return a.run(ctx, command)
	}
	got, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return Keys{}, a.fault(err)
	}
	k := Keys{
		AccessKeyID:     got.AccessKeyID,
		SecretAccessKey: NewSecret(got.SecretAccessKey),
		SessionToken:    NewSecret(got.SessionToken),
		AccountID:       got.AccountID,
		Renewable:       true,
		From:            got.Source,
	}
	if got.Source == config.CredentialsSourceName {
		k.Hint = environmentHint
	}
	if got.CanExpire {
		k.Expires = got.Expires
	}
	return k, nil
}

// fetchTimeout leaves time for a credential_process.
func (a *awsChain) fetchTimeout() time.Duration { return processTime }

// identity is the profile and all that the environment says to the chain.
func (a *awsChain) identity() []string {
	id := []string{"aws", a.profile}
	for _, entry := range os.Environ() {
		if strings.HasPrefix(entry, "AWS_") {
			id = append(id, entry)
		}
	}
	return id
}

// ownCommand returns the credential_process of the profile if that is where the
// keys come from. The SDK would run it in a shell on our standard input, and
// puts what it printed, keys included, into its errors.
func ownCommand(cfg aws.Config) (string, bool) {
	if !aws.IsCredentialsProvider(cfg.Credentials, (*processcreds.Provider)(nil)) {
		return "", false
	}
	for _, source := range cfg.ConfigSources {
		if shared, ok := source.(config.SharedConfig); ok && shared.CredentialProcess != "" {
			return shared.CredentialProcess, true
		}
	}
	return "", false
}

// run runs the credential_process of a profile. Unlike the spec "process" its
// program may be looked up in PATH, as other tools do it.
func (a *awsChain) run(ctx context.Context, command string) (Keys, error) {
	argv, err := splitWords(command)
	if err == nil && len(argv) > 0 {
		argv[0], err = exec.LookPath(argv[0])
	}
	if err != nil || len(argv) == 0 {
		return Keys{}, &Fault{Kind: ErrSetup, Text: "the credential_process of " + a.name() + " cannot be run",
			Hint: "give it as a program with an absolute path and its arguments; there is no shell"}
	}
	return (&process{argv: argv, environ: os.Environ}).Fetch(ctx)
}

func (a *awsChain) name() string {
	if a.profile != "" {
		return "AWS profile " + a.profile
	}
	return "the AWS chain"
}

// fault says what an error of the SDK means for its user.
func (a *awsChain) fault(err error) error {
	prefix := "get keys from " + a.name() + ": "
	if _, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		return &Fault{Kind: ErrSetup, Text: prefix + "there is no such profile", Hint: "see ~/.aws/config and ~/.aws/credentials"}
	}
	if _, ok := errors.AsType[*processcreds.ProviderError](err); ok {
		return &Fault{Kind: ErrSetup, Text: prefix + "its credential_process failed", Hint: "run the command by hand to see what it says"}
	}
	if _, ok := errors.AsType[*ssocreds.InvalidTokenError](err); ok {
		return &Fault{Kind: ErrLogin, Text: prefix + "the SSO login has expired", Hint: "run aws sso login; the keys follow without a restart"}
	}
	if op, ok := errors.AsType[*smithy.OperationError](err); ok && op.Service() == "ec2imds" {
		return &Fault{Kind: ErrSetup, Text: prefix + "none found in the environment, the shared files or the machine's role",
			Hint: "run aws configure, set AWS_PROFILE, or name another source (" + Forms + ")"}
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorFault() == smithy.FaultClient && !strings.Contains(api.ErrorCode(), "Throttl") {
		return &Fault{Kind: ErrLogin, Text: prefix + printable(api.ErrorCode()+": "+api.ErrorMessage()), Hint: "log in again or mend the role"}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &Fault{Text: prefix + "no answer in time"}
	}
	return a.unclear(prefix, err)
}

// unclear passes on the words of the SDK, without the URLs in them.
func (a *awsChain) unclear(prefix string, err error) error {
	text := err.Error()
	var kind error = ErrSetup
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		text, kind = wrapped.Err.Error(), nil
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		kind = nil
	}
	return &Fault{Kind: kind, Text: prefix + printable(text)}
}
