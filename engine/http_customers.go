package engine

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	customerWait = 5 * time.Second // for a shard's answer, which waits for the journal
	customerMost = 32              // questions that are under way at once; more wait
)

// CustomerPath is where the HTTP side has a customer.
func CustomerPath(id string) string {
	if strings.Trim(id, ".") == "" { // a path would lead elsewhere
		return "/v1/customers/" + strings.ReplaceAll(id, ".", "%2E")
	}
	return "/v1/customers/" + url.PathEscape(id)
}

// customerHandler answers GET /v1/customers/ID. Of failures within the process it says nothing but where to look: the
// log hides what of the input stands in them, and an answer could not.
func customerHandler(ask func(context.Context, string) (*CustomerState, error), failed func(error)) http.Handler {
	slots := make(chan struct{}, customerMost)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), customerWait)
		defer cancel()
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-ctx.Done():
			answerBusy(w, "too many questions about customers are under way: ask again in a moment")
			return
		}
		customer := r.PathValue("id")
		state, err := ask(ctx, customer)
		var unknown *UnknownCustomerError
		var elsewhere *ElsewhereError
		var busy *BusyError
		switch {
		case err == nil:
			answerJSON(w, state)
		case errors.As(err, &unknown):
			answerProblem(w, http.StatusNotFound, err.Error())
		case errors.As(err, &elsewhere) && elsewhere.Instance == "" && elsewhere.Err == nil:
			answerBusy(w, err.Error())
		case errors.As(err, &elsewhere):
			p := &problem{Status: http.StatusMisdirectedRequest, Detail: err.Error(), whoOwns: &whoOwns{elsewhere.Shard, elsewhere.Instance, elsewhere.Host}}
			p.answer(w)
		case errors.As(err, &busy):
			answerBusy(w, err.Error())
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
			answerBusy(w, "the shard did not answer within "+customerWait.String()+": the journal is slow or cannot be reached; /metrics and the log of this instance say more")
		default:
			if failed != nil {
				failed(err)
			}
			answerProblem(w, http.StatusInternalServerError, "what is known of the customer could not be read: the log of this instance says why; `wend explain` reads the journal instead")
		}
	})
}

// answerBusy is for what will be over soon.
func answerBusy(w http.ResponseWriter, detail string) {
	w.Header().Set("Retry-After", "1")
	answerProblem(w, http.StatusServiceUnavailable, detail)
}
