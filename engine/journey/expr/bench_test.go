package expr

import "testing"

func BenchmarkCondition(b *testing.B) {
	env, v := testEnv(b), testVars(b)
	for _, src := range []string{
		"event.price >= 20", "profile.purchases == 1", "event.name == enter.cart_id", "event.nope == 1",
		"event.vip && event.cost > 1.5 && has(event.name)", "event.price in [1, 2, 30]", "now - sent.hello.at < duration('7d')",
	} {
		c, err := env.Condition(src, testScope())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(src, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				c.Eval(v)
			}
		})
	}
}
