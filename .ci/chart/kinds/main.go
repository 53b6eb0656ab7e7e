// Reads objects of other projects' kinds from standard input (YAML documents) and refuses fields that their Go types do
// not have: cert-manager, Gateway API, Prometheus operator. Kinds of Kubernetes itself are judged by their schemas.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	certmanager "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"
)

var kinds = map[string]func() any{
	"cert-manager.io/v1/Certificate":               func() any { return &certmanager.Certificate{} },
	"gateway.networking.k8s.io/v1/HTTPRoute":        func() any { return &gateway.HTTPRoute{} },
	"gateway.networking.k8s.io/v1/GRPCRoute":        func() any { return &gateway.GRPCRoute{} },
	"gateway.networking.k8s.io/v1/TLSRoute":         func() any { return &gateway.TLSRoute{} },
	"gateway.networking.k8s.io/v1/BackendTLSPolicy": func() any { return &gateway.BackendTLSPolicy{} },
	"monitoring.coreos.com/v1/ServiceMonitor":       func() any { return &monitoring.ServiceMonitor{} },
	"monitoring.coreos.com/v1/PrometheusRule":       func() any { return &monitoring.PrometheusRule{} },
}

func main() {
	if err := check(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(in io.Reader) error {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(in))
	for {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var head struct{ ApiVersion, Kind string }
		if err := yaml.Unmarshal(text, &head); err != nil {
			return err
		}
		made, known := kinds[head.ApiVersion+"/"+head.Kind]
		if !known {
			return fmt.Errorf("%s of %s is none of the known kinds", head.Kind, head.ApiVersion)
		}
		if err := yaml.UnmarshalStrict(text, made()); err != nil {
			return fmt.Errorf("%s: %w", head.Kind, err)
		}
		fmt.Println(head.Kind)
	}
}
