package expr

// Why says what kept an evaluation from a value. The zero Why: it was evaluated cleanly.
type Why struct {
	Missing string // the path of a field that is not there, such as event.cart_id
	Failed  string // any other failure, such as "division by zero"
}

// Env makes expressions over one set of declared attributes. It is safe for concurrent use.
type Env struct{}

// Condition is a compiled expression that is true or false.
type Condition struct{}

// Expression is a compiled expression of any type.
type Expression struct{}

// Template is a text with {{ expressions }} in it.
type Template struct{}

func NewEnv(attributes []Attribute) (*Env, error) { return &Env{}, nil }

func (e *Env) Condition(src string, sc Scope) (*Condition, *Error)   { return &Condition{}, nil }
func (e *Env) Expression(src string, sc Scope) (*Expression, *Error) { return &Expression{}, nil }
func (e *Env) Template(src string, sc Scope) (*Template, *Error)     { return &Template{}, nil }

func (c *Condition) Eval(v *Vars) (holds bool, why Why)          { return false, Why{} }
func (x *Expression) Eval(v *Vars) (value any, ok bool, why Why) { return nil, false, Why{} }
func (t *Template) Eval(v *Vars) (value any, ok bool, why Why)   { return nil, false, Why{} }
func (c *Condition) Reads() Reads                                { return Reads{} }
func (x *Expression) Reads() Reads                               { return Reads{} }
func (t *Template) Reads() Reads                                 { return Reads{} }
func (c *Condition) Constant() (value any, ok bool)              { return nil, false }
func (x *Expression) Constant() (value any, ok bool)             { return nil, false }
func (t *Template) Constant() (value any, ok bool)               { return nil, false }
