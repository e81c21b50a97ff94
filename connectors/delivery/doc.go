// Package delivery is the way of an action from its topic to a provider: it consumes the topic in a group of its own,
// tries each action until there is an answer, remembers the answer by the decision's id and time, and writes what happened to the
// source topic as an event of the customer. It knows actions, never journeys.
//
// What is promised, and by what:
//
//  1. An action is tried until somebody answers: the group's offset moves on only behind answers that are recorded.
//  2. It is never tried again once its answer is recorded: the store of answers is asked before each try, and synced before
//     the offset is committed. Between the provider's answer and the record a crash makes one more try; a provider that
//     honours the idempotency key (the action's id) sees each once even then.
//  3. What happened is reported at least once, always under the same event id, so that the engine counts the second as a
//     duplicate.
//
// A decision is an action's id and the time at which it was decided: a customer who was forgotten and comes back begins
// with the same ids again. A provider that remembers idempotency keys for longer takes such a one for known.
//
// The store of answers belongs to one data directory. Where a partition goes to a worker with another one, what the former
// answered last and did not commit is tried again: workers commit before they give a partition away.
package delivery
