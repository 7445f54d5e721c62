package engine

// A Source is where bytes are read. Safe for concurrent use.
type Source interface {
	Opener
	Reader
}

// A Destination is where bytes are written. Safe for concurrent use.
type Destination interface {
	Beginner
	Writer
	Finisher
}

// A Journal is the durable record of a job: what is left, which uploads were
// begun, which parts arrived, how each object ended. Safe for concurrent use.
// Any error of its is final: the run ends and the job file is opened anew.
type Journal interface {
	Backlog
	Recorder
	Completer
	Settler
}
