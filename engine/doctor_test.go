package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"wend/connectors"
)

// starting is a cluster whose coordinator gives these answers, and an id then.
type starting struct {
	connectors.Cluster
	answers []error
	asked   int
}

func (s *starting) InitProducerID(context.Context, string) (connectors.Producer, error) {
	s.asked++
	if s.asked <= len(s.answers) {
		return connectors.Producer{}, fmt.Errorf("init producer id: %w", s.answers[s.asked-1])
	}
	return connectors.Producer{ID: 7}, nil
}

func TestDoctorWaitsForACoordinator(t *testing.T) {
	for _, c := range []struct {
		answers []error
		want    error
		asked   int
	}{
		{nil, nil, 1},
		{[]error{connectors.CoordinatorNotAvailable, connectors.NotCoordinator, connectors.CoordinatorLoadInProgress}, nil, 4},
		{[]error{connectors.NotCoordinator, connectors.TransactionalIDAuthorizationFailed}, connectors.TransactionalIDAuthorizationFailed, 2},
	} {
		s := &starting{answers: c.answers}
		if err := askProducerID(t.Context(), s, "shop/doctor"); !errors.Is(err, c.want) || s.asked != c.asked {
			t.Errorf("%v: %v after %d questions, want %v after %d", c.answers, err, s.asked, c.want, c.asked)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := &starting{answers: []error{connectors.NotCoordinator, connectors.NotCoordinator}}
	if err := askProducerID(ctx, s, "shop/doctor"); !errors.Is(err, connectors.NotCoordinator) || s.asked != 1 {
		t.Errorf("who gives up is kept: %v after %d questions", err, s.asked)
	}
}
