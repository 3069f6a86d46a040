package main

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// shownCommands are what follows "tidings" wherever a document shows a command: in a
// block, or between backticks.
func shownCommands(t *testing.T, document string) (found []string) {
	t.Helper()
	block := regexp.MustCompile("(?s)```.*?```")
	inLine := regexp.MustCompile("`(?:[A-Z_]+=\\S+ )*tidings ([^`\n]+)`")
	for _, text := range block.FindAllString(document, -1) {
		for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
			_, command, ok := strings.Cut(" "+strings.TrimSpace(line), " tidings ")
			if !ok {
				_, command, ok = strings.Cut(line, "./bin/tidings ")
			}
			if ok {
				found = append(found, command)
			}
		}
	}
	for _, m := range inLine.FindAllStringSubmatch(block.ReplaceAllString(document, ""), -1) {
		found = append(found, m[1])
	}
	return found
}

// wordsOf is a command as a shell would hand it over, as far as that matters for its
// flags.
func wordsOf(command string) (words []string) {
	command, _, _ = strings.Cut(strings.TrimSpace(command)+" ", " # ")
	for _, m := range regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`).FindAllString(command, -1) {
		if strings.ContainsAny(m[:1], "<>|)") {
			break
		}
		words = append(words, strings.TrimRight(strings.Trim(m, `'"`), ",;)"))
	}
	return words
}

// readByCobra is what is wrong with a command.
func readByCobra(command string) error {
	c, rest, err := rootCommand().Find(wordsOf(command))
	if err == nil {
		err = c.ParseFlags(rest)
	}
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return nil
	case err == nil && !c.HasParent():
		return errors.New("is no command")
	}
	return err
}

// TestShownCommandsAreWorded has cobra read every command of every document: they
// exist, and so do their flags.
func TestShownCommandsAreWorded(t *testing.T) {
	root := os.DirFS("../..")
	read := 0
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == "node_modules" || name != "." && strings.HasPrefix(entry.Name(), ".")) {
			return fs.SkipDir
		}
		if path.Ext(name) != ".md" {
			return nil
		}
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		for _, command := range shownCommands(t, string(content)) {
			read++
			if err := readByCobra(command); err != nil {
				t.Errorf("%s shows tidings %s: %v", name, command, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if read < 45 {
		t.Errorf("%d commands: the test misses some", read)
	}
}

// TestShownCommandsCanFail shows it what is wrong.
func TestShownCommandsCanFail(t *testing.T) {
	for document, want := range map[string]int{"`tidings run --no-such`": 1, "```\ntidings walk\nls\n```": 1, "tidings is a word": 0, "`X=1 tidings run`": 1} {
		if got := len(shownCommands(t, document)); got != want {
			t.Errorf("%q: %d commands, want %d", document, got, want)
		}
	}
	for _, command := range []string{"run --no-such 'a b' # why", "walk", "run --grace"} {
		if readByCobra(command) == nil {
			t.Errorf("%s is read", command)
		}
	}
	if words := wordsOf("publish --data 'a b' > out # why"); !slices.Equal(words, []string{"publish", "--data", "a b"}) {
		t.Errorf("%q", words)
	}
}
