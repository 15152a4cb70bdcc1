package reports

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
)

// liveEvery is how often the live line is drawn afresh while nothing
// finishes, so that one sees that the run is alive.
const liveEvery = 200 * time.Millisecond

// A live is the one line at the foot of a terminal that shows how far a run
// is. It is a single line, drawn over in place: it needs no cursor movement
// but the return to column one, and leaves nothing behind.
type live struct {
	mu      sync.Mutex
	pen     *pen
	total   int
	done    int
	counts  Counts
	last    string // ID of the check that finished last
	began   time.Time
	drawn   time.Time
	stop    chan struct{}
	stopped sync.WaitGroup
}

func startLive(p *pen, total int) *live {
	l := &live{pen: p, total: total, counts: Counts{}, began: time.Now(), stop: make(chan struct{})}
	l.draw()
	l.stopped.Go(func() {
		tick := time.NewTicker(liveEvery)
		defer tick.Stop()
		for {
			select {
			case <-l.stop:
				return
			case <-tick.C:
				l.mu.Lock()
				l.draw()
				l.mu.Unlock()
			}
		}
	})
	return l
}

// checkDone counts c and prints what report writes, if anything, above the
// live line.
func (l *live) checkDone(c *Check, report func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done++
	l.total = max(l.total, l.done) // a check that was not selected can fail by what others saw
	l.counts[c.Outcome]++
	l.last = shown(c.ID, 80)
	if report != nil {
		l.pen.write("\r\x1b[K")
		report()
		l.draw()
		return
	}
	if time.Since(l.drawn) > liveEvery/4 {
		l.draw()
	}
}

// end takes the line away.
func (l *live) end() {
	close(l.stop)
	l.stopped.Wait()
	l.pen.write("\r\x1b[K")
}

func (l *live) draw() {
	l.drawn = time.Now()
	l.pen.write("\r" + l.text(l.drawn.Sub(l.began)) + "\x1b[K")
}

// text is the line: what matters most comes first, and what does not fit the
// width is left out.
func (l *live) text(elapsed time.Duration) string {
	room := l.pen.width - 1 // the last column would make some terminals wrap
	progress := fmt.Sprintf("%d/%d", l.done, l.total)
	var b strings.Builder
	b.WriteString(l.pen.paint(bold, fit(progress, room)))
	room -= len(progress)
	add := func(i ink, s string) {
		if n := text.StringWidthWithoutEscSequences(s); n+2 <= room {
			b.WriteString("  " + l.pen.paint(i, s))
			room -= n + 2
		}
	}
	barAt := 8
	if room > 50 {
		barAt = 20
	}
	if room > 30 && l.total > 0 {
		full := min(barAt, l.done*barAt/l.total)
		b.WriteString("  " + l.pen.paint(green, strings.Repeat("━", full)) + l.pen.paint(dim, strings.Repeat("─", barAt-full)))
		room -= barAt + 2
	}
	for _, o := range urgency {
		if n := l.counts[o]; n > 0 {
			add(o.ink(), fmt.Sprintf("%d %s", n, o.word()))
		}
	}
	add(dim, fmt.Sprintf("%.0f s", elapsed.Seconds()))
	if l.last != "" && room > 14 {
		add(dim, fit(l.last, room-2))
	}
	return b.String()
}
