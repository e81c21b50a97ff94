package workload

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"wend/connectors"
	"wend/engine"
	"wend/engine/journey"
	"wend/schemas"
)

func TestShares(t *testing.T) {
	const n = 200_000
	var kinds [3]int
	customers := map[int]bool{}
	for i := range n {
		e := At(1, i, 1000)
		kinds[e.Kind]++
		customers[e.Customer] = true
		if e != At(1, i, 1000) {
			t.Fatal("not a function of its arguments")
		}
	}
	for k, share := range []int{80, 15, 5} {
		if got := kinds[k] * 1000 / n; got < share*10-5 || got > share*10+5 {
			t.Errorf("%v: %d per mille", Kind(k), got)
		}
	}
	if len(customers) != 1000 {
		t.Errorf("%d customers", len(customers))
	}
	if At(1, 1, Customers) == At(2, 1, Customers) {
		t.Error("the seed changes nothing")
	}
}

func TestWire(t *testing.T) {
	decoder, err := schemas.NewDecoder(engine.DefaultConfig().Source.Format)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		EventID    string  `json:"event_id"`
		CustomerID string  `json:"customer_id"`
		Type       string  `json:"type"`
		TS         int64   `json:"ts"`
		Price      float64 `json:"price"`
	}
	raw := AppendJSON(nil, 12, Event{Customer: 7, Kind: AddToCart, SKU: 3, Cents: 1905}, 1234)
	if err := json.Unmarshal(raw, &got); err != nil || got.EventID != "e12" || got.CustomerID != "c7" || got.Type != "add_to_cart" || got.TS != 1234 || got.Price != 19.05 {
		t.Errorf("%s: %+v %v", raw, got, err)
	}
	if i, ok := Index(got.EventID); !ok || i != 12 {
		t.Error(i, ok)
	}
	for i := range 5 {
		var ev schemas.Event
		if err := decoder.Decode(malformed(i), schemas.Origin{Topic: "t", Timestamp: 5}, &ev); err == nil {
			t.Errorf("%q is an event", malformed(i))
		}
	}
}

func TestCustomerIn(t *testing.T) {
	for p := range int32(7) {
		if name := CustomerIn("x", p, 7); connectors.Murmur2Partition([]byte(name), 7) != p {
			t.Errorf("%s is not in %d", name, p)
		}
	}
}

func TestWorkspace(t *testing.T) {
	dir := t.TempDir()
	w := Workspace{App: "a", Brokers: "h1:1,h2:2", Source: "in", Actions: "out", DataDir: dir + "/data", HTTP: "127.0.0.1:18080",
		Await: 10 * time.Second, SessionTimeout: 6 * time.Second, UnitEvents: 1}
	if err := w.Write(dir); err != nil {
		t.Fatal(err)
	}
	cfg, problems := engine.LoadConfig(dir, nil, nil)
	if len(problems) > 0 {
		t.Error(problems)
	}
	if strings.Join(cfg.Kafka.Brokers, ",") != w.Brokers || cfg.DataDir != w.DataDir || cfg.Kafka.SessionTimeout != w.SessionTimeout || cfg.Unit.MaxEvents != 1 {
		t.Errorf("%+v", cfg)
	}
	ws, problems := journey.Load(dir)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if p, problems := journey.Compile(ws); p == nil || len(problems) > 0 {
		t.Error(problems)
	}
}
