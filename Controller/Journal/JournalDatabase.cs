namespace Mesh.Controller.Journal;

/// <summary>
/// A database that holds the journal, in Akka.Persistence.Sql's default layout. What is written goes through one thread, which takes what
/// waits as one group, so that many actors share one flush to the disk; a failure of one caller never fails another. An append that has
/// returned is durable. Safe for concurrent use, and several processes may use one database.
/// </summary>
internal abstract partial class JournalDatabase : IDisposable
{
    private readonly Thread _writerThread;
    private volatile bool _disposed;

    protected JournalDatabase() => _writerThread = new Thread(RunWriter) { IsBackground = true, Name = "journal writer" };

    /// <summary>Names the database for people, without secrets.</summary>
    public abstract string Place { get; }

    /// <summary>The version of its tables.</summary>
    public abstract long SchemaVersion { get; }

    /// <summary>Whether it is closed, or being closed.</summary>
    protected bool IsDisposed => _disposed;

    /// <summary>
    /// Opens a journal: a file by its path, a PostgreSQL database by <c>postgresql://</c>. One that is not there is created (of PostgreSQL: its
    /// tables). Throws <see cref="JournalCorruptException"/> when it is damaged, <see cref="JournalSchemaException"/> when a newer program
    /// wrote it, <see cref="JournalUnavailableException"/> when it cannot be opened.
    /// </summary>
    public static JournalDatabase Open(string place) =>
        PostgresPlace.IsOne(place) ? PostgresJournal.Open(PostgresPlace.Parse(place)) : SqliteJournal.Open(place);

    /// <summary>Hands over the events of one id in order, both bounds inclusive, at most <paramref name="max"/>; deleted ones are left out.</summary>
    public abstract Task ReplayAsync(string persistenceId, long fromSequenceNr, long toSequenceNr, long max, Action<JournalRow> replay);

    /// <summary>Reads every row, deleted ones included, in the order of commits, as of one moment.</summary>
    public IEnumerable<StoredRow> ReadAll()
    {
        using var rows = ReadRows().GetEnumerator();
        while (MoveNext())
            yield return rows.Current;

        bool MoveNext()
        {
            try
            {
                return rows.MoveNext();
            }
            catch (Exception failure) when (Explain(failure) is { } explained)
            {
                throw explained;
            }
        }
    }

    /// <summary>Writes what is queued, then closes the database.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _operations.CompleteAdding();
        _writerThread.Join();
        Close();
        _operations.Dispose();
        Signal();
    }

    /// <summary>Begins to take operations; the database is as it was found, with this highest ordering.</summary>
    protected void Start(long highestOrdering)
    {
        _highestOrdering = highestOrdering;
        _writerThread.Start();
    }

    /// <summary>Reads what <see cref="ReadAll"/> gives, and throws what the database throws.</summary>
    protected abstract IEnumerable<StoredRow> ReadRows();

    /// <summary>Says for people what the database threw at whoever opened or read it; null for what is not of the database.</summary>
    protected abstract JournalException? Explain(Exception failure);

    /// <summary>Lets go of connections; nothing is written any more.</summary>
    protected abstract void Close();
}
