package expr

import (
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// equality replaces the interpreter's own == and != by the exact ones; the interpreter takes no other implementation of
// them.
func equality(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := i.(interpreter.InterpretableCall)
	if !ok || len(call.Args()) != 2 {
		return i, nil
	}
	switch call.Function() {
	case operators.Equals, operators.NotEquals:
		args := call.Args()
		return &equalNode{id: i.ID(), function: call.Function(), lhs: args[0], rhs: args[1]}, nil
	}
	return i, nil
}

// equalNode evaluates == or !=.
type equalNode struct {
	id       int64
	function string
	lhs, rhs interpreter.InterpretableV2
}

func (n *equalNode) ID() int64          { return n.id }
func (n *equalNode) Function() string   { return n.function }
func (n *equalNode) OverloadID() string { return "equals" }

func (n *equalNode) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, n.Exec)
}

func (n *equalNode) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	l := n.lhs.Exec(frame)
	if types.IsUnknownOrError(l) {
		return l
	}
	r := n.rhs.Exec(frame)
	if types.IsUnknownOrError(r) {
		return r
	}
	out := equals(l, r)
	if b, ok := out.(types.Bool); ok && n.function == operators.NotEquals {
		out = !b
	}
	if costs := frame.CostTracker(); costs != nil {
		costs.EvalBinary(frame, n.id, n, l, r, out)
	}
	return out
}
