package engine

import (
	"fmt"
	"slices"

	"wend/engine/journey"
	"wend/schemas"
	"wend/schemas/yamlfile"
)

// files gives the texts of the release's files by their paths.
func (x *releaseRecords) files() (map[string][]byte, error) {
	texts := map[string][]byte{}
	for _, f := range x.list.Files {
		b, err := x.text(x.list.FileKey(f.Path), f.Path, f.Sum)
		if err != nil {
			return nil, err
		}
		texts[f.Path] = b
	}
	return texts, nil
}

// compile makes a program of the release.
func (x *releaseRecords) compile(status map[string]schemas.Status) (*journey.Program, error) {
	texts, err := x.files()
	if err != nil {
		return nil, err
	}
	ws, problems := journey.LoadFiles(texts)
	program, more, err := x.compileWith(ws, status)
	if err != nil {
		return nil, err
	}
	if problems = append(problems, more...); problems.Failed() {
		problems.Sort()
		i := slices.IndexFunc(problems, func(p yamlfile.Problem) bool { return p.Severity == yamlfile.Error })
		return nil, fmt.Errorf("engine: release %s cannot be run here: %s; if another version of wend deployed it, start that one", x.list.Tag(), problems[i])
	}
	return program, nil
}

// compileWith makes a program of the release, of which the newest versions are those of a workspace.
func (x *releaseRecords) compileWith(ws *journey.Workspace, status map[string]schemas.Status) (*journey.Program, yamlfile.Problems, error) {
	r := &journey.Release{Current: ws, Versions: map[string]uint64{}, Status: map[string]journey.Status{}, Deployed: x.list.Time}
	for _, j := range x.list.Journeys {
		if !j.Gone {
			r.Versions[j.Name] = j.Version
		}
	}
	for i := range x.list.Older {
		o := &x.list.Older[i]
		j, err := x.older(o)
		if err != nil {
			return nil, nil, err
		}
		r.Older = append(r.Older, journey.OlderVersion{Journey: j, Version: o.Version})
	}
	for name, s := range status {
		r.Status[name] = journey.Status{Paused: s.Paused, Resumed: s.Resumed, Spread: s.Spread}
	}
	program, problems := journey.CompileRelease(r)
	return program, problems, nil
}

// older reads an older version. Its positions name the file that it came from, as of that version.
func (x *releaseRecords) older(o *schemas.ReleaseOlder) (*journey.Journey, error) {
	path := fmt.Sprintf("%s (version %d of %s)", o.Path, o.Version, o.Journey)
	b, err := x.text(x.list.OlderKey(o.Journey, o.Version), path, o.Sum)
	if err != nil {
		return nil, err
	}
	ws, problems := journey.LoadFiles(map[string][]byte{"journeys/" + olderName(o): b})
	for _, j := range ws.Journeys {
		if j.Name.Value == o.Journey && !j.Broken {
			return j, nil
		}
	}
	detail := ""
	if len(problems) > 0 {
		detail = ": " + problems[0].String()
	}
	return nil, fmt.Errorf("engine: release %s: %s cannot be read here%s; if another version of wend deployed it, start that one", x.list.Tag(), path, detail)
}

// olderName is what positions call the file of an older version.
func olderName(o *schemas.ReleaseOlder) string {
	return fmt.Sprintf("%s@%d.yaml", o.Journey, o.Version)
}
