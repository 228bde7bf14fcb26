using Mesh.Actors.Persistence;

namespace Mesh.Controller.Journal;

/// <summary>The journal cannot do what was asked of it; the message is one line for the operator.</summary>
internal abstract class JournalException(int exitCode, string message, Exception? cause) : Exception(message, cause)
{
    /// <summary>What a program ends with that cannot go on, one of <see cref="Controller.ExitCode"/>.</summary>
    public int ExitCode { get; } = exitCode;
}

/// <summary>The database file is damaged. The program refuses to start: going on would lose acknowledged events.</summary>
internal sealed class JournalCorruptException(string path, string damage, Exception? cause = null)
    : JournalException(
        Controller.ExitCode.BadConfiguration, $"start refused: the journal {path} is damaged ({damage}); restore it from a backup", cause);

/// <summary>The database was written by a newer program.</summary>
internal sealed class JournalSchemaException(string path, long found, long known)
    : JournalException(
        Controller.ExitCode.BadConfiguration,
        $"start refused: the journal {path} has schema version {found}, this program knows up to {known}; install a newer one",
        null);

/// <summary>The database cannot be opened or read: no permission, no such directory, disk full; a server that does not answer.</summary>
internal sealed class JournalUnavailableException(
    string path, string reason, Exception? cause = null, int exitCode = Controller.ExitCode.BadConfiguration)
    : JournalException(exitCode, $"cannot open the journal {path}: {reason}", cause);

/// <summary>An archive of a journal cannot be read.</summary>
internal sealed class JournalArchiveException(string name, int line, string what, Exception? cause)
    : JournalException(Controller.ExitCode.BadInput, $"{name}, line {line}: {what}", cause);

/// <summary>A journal that was to be filled has something in it already.</summary>
internal sealed class JournalNotEmptyException(string place)
    : JournalException(Controller.ExitCode.Refused, $"the journal {place} is not empty: nothing was imported into it", null);

/// <summary>There is no journal where one was.</summary>
internal sealed class JournalLostException(string place)
    : JournalException(Controller.ExitCode.BadConfiguration, $"start refused: {place} has no journal; restore it from a backup", null);

/// <summary>It is not said where the journal is, or in a way that nobody understands.</summary>
internal sealed class JournalPlaceException(string reason)
    : JournalException(Controller.ExitCode.BadConfiguration, $"cannot open the journal: {reason}", null)
{
    /// <summary>Gets what is wrong.</summary>
    public string Reason { get; } = reason;
}

/// <summary>
/// Another writer stored an event of the same persistence id that this one has not seen. Nothing of this write is stored; the loser stops,
/// recovers and decides again.
/// </summary>
internal sealed class JournalConflictException(string persistenceId, long sequenceNr)
    : JournalException(Controller.ExitCode.TryAgain, $"another writer was first at {persistenceId}", null), IWriteConflict
{
    /// <summary>Gets the number that was to be stored.</summary>
    public long SequenceNr { get; } = sequenceNr;
}

/// <summary>A write did not happen or its outcome is unknown, for example on a full disk.</summary>
internal sealed class JournalWriteException(string reason, Exception cause)
    : JournalException(Controller.ExitCode.TryAgain, $"cannot write to the journal: {reason}", cause);
