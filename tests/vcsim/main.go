// Command vcsim is a vCenter for slad's tests: govmomi's simulator behind TLS and a login, with a control
// endpoint (control.go) for what happens to a real vCenter and no API call can do.
//
// It prints one line of JSON once it serves, and ends, leaving nothing behind, when its standard input closes.
package main

import (
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"io"
	"log"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/vmware/govmomi/simulator"
)

type options struct {
	listen, cert, key, user, password, apiVersion, scratch string
}

// ready is what the program says about itself.
type ready struct {
	URL  string `json:"url"`
	Cert string `json:"cert"` // PEM
}

func main() {
	var opt options
	model := simulator.VPX()
	flag.IntVar(&model.Datacenter, "dc", 1, "datacenters")
	flag.IntVar(&model.Cluster, "cluster", 1, "clusters in each datacenter")
	flag.IntVar(&model.ClusterHost, "host", 3, "hosts in each cluster")
	flag.IntVar(&model.Host, "standalone-host", 0, "hosts outside of clusters in each datacenter")
	flag.IntVar(&model.Machine, "vm", 2, "VMs in each cluster and on each standalone host")
	flag.IntVar(&model.Datastore, "ds", 1, "datastores in each datacenter, mounted on each of its hosts")
	flag.StringVar(&opt.listen, "listen", "127.0.0.1:0", "`address` to serve on")
	flag.StringVar(&opt.cert, "cert", "", "certificate `file` (PEM); without one the program uses its own")
	flag.StringVar(&opt.key, "key", "", "`file` of the certificate's key (PEM)")
	flag.StringVar(&opt.user, "user", "user", "the only user `name` that may log in")
	flag.StringVar(&opt.password, "password", "pass", "that user's password")
	flag.StringVar(&opt.apiVersion, "api-version", "", "API `version` to claim, such as 8.0.3.0")
	flag.StringVar(&opt.scratch, "scratch", "", "`directory` for temporary files, removed at the end")
	flag.Parse()
	if err := run(model, opt); err != nil {
		log.Fatal(err)
	}
}

// run serves the model until standard input closes or a signal comes.
func run(model *simulator.Model, opt options) error {
	end := make(chan os.Signal, 1)
	signal.Notify(end, os.Interrupt, syscall.SIGTERM)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end <- syscall.SIGTERM
	}()

	var err error
	if opt.scratch == "" {
		if opt.scratch, err = os.MkdirTemp("", "vcsim-"); err != nil {
			return err
		}
	}
	failed := make(chan error)
	go func() {
		if err := serve(model, opt); err != nil {
			failed <- err
		}
	}()
	select {
	case <-end: // requests that still wait for updates die with the process
	case err = <-failed:
	}
	return errors.Join(err, os.RemoveAll(opt.scratch))
}

// serve builds the inventory, starts the server and says so.
func serve(model *simulator.Model, opt options) error {
	if err := os.Setenv("TMPDIR", opt.scratch); err != nil { // where the simulator keeps its datastores
		return err
	}
	if opt.apiVersion != "" {
		model.ServiceContent.About.ApiVersion = opt.apiVersion
	}
	machines := model.Machine
	model.Machine = 0
	if err := model.Create(); err != nil {
		return err
	}
	if err := populate(model, machines); err != nil {
		return err
	}
	model.Service.TLS = new(tls.Config)
	if opt.cert != "" {
		pair, err := tls.LoadX509KeyPair(opt.cert, opt.key)
		if err != nil {
			return err
		}
		model.Service.TLS.Certificates = []tls.Certificate{pair}
	}
	model.Service.Listen = &url.URL{Host: opt.listen, User: url.UserPassword(opt.user, opt.password)}
	bootTimes{}.watch(model)
	register(model)
	server := model.Service.NewServer()
	address := url.URL{Scheme: server.URL.Scheme, Host: server.URL.Host, Path: server.URL.Path}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return json.NewEncoder(os.Stdout).Encode(ready{URL: address.String(), Cert: string(cert)})
}
