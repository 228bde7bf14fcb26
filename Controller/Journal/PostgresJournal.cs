using Mesh.Actors.Ports;
using Npgsql;

namespace Mesh.Controller.Journal;

/// <summary>
/// The journal in a PostgreSQL database: one connection writes, a few read, one listens. A connection that breaks is opened again with the
/// next use of it; what was being written then may or may not be stored, and fails as unknown. Several processes may use one database.
/// </summary>
internal sealed partial class PostgresJournal : JournalDatabase
{
    private const string Highest = "SELECT ordering FROM journal WHERE NOT deleted ORDER BY ordering DESC LIMIT 1";

    private static readonly TimeSpan ListenAgain = TimeSpan.FromSeconds(1);

    private readonly PostgresPlace _place;
    private readonly NpgsqlDataSource _readers;
    private readonly NpgsqlDataSource _writers;
    private readonly CancellationTokenSource _closing = new();
    private int _schemaVersion;
    private Task _listening = Task.CompletedTask;

    private PostgresJournal(PostgresPlace place)
    {
        _place = place;
        _readers = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(place.Connection)
        {
            ApplicationName = "mesh-controller",
            MaxPoolSize = 8,
            Timeout = 5,
            CommandTimeout = 30,
            // A server that has gone without a word is found out.
            KeepAlive = 10,
        });
        _writers = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(place.Connection)
        {
            ApplicationName = "mesh-controller journal",
            Pooling = false,
            Timeout = 5,
            CommandTimeout = 15,
            // Nobody waits long for the lock of another, and nobody keeps it: the server ends what does not.
            Options = "-c lock_timeout=2000 -c statement_timeout=10000 -c idle_in_transaction_session_timeout=2000",
            // A whole group in one piece: the server begins only when it has all of it.
            WriteBufferSize = 256 * 1024,
        });
    }

    /// <inheritdoc/>
    public override string Place => _place.Name;

    /// <inheritdoc/>
    public override long SchemaVersion => _schemaVersion;

    /// <summary>
    /// Opens the journal, and makes its tables where there are none. Throws <see cref="JournalSchemaException"/> when a newer program wrote it,
    /// <see cref="JournalUnavailableException"/> when it cannot be opened.
    /// </summary>
    /// <param name="place">Where.</param>
    /// <param name="rights">
    /// Without <see cref="SchemaRights.Create"/> a database without tables is one whose journal was lost (<see cref="JournalLostException"/>).
    /// </param>
    public static PostgresJournal Open(PostgresPlace place, SchemaRights rights = SchemaRights.Create | SchemaRights.Migrate)
    {
        var journal = new PostgresJournal(place);
        try
        {
            journal.Start(journal.Prepare(rights));
            journal._listening = Task.Run(journal.ListenAsync);
            return journal;
        }
        catch (Exception failure)
        {
            journal.Abandon();
            if (journal.Explain(failure) is { } explained)
                throw explained;
            throw;
        }
    }

    /// <inheritdoc/>
    public override Task ReplayAsync(
        string persistenceId, long fromSequenceNr, long toSequenceNr, long max, Action<JournalRow> replay) => ReadAsync(async connection =>
        {
            await using var command = new NpgsqlCommand(
                $"""
                SELECT {JournalColumns.Row} FROM journal
                WHERE persistence_id = $1 AND sequence_number BETWEEN $2 AND $3 AND NOT deleted
                ORDER BY sequence_number LIMIT $4
                """,
                connection)
            {
                Parameters =
                {
                    new() { Value = persistenceId }, new() { Value = fromSequenceNr }, new() { Value = toSequenceNr }, new() { Value = max },
                },
            };
            // Whole before the first is handed over: a connection that breaks halfway is asked again from the beginning.
            var rows = new List<JournalRow>();
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
                rows.Add(JournalColumns.ReadRow(reader).Row);
            return rows;
        }).ContinueWith(
            read => read.GetAwaiter().GetResult().ForEach(replay), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);

    /// <inheritdoc/>
    public override async ValueTask<IReadOnlyList<JournalEvent>> ReadAsync(
        long afterOrdering, int limit, CancellationToken cancellationToken) => await ReadAsync(async connection =>
        {
            await using var command = new NpgsqlCommand(
                $"SELECT {JournalColumns.Event} FROM journal WHERE ordering > $1 AND NOT deleted ORDER BY ordering LIMIT $2", connection)
            {
                Parameters = { new() { Value = afterOrdering }, new() { Value = limit } },
            };
            var events = new List<JournalEvent>();
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
                events.Add(JournalColumns.ReadEvent(reader));
            return events;
        }).ConfigureAwait(false);

    /// <inheritdoc/>
    protected override IEnumerable<StoredRow> ReadRows()
    {
        using var connection = _readers.OpenConnection();
        using var command = new NpgsqlCommand($"SELECT {JournalColumns.Row} FROM journal ORDER BY ordering", connection) { CommandTimeout = 0 };
        using var rows = command.ExecuteReader();
        while (rows.Read())
            yield return JournalColumns.ReadRow(rows);
    }

    /// <inheritdoc/>
    protected override JournalException? Explain(Exception failure) => failure switch
    {
        PostgresException { SqlState: PostgresErrorCodes.DataCorrupted or PostgresErrorCodes.IndexCorrupted } damaged =>
            new JournalCorruptException(Place, damaged.MessageText, damaged),
        NpgsqlException or TimeoutException or IOException => new JournalUnavailableException(Place, Reason(failure), failure, ExitCode.Unreachable),
        _ => null,
    };

    /// <inheritdoc/>
    protected override Task<long> ReadHighestOrderingAsync(CancellationToken cancellationToken) => ReadAsync(async connection =>
    {
        await using var command = new NpgsqlCommand(Highest, connection);
        return await command.ExecuteScalarAsync(cancellationToken) is long highest ? highest : 0;
    });

    /// <inheritdoc/>
    protected override void Close()
    {
        _closing.Cancel();
        _listening.Wait();
        Abandon();
    }

    /// <summary>One line for the operator, without what the server shows of statements.</summary>
    private static string Reason(Exception failure) => failure switch
    {
        PostgresException { SqlState: PostgresErrorCodes.DiskFull } => "the disk of the database is full",
        PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable } => "another program holds its lock",
        PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } => "the database took too long",
        PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction } => "the database is read-only",
        PostgresException said => said.MessageText.ReplaceLineEndings(" "),
        { InnerException: { } inner } => inner.Message.ReplaceLineEndings(" "),
        _ => failure.Message.ReplaceLineEndings(" "),
    };

    private long Prepare(SchemaRights rights)
    {
        using var connection = _readers.OpenConnection();
        var version = PostgresSchema.Ensure(connection, rights);
        if (version == 0)
            throw new JournalLostException(Place);
        if (version > PostgresSchema.Version)
            throw new JournalSchemaException(Place, version, PostgresSchema.Version);
        _schemaVersion = version;
        using var command = new NpgsqlCommand(Highest, connection);
        return command.ExecuteScalar() is long highest ? highest : 0;
    }

    /// <summary>Reads, once more where a connection of the pool turns out to be dead.</summary>
    private async Task<T> ReadAsync<T>(Func<NpgsqlConnection, Task<T>> read)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var connection = await _readers.OpenConnectionAsync().ConfigureAwait(false);
                return await read(connection).ConfigureAwait(false);
            }
            catch (NpgsqlException broken) when (attempt == 1 && broken.IsTransient && !IsDisposed)
            {
                // The pool has dropped it; the next one is new.
            }
            catch (Exception failure) when (Explain(failure) is { } explained)
            {
                throw explained;
            }
        }
    }

    /// <summary>Hears of what other processes store; a hint only, so that whatever goes wrong is tried again.</summary>
    private async Task ListenAsync()
    {
        var stop = _closing.Token;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await using var connection = await _readers.OpenConnectionAsync(stop);
                await using (var listen = new NpgsqlCommand($"LISTEN {PostgresSchema.Channel}", connection))
                    await listen.ExecuteNonQueryAsync(stop);
                while (true)
                {
                    await HighestOrderingAsync(stop);
                    await connection.WaitAsync(stop);
                }
            }
            catch (Exception end) when (end is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (Exception failure) when (failure is JournalException || Explain(failure) is not null)
            {
                await Task.Delay(ListenAgain, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Abandon()
    {
        _writer?.Dispose();
        _readers.Dispose();
        _writers.Dispose();
        _closing.Dispose();
    }
}
