package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"wend/engine/journey"
	"wend/engine/journey/graph"
)

func newGraph(s streams) *cobra.Command {
	format := "mermaid"
	cmd := &cobra.Command{
		Use:   "graph DIR JOURNEY",
		Short: "Draw a journey as a flow chart",
		Long: `Graph prints the flow chart of a journey: as Mermaid, which Markdown viewers draw, in the language of Graphviz, or as a
picture. JOURNEY may be left out where the workspace has one.`,
		Example: "  wend graph ./shop cart-recovery\n  wend graph ./shop cart-recovery --format svg > cart.svg\n  wend graph ./shop welcome --format dot | dot -Tpdf > welcome.pdf",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := known("--format", format, "mermaid", "dot", "svg"); err != nil {
				return err
			}
			w, err := goodWorkspace(args[0], s.err)
			if err != nil {
				return err
			}
			name := ""
			if len(args) > 1 {
				name = args[1]
			}
			j, err := journeyNamed(w.source, name)
			if err != nil {
				return err
			}
			g := graph.Of(j)
			text := ""
			switch format {
			case "dot":
				text = g.DOT()
			case "svg":
				text = g.SVG()
			default:
				text = g.Mermaid()
			}
			_, err = io.WriteString(s.out, text)
			return err
		},
	}
	cmd.Flags().StringVar(&format, "format", format, "mermaid, dot or svg")
	return cmd
}

// journeyNamed finds a journey of a workspace; without a name it is the only one.
func journeyNamed(ws *journey.Workspace, name string) (*journey.Journey, error) {
	var names []string
	for _, j := range ws.Journeys {
		if j.Name.Value == name || name == "" && len(ws.Journeys) == 1 {
			return j, nil
		}
		names = append(names, j.Name.Value)
	}
	if name == "" {
		return nil, fmt.Errorf("name a journey: the workspace has %s", strings.Join(names, ", "))
	}
	return nil, fmt.Errorf("no journey is called %q: the workspace has %s", name, strings.Join(names, ", "))
}
