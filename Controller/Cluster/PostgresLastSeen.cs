using Mesh.Actors.Ports;
using Mesh.Protocol.Identity;
using Npgsql;
using NpgsqlTypes;

namespace Mesh.Controller.Cluster;

/// <summary>Keeps when nodes were last heard of in a table beside the journal; a thousand nodes are one statement.</summary>
sealed class PostgresLastSeen(ClusterDatabase database, ControllerId self) : ILastSeen
{
    const int Batch = 1000;

    // Nodes that were taken out leave their rows: nobody asks for them, and they are few.
    const string Clean = "DELETE FROM mesh_last_seen WHERE written < clock_timestamp() - INTERVAL '400 days'";

    const string Release = "UPDATE mesh_last_seen SET controller = NULL, attached = NULL WHERE controller = $1";

    const string Columns = "node, seen, revision, os, version, controller, attached";

    // In the order of the nodes, so that two controllers never wait for each other in a circle. Of two attaches the later counts; who leaves
    // takes only its own back.
    const string Write = $"""
        INSERT INTO mesh_last_seen AS s({Columns}, written)
        SELECT {Columns}, clock_timestamp()
        FROM unnest($2, $3, $4, $5, $6, $7, $8) AS news({Columns}) ORDER BY node
        ON CONFLICT (node) DO UPDATE SET
            seen = GREATEST(s.seen, EXCLUDED.seen), revision = GREATEST(s.revision, EXCLUDED.revision),
            os = CASE WHEN {IsNewer} THEN COALESCE(EXCLUDED.os, s.os) ELSE COALESCE(s.os, EXCLUDED.os) END,
            version = CASE WHEN {IsNewer} THEN COALESCE(EXCLUDED.version, s.version) ELSE COALESCE(s.version, EXCLUDED.version) END,
            controller = CASE WHEN {IsOurs} THEN EXCLUDED.controller ELSE s.controller END,
            attached = CASE WHEN {IsOurs} THEN EXCLUDED.attached ELSE s.attached END,
            written = EXCLUDED.written
        """;

    const string IsNewer = "EXCLUDED.seen >= s.seen";

    const string IsOurs = "s.controller IS NULL OR s.controller = $1 OR s.attached <= EXCLUDED.attached";

    /// <inheritdoc/>
    public Task<IReadOnlyList<SeenRow>> BeginAsync(CancellationToken cancellationToken) => database.RunAsync(
        async connection =>
        {
            await using (var batch = new NpgsqlBatch(connection)
            {
                BatchCommands = { new(Clean), new(Release) { Parameters = { new() { Value = self.ToString() } } } },
            })
                await batch.ExecuteNonQueryAsync(cancellationToken);
            await using var command = new NpgsqlCommand($"SELECT {Columns} FROM mesh_last_seen", connection);
            return await ReadAsync(command, cancellationToken);
        },
        cancellationToken);

    /// <inheritdoc/>
    public async Task WriteAsync(IReadOnlyList<SeenRow> rows, CancellationToken cancellationToken)
    {
        foreach (var part in rows.Chunk(Batch))
        {
            await database.RunAsync(
                async connection =>
                {
                    await using var command = new NpgsqlCommand(Write, connection)
                    {
                        Parameters =
                        {
                            new() { Value = self.ToString() },
                            Texts(part.Select(row => row.Node.ToString())),
                            Times(part.Select(row => (DateTime?)row.SeenAt.ToDateTimeOffset().UtcDateTime)),
                            new() { Value = part.Select(row => row.Revision).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint },
                            Texts(part.Select(row => Clip(row.Os))),
                            Texts(part.Select(row => Clip(row.Version))),
                            Texts(part.Select(row => row.Controller?.ToString())),
                            Times(part.Select(row => row.AttachedAt?.ToDateTimeOffset().UtcDateTime)),
                        },
                    };
                    return await command.ExecuteNonQueryAsync(cancellationToken);
                },
                cancellationToken);
        }
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<SeenRow>> ReadAttachedAsync(IReadOnlyCollection<ControllerId> controllers, CancellationToken cancellationToken) =>
        database.RunAsync(
            async connection =>
            {
                await using var command = new NpgsqlCommand($"SELECT {Columns} FROM mesh_last_seen WHERE controller = ANY($1)", connection)
                {
                    Parameters = { Texts(controllers.Select(one => one.ToString())) },
                };
                return await ReadAsync(command, cancellationToken);
            },
            cancellationToken);

    static async Task<IReadOnlyList<SeenRow>> ReadAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        var rows = new List<SeenRow>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            if (TypedId.TryParse<NodeId>(reader.GetString(0), out var node))
                rows.Add(new SeenRow(
                    node, ClusterDatabase.Read(reader.GetValue(1)), reader.GetInt64(2), reader.IsDBNull(3) ? null : reader.GetString(3),
                    reader.IsDBNull(4) ? null : reader.GetString(4),
                    !reader.IsDBNull(5) && TypedId.TryParse<ControllerId>(reader.GetString(5), out var controller) ? controller : null,
                    reader.IsDBNull(6) ? null : ClusterDatabase.Read(reader.GetValue(6))));
        }
        return rows;
    }

    // The database takes no zero character in a text, and a machine may report one.
    static string? Clip(string? text) => text?.Replace("\0", "", StringComparison.Ordinal);

    static NpgsqlParameter Texts(IEnumerable<string?> texts) =>
        new() { Value = texts.ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text };

    static NpgsqlParameter Times(IEnumerable<DateTime?> times) =>
        new() { Value = times.ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz };
}
