package yamlfile

// MaxSize of a file, in bytes.
const MaxSize = 1 << 20

// ReadFile reads a file and parses it. What is wrong is added to ps, also that it cannot be read; ok is false when the
// documents are not all that the file should hold.
func ReadFile(path string, ps *Problems) (docs []*Node, ok bool) { return nil, false }

// Parse reads the YAML documents of a file; the name is for positions. What is wrong is added to ps; ok is false when
// a syntax error cut the file short: the documents before it are returned.
func Parse(file string, data []byte, ps *Problems) (docs []*Node, ok bool) { return nil, false }
