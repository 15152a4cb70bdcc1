package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"mqttspec/harness"
)

// targetOptions are the flags that say how to get at a broker.
type targetOptions struct {
	userName     string
	password     string
	passwordFile string
}

func (o *targetOptions) add(f *pflag.FlagSet) {
	f.StringVar(&o.userName, "username", "", "user name to connect with")
	f.StringVar(&o.password, "password", "", "password to connect with; --password-file keeps it out of the process list")
	f.StringVar(&o.passwordFile, "password-file", "", "file that holds the password")
}

// apply puts the flags into the target.
func (o *targetOptions) apply(target *harness.Target) error {
	if o.userName != "" {
		target.UserName = o.userName
	}
	if o.password != "" && o.passwordFile != "" {
		return fmt.Errorf("--password and --password-file exclude each other; give one")
	}
	if o.password != "" {
		target.Password = o.password
	}
	if o.passwordFile != "" {
		raw, err := os.ReadFile(o.passwordFile)
		if err != nil {
			return fmt.Errorf("--password-file: %w", err)
		}
		target.Password = strings.TrimRight(string(raw), "\r\n")
	}
	if target.Password != "" && target.UserName == "" {
		return fmt.Errorf("a password needs a user name with it; add --username")
	}
	return nil
}
