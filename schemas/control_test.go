package schemas

import "testing"

func TestForgetRoundTrip(t *testing.T) {
	for _, customer := range []string{"c1", "a/b %\"\n", "名"} {
		want := &Forget{Customer: customer, Asked: 1767225600000}
		b, err := want.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeForget(b); err != nil || *got != *want {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

func TestForgetRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, b := range []string{"", "{}", "null", `{"customer":""}`, `{"customer":"c1","keep":["email"]}`, "\x93\x01"} {
		if f, err := DecodeForget([]byte(b)); err == nil {
			t.Errorf("%q gives %+v", b, f)
		}
	}
}

func TestControlKind(t *testing.T) {
	for key, want := range map[string]string{ControlKey(ControlForget, "ab"): ControlForget, "journey/a/b": "journey", "tick": ControlTick, "": ""} {
		if got := ControlKind(key); got != want {
			t.Errorf("%q is of kind %q", key, got)
		}
	}
}
