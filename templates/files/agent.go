// Package agent dials the network over TLS with grpc-go.
package agent

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// Dial makes a connection to the network.
func Dial() (*grpc.ClientConn, error) {
	anchors, err := os.ReadFile({{go:ca}})
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(anchors) {
		return nil, errors.New("no trust anchor could be read")
	}
	config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	{{mtls:}}// Read anew for each connection, so that a renewed one is used.
	{{mtls:}}config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	{{mtls:}}	pair, err := tls.LoadX509KeyPair({{go:client_cert}}, {{go:client_key}})
	{{mtls:}}	return &pair, err
	{{mtls:}}}
	return grpc.NewClient({{go:authority}}, grpc.WithTransportCredentials(credentials.NewTLS(config)))
}
