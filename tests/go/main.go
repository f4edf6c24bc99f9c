// Command interop lets golang.org/x/mod/sumdb, the code behind Go's checksum database, judge
// what sealtrail makes, and makes trees and notes for sealtrail to judge. It reads JSON and
// writes JSON; it ends with status 1 if anything does not hold.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// input is a log as sealtrail has it.
type input struct {
	Note    string   // the signed checkpoint
	Vkey    string   // the key of its signer
	Origin  string   // the name of the log
	Entries [][]byte // the bytes of each entry
	Leaves  []proof  // where each entry is
	Trees   []proof  // that the log extends each of its earlier sizes
	Skey    string   // a key to sign with
}

type proof struct {
	Index, Size int64
	Leaf, Root  tlog.Hash
	Path        []tlog.Hash
}

// output is the same, made here.
type output struct {
	Note   string
	Leaves []proof
	Trees  []proof
}

type hashes []tlog.Hash

func (all hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, index := range indexes {
		found = append(found, all[index])
	}
	return found, nil
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	var in input
	check(json.NewDecoder(os.Stdin).Decode(&in))
	var stored hashes
	for i, entry := range in.Entries {
		stored = append(stored, must(tlog.StoredHashes(int64(i), entry, stored))...)
	}
	size := int64(len(in.Entries))
	root := must(tlog.TreeHash(size, stored))

	verifier := must(note.NewVerifier(in.Vkey))
	opened := must(note.Open([]byte(in.Note), note.VerifierList(verifier)))
	text := fmt.Sprintf("%s\n%d\n%s\n", in.Origin, size, root)
	if opened.Text != text {
		check(fmt.Errorf("the note says %q, the entries say %q", opened.Text, text))
	}
	for _, p := range in.Leaves {
		check(tlog.CheckRecord(p.Path, p.Size, p.Root, p.Index, p.Leaf))
	}
	for _, p := range in.Trees {
		check(tlog.CheckTree(p.Path, size, root, p.Size, p.Root))
	}

	var out output
	signer := must(note.NewSigner(in.Skey))
	out.Note = string(must(note.Sign(&note.Note{Text: text}, signer)))
	for t := int64(1); t <= size; t++ {
		old := must(tlog.TreeHash(t, stored))
		out.Trees = append(out.Trees, proof{0, t, tlog.Hash{}, old, must(tlog.ProveTree(size, t, stored))})
		for n := int64(0); n < t; n++ {
			leaf := tlog.RecordHash(in.Entries[n])
			path := must(tlog.ProveRecord(t, n, stored))
			out.Leaves = append(out.Leaves, proof{n, t, leaf, old, path})
		}
	}
	check(json.NewEncoder(os.Stdout).Encode(out))
}
