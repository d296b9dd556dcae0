// Package agent connects to the network over TLS with grpc-go.
package agent

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// Dial connects to the network.
func Dial() (*grpc.ClientConn, error) {
	anchors, err := os.ReadFile({{go:ca}})
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(anchors) {
		return nil, errors.New("no trust anchor found")
	}
	config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	{{mtls:}}// Read for every connection, so that a renewed certificate is used.
	{{mtls:}}config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	{{mtls:}}	pair, err := tls.LoadX509KeyPair({{go:client_cert}}, {{go:client_key}})
	{{mtls:}}	return &pair, err
	{{mtls:}}}
	return grpc.NewClient({{go:authority}}, grpc.WithTransportCredentials(credentials.NewTLS(config)))
}
