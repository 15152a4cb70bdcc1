// Package harness is everything between a check and a socket: targets and how
// to dial them, scripted clients with a strict decoder behind them, fences
// that prove silence without sleeping, transcripts, and the probe that finds
// out what a broker supports. It speaks MQTT through package codec and knows
// no check, no requirement and no report.
package harness
