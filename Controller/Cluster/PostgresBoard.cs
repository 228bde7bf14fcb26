using Mesh.Actors.Cluster;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Npgsql;
using NpgsqlTypes;

namespace Mesh.Controller.Cluster;

/// <summary>Keeps the member board in the journal's database, in tables beside it. A heartbeat is one round trip.</summary>
sealed class PostgresBoard(ClusterDatabase database, ClusterTimes times) : IMemberBoard
{
    static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(250);

    // Whoever comes from the same place holds its lock, so that the one before is dead; else its lease must be over by the database's clock.
    const string Claim = """
        INSERT INTO mesh_member AS m(controller, incarnation, place, version, addresses, internal, phase, started, heartbeat, revision, attached, clock_offset_ms)
        VALUES($1, 1, $2, $3, '{}', '', 'serving', clock_timestamp(), clock_timestamp(), 0, 0, 0)
        ON CONFLICT (controller) DO UPDATE SET
            incarnation = m.incarnation + 1, place = EXCLUDED.place, version = EXCLUDED.version, addresses = '{}', internal = '', phase = 'serving',
            started = EXCLUDED.started, heartbeat = EXCLUDED.heartbeat, revision = 0, attached = 0, clock_offset_ms = 0
        WHERE m.phase = 'stopped' OR m.place = EXCLUDED.place OR m.heartbeat + $4 < clock_timestamp()
        RETURNING incarnation
        """;

    // A row that is older than this process, or missing, comes of a database that was set back: it is written anew. A newer one has won.
    const string Beat = """
        INSERT INTO mesh_member AS m(controller, incarnation, place, version, addresses, internal, phase, started, heartbeat, revision, attached, clock_offset_ms)
        VALUES($1, $2, $3, $4, $5, $6, $7, clock_timestamp(), clock_timestamp(), $8, $9, $10)
        ON CONFLICT (controller) DO UPDATE SET
            incarnation = EXCLUDED.incarnation, place = EXCLUDED.place, version = EXCLUDED.version, addresses = EXCLUDED.addresses,
            internal = EXCLUDED.internal, phase = EXCLUDED.phase, heartbeat = EXCLUDED.heartbeat, revision = EXCLUDED.revision,
            attached = EXCLUDED.attached, clock_offset_ms = EXCLUDED.clock_offset_ms
        WHERE m.incarnation < EXCLUDED.incarnation OR m.incarnation = EXCLUDED.incarnation AND m.phase <> 'stopped'
        RETURNING 1
        """;

    const string Own = "EXISTS(SELECT 1 FROM mesh_member WHERE controller = $1 AND incarnation = $2 AND phase = 'serving')";

    // In the order of the names, so that two controllers never wait for each other in a circle.
    const string TakeJobs = $"""
        INSERT INTO mesh_lease AS l(job, holder, incarnation, token, until)
        SELECT job, $1, $2, 1, clock_timestamp() + $4 FROM unnest($3) AS job WHERE {Own} ORDER BY job
        ON CONFLICT (job) DO UPDATE SET
            token = l.token + CASE WHEN l.holder = EXCLUDED.holder AND l.incarnation = EXCLUDED.incarnation THEN 0 ELSE 1 END,
            holder = EXCLUDED.holder, incarnation = EXCLUDED.incarnation, until = EXCLUDED.until
        WHERE l.holder = EXCLUDED.holder AND l.incarnation <= EXCLUDED.incarnation OR l.until < clock_timestamp()
        """;

    const string ReadMembers = """
        SELECT controller, incarnation, version, addresses, internal, phase, started, heartbeat, revision, attached, clock_offset_ms, clock_timestamp()
        FROM mesh_member
        """;

    const string ReadJobs = "SELECT job, holder, token, until FROM mesh_lease";

    /// <inheritdoc/>
    public async Task<long?> JoinAsync(MemberSelf self, CancellationToken cancellationToken)
    {
        WallTime? first = null;
        while (true)
        {
            if (await database.RunAsync(TryClaimAsync, cancellationToken) is { } incarnation)
                return incarnation;
            var heartbeat = await database.RunAsync(ReadHeartbeatAsync, cancellationToken);
            first ??= heartbeat;
            // It has been heard of while we looked: it lives.
            if (heartbeat > first)
                return null;
            await Task.Delay(LookAgain, cancellationToken);
        }

        async Task<long?> TryClaimAsync(NpgsqlConnection connection)
        {
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            // An incarnation that was given must not be given again after the database has crashed.
            await using (var durable = new NpgsqlCommand("SET LOCAL synchronous_commit = on", connection))
                await durable.ExecuteNonQueryAsync(cancellationToken);
            await using var claim = new NpgsqlCommand(Claim, connection)
            {
                Parameters = { Text(self.Controller), Of(self.Place), Of(self.Version), Of(times.Lease) },
            };
            var found = await claim.ExecuteScalarAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            return found as long?;
        }

        async Task<WallTime?> ReadHeartbeatAsync(NpgsqlConnection connection)
        {
            await using var command = new NpgsqlCommand("SELECT heartbeat FROM mesh_member WHERE controller = $1", connection)
            {
                Parameters = { Text(self.Controller) },
            };
            return await command.ExecuteScalarAsync(cancellationToken) is { } read ? ClusterDatabase.Read(read) : null;
        }
    }

    /// <inheritdoc/>
    public Task<BoardReading?> BeatAsync(MemberSelf self, long incarnation, MemberBeat beat, CancellationToken cancellationToken) =>
        database.RunAsync(
            async connection =>
            {
                await using var batch = new NpgsqlBatch(connection)
                {
                    BatchCommands =
                    {
                        new(Beat)
                        {
                            Parameters =
                            {
                                Text(self.Controller), Of(incarnation), Of(self.Place), Of(self.Version), Of(beat.Addresses.ToArray()), Of(beat.Internal),
                                Of(NameOf(beat.Phase)), Of(beat.Revision), Of(beat.Attached), Of((long)beat.ClockOffset.TotalMilliseconds),
                            },
                        },
                        new(TakeJobs) { Parameters = { Text(self.Controller), Of(incarnation), Of(beat.Jobs.ToArray()), Of(times.Lease) } },
                        new(ReadMembers),
                        new(ReadJobs),
                    },
                };
                await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
                // Only statements that give rows are results of their own.
                var isOurs = await reader.ReadAsync(cancellationToken);
                await reader.NextResultAsync(cancellationToken);
                var members = new List<MemberRow>();
                WallTime now = default;
                while (await reader.ReadAsync(cancellationToken))
                {
                    now = ClusterDatabase.Read(reader.GetValue(11));
                    if (ReadMember(reader) is { } member)
                        members.Add(member);
                }
                await reader.NextResultAsync(cancellationToken);
                var jobs = new List<JobRow>();
                while (await reader.ReadAsync(cancellationToken))
                {
                    if (TypedId.TryParse<ControllerId>(reader.GetString(1), out var holder))
                        jobs.Add(new JobRow(reader.GetString(0), holder, reader.GetInt64(2), ClusterDatabase.Read(reader.GetValue(3))));
                }
                return isOurs ? new BoardReading(now, members, jobs) : null;
            },
            cancellationToken);

    /// <inheritdoc/>
    public Task LeaveAsync(MemberSelf self, long incarnation, MemberPhase phase, CancellationToken cancellationToken) => database.RunAsync(
        async connection =>
        {
            await using var batch = new NpgsqlBatch(connection)
            {
                BatchCommands =
                {
                    new("UPDATE mesh_member SET phase = $3, heartbeat = clock_timestamp() WHERE controller = $1 AND incarnation = $2")
                    {
                        Parameters = { Text(self.Controller), Of(incarnation), Of(NameOf(phase)) },
                    },
                    // The row stays: its token must go on growing.
                    new("UPDATE mesh_lease SET until = to_timestamp(0) WHERE holder = $1 AND incarnation <= $2")
                    {
                        Parameters = { Text(self.Controller), Of(incarnation) },
                    },
                },
            };
            return await batch.ExecuteNonQueryAsync(cancellationToken);
        },
        cancellationToken);

    static MemberRow? ReadMember(NpgsqlDataReader reader) =>
        TypedId.TryParse<ControllerId>(reader.GetString(0), out var id)
            ? new MemberRow(
                id, reader.GetInt64(1), reader.GetString(2), reader.GetFieldValue<string[]>(3), reader.GetString(4),
                reader.GetString(5) switch { "serving" => MemberPhase.Serving, "stopping" => MemberPhase.Stopping, _ => MemberPhase.Stopped },
                ClusterDatabase.Read(reader.GetValue(6)), ClusterDatabase.Read(reader.GetValue(7)), reader.GetInt64(8), reader.GetInt32(9),
                TimeSpan.FromMilliseconds(reader.GetInt64(10)))
            : null;

    static string NameOf(MemberPhase phase) => phase switch
    {
        MemberPhase.Serving => "serving",
        MemberPhase.Stopping => "stopping",
        _ => "stopped",
    };

    static NpgsqlParameter Text(ControllerId id) => Of(id.ToString());

    static NpgsqlParameter Of(object value) => new()
    {
        Value = value,
        NpgsqlDbType = value switch
        {
            string => NpgsqlDbType.Text,
            string[] => NpgsqlDbType.Array | NpgsqlDbType.Text,
            long => NpgsqlDbType.Bigint,
            int => NpgsqlDbType.Integer,
            TimeSpan => NpgsqlDbType.Interval,
            _ => throw new ArgumentException($"no column has a {value.GetType().Name}", nameof(value)),
        },
    };
}
