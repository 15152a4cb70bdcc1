// Package harness is what a check speaks: a scripted exchange with one broker
// ([Exchange]), its clients and their verbs ([Client]), the strict decoder and
// the audit behind them, fences that prove silence without sleeping, the
// transcript, and the [Evidence] that remains of it all; beside that targets, the
// probe that finds out what a broker supports, and its [Health]. It speaks MQTT
// through package codec, to sockets through package wire.
//
// What a verb of a [Client] or an [Exchange] can do to a verdict shows in its
// name. Want says what the broker has to do: if it does not, that is a verdict
// against it. A bare verb (Connect, Publish, TakePubrec) is set-up, or something
// the client does: a broker that does not go along with it blocks the check and
// is accused of nothing. Try asks for what a broker may decline (TrySubscribe):
// where it does, the check does not apply. Whatever else there is, nouns,
// participles and Await (Topic, Closed, Refusal, AwaitEnd), tells what there is or
// what has come, and judges nothing. A step that a check stands on, and not what it
// decides, is put into [Exchange.StandsOn]: then a Want in it blocks, too. Expect
// and Failf give the verdicts that are about a packet's content, FailMessage those on
// a message that has come in the place of another.
//
// It must not know checks, nor which of them decides what: an exchange tells what
// has stopped it ([Stop]), which [Step] of the set-up was missing, and which
// statements the broker's packets broke by themselves, whatever it was about; the
// verdict is made elsewhere. The statements that it can find broken stand in one
// table, statements.go; all others are named by the checks. Requirements, outcomes
// and reports it does not know at all.
package harness
