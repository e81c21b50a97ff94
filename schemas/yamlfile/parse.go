package yamlfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// What a file may hold. A few lines with aliases can stand for billions of nodes; nodes and levels are therefore
// counted with every alias followed.
const (
	MaxSize  = 1 << 20 // bytes
	maxNodes = 100_000 // of a document
	maxDepth = 100     // levels
	maxMerge = 100_000 // entries that all `<<` of a file copy

	maxErrors = 20 // documents that a syntax error cuts short, before the rest of the file is left
)

// ReadFile reads a file and parses it. What is wrong is added to ps, also that it cannot be read; ok is false when the
// documents are not all that the file should hold.
func ReadFile(path string, ps *Problems) (docs []*Node, ok bool) {
	data, err := read(path)
	if err != nil {
		ps.Errorf(Pos{path, 1, 1}, "%v", err)
		return nil, false
	}
	return Parse(path, data, ps)
}

func read(path string) ([]byte, error) {
	bare := func(err error) error {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err // the place says the path already
		}
		return fmt.Errorf("can't be read: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, bare(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("can't be read: it is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, bare(err)
	}
	return data, nil
}

// Parse reads the YAML documents of a file; the name is for positions. What is wrong is added to ps; ok is false when
// a syntax error cut a document short, which is then missing. A document without anything in it is a Null; a file of
// comments has no documents. What stands in a trap (see trap) is a Bad node, and the rest of its document is there.
func Parse(file string, data []byte, ps *Problems) (docs []*Node, ok bool) {
	if len(data) > MaxSize {
		ps.Errorf(Pos{file, 1, 1}, "the file is larger than %d bytes: divide it", MaxSize)
		return nil, false
	}
	c := &converter{source: newSource(file, data), ps: ps, done: make(map[*yaml.Node]*Node), masked: make(map[int]bool), merges: maxMerge, begin: 1}
	if !c.characters() {
		return nil, false
	}
	ok = true
	for errors := 0; ; errors++ {
		text := standIn(c.data)
		trees, err := decode(bytes.NewReader(text))
		if len(text) > len(c.data) {
			for _, t := range trees {
				restore(t)
			}
		}
		if err == nil {
			return append(docs, c.all(trees)...), ok
		}
		at, message, trapped := c.locate(err)
		ps.Errorf(at, "%s", message)
		if errors < maxErrors && trapped >= 0 && c.mask(trapped) {
			continue // the documents are read anew, those before the error too
		}
		ok = false
		docs = append(docs, c.all(trees)...)
		if errors == maxErrors || !c.skip(at.Line) {
			return docs, false
		}
	}
}

func (c *converter) all(trees []*yaml.Node) (docs []*Node) {
	for _, t := range trees {
		docs = append(docs, c.node(t, 0))
	}
	return docs
}

// mask writes over the text in which YAML found something else than its author meant, so that the rest of its document
// can be read: a problem of it is reported, and it becomes a Bad node. It says whether there was anything to write over.
func (c *converter) mask(from int) bool {
	end, depth := from, 0
	for end < len(c.data) {
		ch := c.data[end]
		if ch == '\n' || ch == '\r' || depth == 0 && strings.IndexByte(",}]", ch) >= 0 {
			break
		}
		switch {
		case strings.IndexByte("([{", ch) >= 0:
			depth++
		case strings.IndexByte(")]}", ch) >= 0:
			depth--
		case ch == '"' || ch == '\'':
			if n := quoted(string(c.data[end : end+lineEnd(string(c.data[end:]))])); n > 0 {
				end += n - 1
			}
		}
		end++
	}
	for end > from && isSpace(c.data[end-1]) {
		end--
	}
	if end == from || c.masked[from] {
		return false
	}
	c.data = bytes.Clone(c.data)
	for i := from; i < end; i++ {
		if c.data[i] < utf8.RuneSelf { // others stay, so that columns stay
			c.data[i] = 'x'
		}
	}
	c.masked[from] = true
	return true
}

// skip blanks the file up to its next document, at or behind the line of an error, so that this one can be read too.
func (c *converter) skip(line int) bool {
	if line <= c.begin {
		line = c.begin + 1
	}
	for ; line <= len(c.lines); line++ {
		if strings.HasPrefix(c.line(line), "---") {
			rest := bytes.Clone(c.data)
			for i := range rest[:c.lines[line-1]] {
				if rest[i] != '\n' && rest[i] != '\r' {
					rest[i] = ' '
				}
			}
			c.data, c.begin = rest, line
			return true
		}
	}
	return false
}

// decode gives the trees of a stream's documents, those before the error too.
func decode(r io.Reader) (trees []*yaml.Node, err error) {
	defer func() {
		// The library answers some broken input with a panic of its own.
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: %v", p)
		}
	}()
	d := yaml.NewDecoder(r)
	for {
		var doc yaml.Node
		if err := d.Decode(&doc); errors.Is(err, io.EOF) {
			return trees, nil
		} else if err != nil {
			return trees, err
		}
		if len(doc.Content) == 1 {
			trees = append(trees, doc.Content[0])
		}
	}
}

// The library ends a text in {…} or […] at a `?`, as YAML 1.1 had it; in 1.2 it is a character like others, and
// expressions have it (event.?x). A character that no file has stands in for it there: columns are counted in
// characters, so places stay.
const (
	questionMark = "?"
	standsIn     = "\ue03f"
)

// standIn puts the other character in the place of each `?` that cannot begin a key.
func standIn(data []byte) []byte {
	if bytes.Contains(data, []byte(standsIn)) || !bytes.Contains(data, []byte(questionMark)) {
		return data
	}
	out := make([]byte, 0, len(data)+16)
	for i, b := range data {
		if b == '?' && i > 0 && !isSpace(data[i-1]) && strings.IndexByte("[{,", data[i-1]) < 0 {
			out = append(out, standsIn...)
		} else {
			out = append(out, b)
		}
	}
	return out
}

// restore puts the question marks back. Aliases share nodes with what they name, which is met on its own.
func restore(y *yaml.Node) {
	y.Value = strings.ReplaceAll(y.Value, standsIn, questionMark)
	for _, child := range y.Content {
		restore(child)
	}
}

// source is a file's bytes and where its lines begin.
type source struct {
	file  string
	data  []byte
	lines []int // offsets
}

func newSource(file string, data []byte) *source {
	s := &source{file: file, data: bytes.TrimPrefix(data, []byte("\ufeff")), lines: []int{0}}
	for i, b := range s.data {
		if b == '\n' || b == '\r' && (i+1 == len(s.data) || s.data[i+1] != '\n') {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

// pos is the place of an offset.
func (s *source) pos(offset int) Pos {
	offset = min(max(offset, 0), len(s.data))
	low, high := 0, len(s.lines)
	for high-low > 1 {
		if mid := (low + high) / 2; s.lines[mid] <= offset {
			low = mid
		} else {
			high = mid
		}
	}
	return Pos{s.file, low + 1, utf8.RuneCount(s.data[s.lines[low]:offset]) + 1}
}

// offset is the inverse of pos, for the places that the YAML library gives.
func (s *source) offset(line, col int) int {
	if line < 1 || line > len(s.lines) {
		return len(s.data)
	}
	at := s.lines[line-1]
	for ; col > 1 && at < len(s.data); col-- {
		_, n := utf8.DecodeRune(s.data[at:])
		at += n
	}
	return at
}

// line returns a line's text without its break; line counts from 1.
func (s *source) line(line int) string {
	if line < 1 || line > len(s.lines) {
		return ""
	}
	end := len(s.data)
	if line < len(s.lines) {
		end = s.lines[line]
	}
	return strings.TrimRight(string(s.data[s.lines[line-1]:end]), "\r\n")
}

// characters reports what no YAML file may hold, and the line breaks of YAML 1.1 that the library would count as lines
// while editors do not.
func (c *converter) characters() bool {
	for i := 0; i < len(c.data); {
		r, n := utf8.DecodeRune(c.data[i:])
		switch {
		case r == utf8.RuneError && n <= 1:
			c.ps.Errorf(c.pos(i), "the byte 0x%02x is not UTF-8: save the file as UTF-8", c.data[i])
			return false
		case r == '\t', r == '\n', r == '\r':
		case r == 0x85, r == 0x2028, r == 0x2029, r < 0x20, r >= 0x7f && r < 0xa0, r == 0xfeff, r == 0xfffe, r == 0xffff:
			c.ps.Errorf(c.pos(i), "the character U+%04X can't stand in a file: take it out, or write \"\\u%04x\" in double quotes", r, r)
			return false
		}
		i += n
	}
	return true
}
