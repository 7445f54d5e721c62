package manifest

import (
	"slices"
	"sync"
)

// maxNotes bounds what a badly damaged file can make a job remember.
const maxNotes = 100

// notes are what was found and got around, for the report.
type notes struct {
	mu   sync.Mutex // guards text
	text []string
}

func (n *notes) add(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.text) < maxNotes && !slices.Contains(n.text, text) {
		n.text = append(n.text, text)
	}
}

// Notes are sentences about damage in the job file that was found and got
// around since it was opened, at most a hundred.
func (j *Job) Notes() []string {
	j.noted.mu.Lock()
	defer j.noted.mu.Unlock()
	return slices.Clone(j.noted.text)
}
