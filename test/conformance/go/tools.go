//go:build tools

// Names the programs that are built from this module besides its own, so that go.mod keeps them.
package main

import _ "github.com/summerwind/h2spec/cmd/h2spec"
