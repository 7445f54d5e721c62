package servers_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"xfer/internal/servers"
)

func TestServersTakeRequestsWithTheirKeys(t *testing.T) {
	for name, start := range map[string]func(testing.TB) servers.Server{"versitygw": servers.Versity, "minio": servers.MinIO} {
		t.Run(name, func(t *testing.T) {
			server := start(t)
			client := func(secret string) *s3.Client {
				return s3.New(s3.Options{
					BaseEndpoint: aws.String(server.URL),
					UsePathStyle: true,
					Region:       server.Region,
					Credentials:  credentials.NewStaticCredentialsProvider(server.AccessKey, secret, ""),
					Retryer:      aws.NopRetryer{},
				})
			}
			bucket := &s3.CreateBucketInput{Bucket: aws.String("first")}
			if _, err := client("not the secret").CreateBucket(t.Context(), bucket); err == nil {
				t.Error("a wrong secret was taken")
			}
			if _, err := client(server.SecretKey).CreateBucket(t.Context(), bucket); err != nil {
				t.Error(err)
			}
		})
	}
}
