package reports

import "slices"

// Durability is something that a broker was seen to keep over its own end, or
// to lose. The specification leaves it to the administrator: it is no verdict.
type Durability struct {
	MQTT     string `json:"mqtt"`
	Broker   string `json:"broker"`   // name of the target or of the instance
	Declared bool   `json:"declared"` // the target file says that it keeps its state
	Event    string `json:"event"`    // AfterRestart or AfterKill
	What     string `json:"what"`
	Kept     bool   `json:"kept"`
	Observed string `json:"observed,omitempty"` // in its place
}

// The events of [Durability].
const (
	AfterRestart = "restart" // stopped in an orderly way and started again
	AfterKill    = "kill"    // ended as a power failure would
)

// DurabilityTable is what r says about durability: a row for every thing that
// could be kept, a column for every broker, version and event.
func DurabilityTable(r *Results) (header []string, rows [][]string) {
	if len(r.Durability) == 0 {
		return nil, nil
	}
	header = []string{"kept over its end"}
	for _, d := range r.Durability {
		column := shown(d.Broker, 40) + " " + shown(d.MQTT, 20) + " " + shown(d.Event, 20)
		if !slices.Contains(header, column) {
			header = append(header, column)
		}
	}
	for _, d := range r.Durability {
		column := slices.Index(header, shown(d.Broker, 40)+" "+shown(d.MQTT, 20)+" "+shown(d.Event, 20))
		what := shown(d.What, 80)
		row := slices.IndexFunc(rows, func(row []string) bool { return row[0] == what })
		if row < 0 {
			row = len(rows)
			rows = append(rows, append([]string{what}, make([]string, len(header)-1)...))
		}
		if rows[row][column] = "lost"; d.Kept {
			rows[row][column] = "kept"
		}
	}
	return header, rows
}
