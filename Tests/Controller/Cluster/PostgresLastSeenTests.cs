using Mesh.Actors.Ports;
using Mesh.Controller.Cluster;
using Mesh.Controller.Journal;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Tests.Actors.Registry;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Controller.Cluster;

[NeedsPostgres]
public sealed class PostgresLastSeenTests : IAsyncLifetime
{
    static readonly ControllerId A = TypedId.Create<ControllerId>(new SeededEntropy(1));
    static readonly ControllerId B = TypedId.Create<ControllerId>(new SeededEntropy(2));
    static readonly NodeId Node = TypedId.Create<NodeId>(new SeededEntropy(3));
    static readonly WallTime Start = new(1_700_000_000_123);

    readonly string _uri = PostgresServer.Instance.CreateDatabase();
    ClusterDatabase _database = null!;

    public Task InitializeAsync()
    {
        PostgresJournal.Open(PostgresPlace.Parse(_uri)).Dispose();
        _database = new ClusterDatabase(PostgresPlace.Parse(_uri));
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _database.DisposeAsync();
        PostgresServer.Instance.DropDatabase(_uri);
    }

    [SpecFact]
    public async Task What_is_written_is_read_and_only_what_is_newer_replaces_it()
    {
        var (a, b) = (Of(A), Of(B));
        var row = new SeenRow(Node, At(10), 5, "linux", "1.0", A, At(1));
        await a.WriteAsync([row], default);
        Assert.Equal(row, Assert.Single(await b.ReadAttachedAsync([A], default)));
        Assert.Empty(await b.ReadAttachedAsync([B], default));

        // It moved, and the former controller says so afterwards.
        var there = new SeenRow(Node, At(20), 6, null, "1.1", B, At(15));
        await b.WriteAsync([there], default);
        await a.WriteAsync([new SeenRow(Node, At(14), 5)], default);
        Assert.Equal(there with { Os = "linux" }, Assert.Single(await a.ReadAttachedAsync([A, B], default)));
        // Late news of the old attach.
        await a.WriteAsync([row with { SeenAt = At(13) }], default);
        Assert.Equal(B, Assert.Single(await a.ReadAttachedAsync([A, B], default)).Controller);

        await b.WriteAsync([new SeenRow(Node, At(30), 6)], default);
        Assert.Empty(await a.ReadAttachedAsync([A, B], default));
        Assert.Equal(new SeenRow(Node, At(30), 6, "linux", "1.1"), Assert.Single(await a.BeginAsync(default)));
    }

    [SpecFact]
    public async Task Who_starts_has_no_nodes_yet_and_the_others_keep_theirs()
    {
        var entropy = new SeededEntropy(7);
        SeenRow[] rows = [.. Enumerable.Range(0, 2500).Select(i => new SeenRow(TypedId.Create<NodeId>(entropy), At(i), i, "linux\0", null, A, At(i)))];
        await Of(A).WriteAsync(rows, default);
        await Of(B).WriteAsync([new SeenRow(Node, At(1), 1, null, null, B, At(1))], default);
        Assert.Equal(2500, (await Of(B).ReadAttachedAsync([A], default)).Count);
        Assert.Equal(2501, (await Of(A).BeginAsync(default)).Count);
        Assert.Empty(await Of(B).ReadAttachedAsync([A], default));
        Assert.Single(await Of(A).ReadAttachedAsync([B], default));
    }

    [SpecFact]
    public async Task Two_controllers_that_write_of_the_same_nodes_do_not_block_each_other()
    {
        var entropy = new SeededEntropy(8);
        NodeId[] nodes = [.. Enumerable.Range(0, 500).Select(_ => TypedId.Create<NodeId>(entropy))];
        var random = new Random(1);
        await Task.WhenAll(new[] { A, B }.SelectMany(controller => Enumerable.Range(0, 10).Select(i =>
        {
            var shuffled = nodes.ToArray();
            random.Shuffle(shuffled);
            return Of(controller).WriteAsync([.. shuffled.Select(node => new SeenRow(node, At(i), i, null, null, controller, At(i)))], default);
        })));
        Assert.Equal(500, (await Of(A).BeginAsync(default)).Count);
    }

    static WallTime At(int seconds) => Start + TimeSpan.FromSeconds(seconds);

    PostgresLastSeen Of(ControllerId controller) => new(_database, controller);
}
