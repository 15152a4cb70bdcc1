package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mqttspec/harness/broker"
)

// targetOptions are the flags that say how to get at a broker.
type targetOptions struct {
	userName     string
	password     string
	passwordFile string
	tls          broker.TLS
	transport    string
	log          string

	target  string   // TARGET; "" where it is missing
	command []string // COMMAND ARG... that starts the broker
}

// args takes [TARGET] [-- COMMAND ARG...] in.
func (o *targetOptions) args(cmd *cobra.Command, args []string) error {
	before := args
	if dash := cmd.ArgsLenAtDash(); dash >= 0 {
		if before, o.command = args[:dash], args[dash:]; len(o.command) == 0 {
			return errors.New("nothing follows --; name the command that starts the broker, such as -- mosquitto -p {{.Port}}")
		}
	}
	if len(before) > 1 {
		return fmt.Errorf("%d arguments (%s), where one TARGET is wanted", len(before), strings.Join(before, ", "))
	}
	if len(before) == 1 {
		o.target = before[0]
	}
	return nil
}

func (o *targetOptions) add(f *pflag.FlagSet) {
	f.StringVar(&o.userName, "username", "", "user name to connect with")
	f.StringVar(&o.password, "password", "", "password to connect with; --password-file keeps it out of the process list")
	f.StringVar(&o.passwordFile, "password-file", "", "file that holds the password")
	f.StringVar(&o.tls.CA, "cacert", "", "PEM file of the certificate authorities to trust, in place of the system's")
	f.StringVar(&o.tls.Certificate, "cert", "", "PEM file of the client certificate to show")
	f.StringVar(&o.tls.Key, "key", "", "PEM file of its key")
	f.StringVar(&o.tls.ServerName, "server-name", "", "name for SNI and to expect in the broker's certificate; default: the URL's host")
	f.BoolVar(&o.tls.Insecure, "insecure", false, "accept every certificate; the report says so")
	f.StringVar(&o.transport, "transport", "", "run over another of the target file's urls: "+strings.Join(broker.Transports, ", "))
	f.StringVar(&o.log, "broker-log", "", "keep the output of a broker that is started in this file")
}

// open makes the target ready to be tested. The caller closes what is returned.
func (o *targetOptions) open(ctx context.Context) (*broker.Opened, error) {
	var file *broker.File
	var err error
	if o.target == "" && len(o.command) > 0 {
		file = broker.Started(o.command)
	} else if file, err = broker.Find(o.target); err == nil && len(o.command) > 0 {
		err = file.StartWith(o.command)
	}
	if err != nil {
		return nil, err
	}
	if err := o.apply(file); err != nil {
		return nil, err
	}
	if o.transport != "" && !slices.Contains(broker.Transports, o.transport) {
		return nil, fmt.Errorf("--transport %q: one of %s", o.transport, strings.Join(broker.Transports, ", "))
	}
	return broker.Open(ctx, file, broker.Options{Transport: o.transport, Log: o.log, Reaper: reaperOf(ctx)})
}

// apply puts the flags into the target file.
func (o *targetOptions) apply(file *broker.File) error {
	if o.password != "" && o.passwordFile != "" {
		return errors.New("--password and --password-file exclude each other; give one")
	}
	if (o.password != "" || o.passwordFile != "") && o.userName == "" {
		return errors.New("a password needs a user name with it; add --username")
	}
	if o.userName != "" {
		login := broker.Credentials{UserName: o.userName, Password: o.password}
		if o.passwordFile != "" {
			raw, err := os.ReadFile(o.passwordFile)
			if err != nil {
				return fmt.Errorf("--password-file: %w", err)
			}
			login.Password = strings.TrimRight(string(raw), "\r\n")
		}
		file.Credentials = login
	}
	flags := []struct{ to, from *string }{
		{&file.TLS.CA, &o.tls.CA}, {&file.TLS.Certificate, &o.tls.Certificate},
		{&file.TLS.Key, &o.tls.Key}, {&file.TLS.ServerName, &o.tls.ServerName},
	}
	for _, flag := range flags {
		if *flag.from == "" {
			continue
		}
		*flag.to = *flag.from
		if flag.from != &o.tls.ServerName {
			path, err := filepath.Abs(*flag.from) // a relative path in the file would start at the file
			if err != nil {
				return err
			}
			*flag.to = path
		}
	}
	file.TLS.Insecure = file.TLS.Insecure || o.tls.Insecure
	return nil
}

// reaperKey is the context key of the reaper.
type reaperKey struct{}

// reaperOf is what main kills when there is no time to stop anything.
func reaperOf(ctx context.Context) *broker.Reaper {
	reaper, _ := ctx.Value(reaperKey{}).(*broker.Reaper)
	return reaper
}
