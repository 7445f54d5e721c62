// Package filestore is a local tree as a source and as a destination of objects.
//
// # Shape
//
// Source reads files, wherever they are. Destination writes below one root, and
// reaches everything there through an [os.Root] without following symbolic links.
// Walk lists the files below a folder that was given as a source.
//
// Places are absolute local paths, or the same after "file://". As in s3://
// places, nothing in them is percent-encoded.
//
// # The way of the bytes to disk
//
// Bytes go to a temporary file in the folder of the target, mode 0600, whose name
// begins with ".xfer-" and ends with ".part". An object put whole is written,
// synced, renamed and its folder synced. An object that arrives in parts has its
// space allocated by Begin; each part is written at its offset and synced before
// PutPart returns, so that a recorded part survives a power cut; Complete gives
// the file its mode and time, syncs, renames, and syncs the folder. Nothing else
// ever bears the target's name: who looks there finds the old file or the new one.
//
// Folders are created as needed, and synced upward before anything in them counts
// as arrived. Renames that happen at the same time in the same folder share the
// folder's sync; each waits for one that began after its own rename.
//
// # Who owns a temporary file
//
// The ID of an upload is the name of its temporary file, which is made of the
// target's name and a random number, so that a later process finds it and no two
// uploads share one. The file of a Put has a name without a random part and is
// locked (flock) as long as it is being written; one that a killed process left
// behind is not locked and is replaced by the next Put to the same target. Where
// the file system knows no locks, two processes that put the same target at the
// same time may disturb each other, which both notice before they rename.
//
// # When syncing fails
//
// After a failed sync the kernel may have dropped what it could not write and
// report success the next time (Rebello et al., "Can Applications Recover from
// fsync Failures?", USENIX ATC 2020). The temporary file is therefore removed, and
// the object starts again from its first byte.
package filestore
