package journey

import (
	"slices"

	"wend/schemas/yamlfile"
)

// What `on_update` says of those inside.
const (
	onUpdatePin    = "pin"
	onUpdateFollow = "follow"
	onUpdateExit   = "exit"
)

// moves reads `{old: new}`, ids of steps.
func (p *parser) moves(n *yamlfile.Node) {
	if n.Kind != yamlfile.Map || len(n.Entries) == 0 {
		n.Wrong(p.ps, "ids of steps that are gone and of those where their customers go on, {old: new}")
		return
	}
	for i := range n.Entries {
		e := &n.Entries[i]
		if to, ok := p.text(e.Value, "the id of a wait or await"); ok {
			p.journey.Moves = append(p.journey.Moves, Move{Text{Pos: e.KeyPos, Value: e.Key}, to})
		}
	}
}

// checkOwnIDs finds the waits without an id, which on_update: follow can't follow.
func (p *parser) checkOwnIDs(steps []*Step) {
	walkSteps(steps, func(s *Step) {
		if (s.Wait != nil || s.Await != nil || s.Repeat != nil) && s.OwnID == nil {
			p.ps.Errorf(s.Pos, "with on_update: follow every wait, await and repeat needs an id of its own, `id: NAME`")
		}
	})
}

// checkMoves finds the moves that lead nowhere, and those that nobody takes.
func (p *parser) checkMoves() {
	j := p.journey
	if len(j.Moves) == 0 {
		return
	}
	switch j.OnUpdate {
	case onUpdateFollow:
	case "":
		return
	default:
		p.ps.Errorf(j.Moves[0].Old.Pos, "moves says where those inside go on: it needs on_update: follow")
		return
	}
	var ids, standing []string
	walkSteps(j.Steps, func(s *Step) {
		if s.OwnID != nil {
			ids = append(ids, s.OwnID.Value)
			if s.Wait != nil || s.Await != nil {
				standing = append(standing, s.OwnID.Value)
			}
		}
	})
	for _, m := range j.Moves {
		if slices.Contains(standing, m.Old.Value) {
			p.ps.Errorf(m.Old.Pos, "the step %s is there still, and who stands there goes on there: a move is of a step that is gone", yamlfile.Quote(m.Old.Value))
		}
		switch {
		case slices.Contains(standing, m.New.Value):
		case slices.Contains(ids, m.New.Value):
			p.ps.Errorf(m.New.Pos, "the step %s is no wait and no await: customers stand at these alone", yamlfile.Quote(m.New.Value))
		case !p.journey.Broken && !p.lostSend:
			p.ps.Errorf(m.New.Pos, "no wait or await of this journey has the id %s%s", yamlfile.Quote(m.New.Value), yamlfile.DidYouMean(m.New.Value, standing))
		}
	}
}
