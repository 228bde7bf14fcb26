using Mesh.Controller.Journal;
using Mesh.Protocol.Time;
using Npgsql;

namespace Mesh.Controller.Cluster;

/// <summary>
/// Is the connections on which controllers look after each other. They are not the journal's: who is busy there still says that it is
/// alive. No statement waits long, and none waits for the disk. Safe for concurrent use.
/// </summary>
sealed class ClusterDatabase : IAsyncDisposable
{
    readonly NpgsqlDataSource _source;

    /// <summary>Prepares to connect.</summary>
    public ClusterDatabase(PostgresPlace place)
    {
        Place = place.Name;
        _source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(place.Connection)
        {
            ApplicationName = "mesh-controller cluster",
            MaxPoolSize = 4,
            // A second controller that cannot be heard is late after a lease: all of this ends well before that.
            Timeout = 3,
            CommandTimeout = 3,
            CancellationTimeout = 500,
            KeepAlive = 5,
            Options = "-c lock_timeout=1000 -c statement_timeout=2500 -c idle_in_transaction_session_timeout=2000 -c synchronous_commit=off",
        });
    }

    /// <summary>Names the database for people.</summary>
    public string Place { get; }

    /// <summary>Runs in one connection; what the database throws goes to the caller.</summary>
    public async Task<T> RunAsync<T>(Func<NpgsqlConnection, Task<T>> run, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var connection = await _source.OpenConnectionAsync(cancellationToken);
                return await run(connection);
            }
            catch (NpgsqlException broken) when (attempt == 1 && broken is not PostgresException && broken.IsTransient && broken.InnerException is not TimeoutException)
            {
                // A connection of the pool had died; the next one is new.
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _source.DisposeAsync();

    /// <summary>Turns a TIMESTAMPTZ as the driver reads it into a moment.</summary>
    public static WallTime Read(object value) => WallTime.From(new DateTimeOffset(DateTime.SpecifyKind((DateTime)value, DateTimeKind.Utc)));

    /// <summary>Turns a moment into what the driver writes as TIMESTAMPTZ.</summary>
    public static object Write(WallTime? time) => time is { } at ? at.ToDateTimeOffset().UtcDateTime : DBNull.Value;
}
