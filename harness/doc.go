// Package harness is everything between a check and a socket: targets and how
// to dial them, scripted clients with a strict decoder behind them, fences
// that prove silence without sleeping, transcripts, and the probe that finds
// out what a broker supports. It speaks MQTT through package codec and knows
// no check, no requirement and no report.
//
// What a verb of a [Client] or an [Exchange] can do to a verdict shows in its
// name. Want says what the broker has to do: if it does not, that is a verdict
// against it. A bare verb (Connect, Publish, TakePubrec) is set-up, or something
// the client does: a broker that does not go along with it blocks the check and
// is accused of nothing. Try asks for what a broker may decline (TrySubscribe):
// where it does, the check does not apply. Whatever else there is, nouns,
// participles and Await (Topic, Closed, Refusal, AwaitEnd), tells what there is or
// what has come, and judges nothing. A step that a check stands on, and not what it
// decides, is put into [Exchange.StandsOn]: then a Want in it blocks, too.
// Expect and Failf give the verdicts that are about a packet's content.
package harness
