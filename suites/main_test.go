package suites_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain runs more tests at the same time than there are processors, unless
// -parallel says how many: whole runs of the suite wait most of their time.
func TestMain(m *testing.M) {
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		if err := flag.Set("test.parallel", "8"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
