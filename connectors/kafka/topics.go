package kafka

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/segmentio/kafka-go/protocol/createtopics"
	"github.com/segmentio/kafka-go/protocol/describeconfigs"

	"wend/connectors"
)

// createTimeout is how long the controller waits until a new topic is known to the brokers.
const createTimeout = 10 * time.Second

const resourceTopic int8 = 2

// TopicConfigs implements connectors.Cluster. An error names every topic that could not be described, beside what the
// others gave.
func (c *Client) TopicConfigs(ctx context.Context, topics ...string) (map[string]map[string]string, error) {
	configs := make(map[string]map[string]string, len(topics))
	if len(topics) == 0 {
		return configs, nil
	}
	req := &describeconfigs.Request{}
	for _, t := range topics {
		req.Resources = append(req.Resources, describeconfigs.RequestResource{ResourceType: resourceTopic, ResourceName: t})
	}
	broker := c.anyBroker()
	m, err := c.send(ctx, broker, c.options.RequestTimeout, req)
	if err != nil {
		c.failed(broker)
		return nil, fmt.Errorf("topic configs: %w", err)
	}
	var problems []error
	for _, r := range m.(*describeconfigs.Response).Resources {
		if code := connectors.Code(r.ErrorCode); code != connectors.OK {
			problems = append(problems, fmt.Errorf("configs of topic %q: %w%s", r.ResourceName, connectors.Denied(code, "DescribeConfigs", connectors.TopicResource, r.ResourceName), said(r.ErrorMessage)))
			continue
		}
		values := make(map[string]string, len(r.ConfigEntries))
		for _, e := range r.ConfigEntries {
			values[e.ConfigName] = e.ConfigValue
		}
		configs[r.ResourceName] = values
	}
	return configs, errors.Join(problems...)
}

// CreateTopics implements connectors.Cluster. Brokers other than the controller learn of a new topic a moment after the
// answer: Metadata may still say UnknownTopicOrPartition for it.
func (c *Client) CreateTopics(ctx context.Context, specs ...connectors.TopicSpec) error {
	if len(specs) == 0 {
		return nil
	}
	controller, err := c.controller(ctx)
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	req := &createtopics.Request{TimeoutMs: int32(createTimeout.Milliseconds())}
	for _, s := range specs {
		t := createtopics.RequestTopic{Name: s.Name, NumPartitions: s.Partitions, ReplicationFactor: s.Replication}
		for k, v := range s.Configs {
			t.Configs = append(t.Configs, createtopics.RequestConfig{Name: k, Value: v})
		}
		sort.Slice(t.Configs, func(i, j int) bool { return t.Configs[i].Name < t.Configs[j].Name })
		req.Topics = append(req.Topics, t)
	}
	m, err := c.send(ctx, controller, createTimeout+answerSlack, req)
	if err != nil {
		c.forgetController()
		return fmt.Errorf("create topics: %w", err)
	}
	var problems []error
	for _, t := range m.(*createtopics.Response).Topics {
		code := connectors.Code(t.ErrorCode)
		switch code {
		case connectors.OK, connectors.TopicAlreadyExists:
			continue
		case connectors.NotController:
			c.forgetController()
		}
		problems = append(problems, fmt.Errorf("create topic %q: %w%s", t.Name, connectors.Denied(code, "Create", connectors.TopicResource, t.Name), said(t.ErrorMessage)))
	}
	return errors.Join(problems...)
}

func (c *Client) controller(ctx context.Context) (int32, error) {
	c.mu.Lock()
	id := c.mu.controller
	c.mu.Unlock()
	if id >= 0 {
		return id, nil
	}
	if _, err := c.Metadata(ctx); err != nil {
		return -1, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.controller < 0 {
		return -1, connectors.NotController
	}
	return c.mu.controller, nil
}

func (c *Client) forgetController() {
	c.mu.Lock()
	c.mu.controller = -1
	c.mu.Unlock()
}

func said(message string) string {
	if message == "" {
		return ""
	}
	return ": " + message
}
