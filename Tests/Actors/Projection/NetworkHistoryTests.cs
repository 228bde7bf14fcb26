using Mesh.Actors.Events;
using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Protocol;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Tests.Actors.Registry;
using Mesh.Tests.Kit;
using Xunit.Abstractions;

namespace Mesh.Tests.Actors.Projection;

public sealed class NetworkHistoryTests(ITestOutputHelper output)
{
    static readonly WallTime Start = new(1_700_000_000_000);

    [Fact]
    public async Task What_is_answered_of_a_moment_is_what_was_signed_and_sent_then()
    {
        var seed = Environment.TickCount;
        var (actions, moments) = Requirements.Full ? (400, 1000) : (80, 100);
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        // Each event is a commit of its own: nothing between two revisions that nodes were told of.
        await using var harness = await ControllerHarness.StartAsync(seed, new ControllerOptions { TailBatch = 1, CommandTimeout = TimeSpan.FromSeconds(10) });
        var nodes = new List<RecordedNode>();
        var begin = harness.Clock.Now;
        for (var i = 0; i < actions; i++)
        {
            harness.Clock.Advance(TimeSpan.FromMilliseconds(random.Next(1, 5000)));
            await ActAsync(harness, random, nodes, i);
        }
        var end = harness.Clock.Now;
        var now = harness.Controller.Queries;
        foreach (var node in nodes)
        {
            await Until(() => now.View.BodyFor(node.Id) is { } body ? Same(Bytes(body), node.Newest) : node.Newest is null);
            Assert.Equal(Mesh.Protocol.Trust.TrustRefusal.None, node.Refused);
        }

        var (compared, changes) = (0, nodes.Sum(node => node.Count));
        for (var i = 0; i < moments; i++)
        {
            Moment moment = i % 4 == 0
                ? new Moment.AtRevision(random.NextInt64(1, now.View.Revision + 1))
                : new Moment.AtTime(new WallTime(random.NextInt64(begin.UnixMilliseconds, end.UnixMilliseconds + 1)));
            var then = await now.AtAsync(moment, CancellationToken.None);
            Assert.True(then.IsDone, then.Refusal?.Message);
            foreach (var node in nodes)
            {
                if (!node.TryGet(then.Value.View.Revision, out var told))
                    continue;
                var body = then.Value.View.BodyFor(node.Id);
                Assert.True(Same(body is null ? null : Bytes(body), told), $"{node.Name} at {moment}, revision {then.Value.View.Revision}");
                compared++;
            }
        }
        Assert.True(compared > moments, $"only {compared} bodies compared");
        output.WriteLine($"{moments} moments: {compared} bodies equal to those sent; {nodes.Count} nodes were told {changes} bodies over {now.View.Revision} revisions");
    }

    [Fact]
    public async Task Where_clocks_differ_the_order_of_commits_counts()
    {
        var journal = new ListedJournal(
            Created(0), User("early", 10), User("fast", 60), User("slow", 20), User("late", 30));
        // The one that carries a later time came before one that was decided by then.
        Assert.Equal((2, "early"), await UsersAsync(journal, new Moment.AtTime(Start + TimeSpan.FromSeconds(19))));
        Assert.Equal((4, "early fast slow"), await UsersAsync(journal, new Moment.AtTime(Start + TimeSpan.FromSeconds(20))));
        Assert.Equal((5, "early fast late slow"), await UsersAsync(journal, new Moment.AtTime(Start + TimeSpan.FromSeconds(30))));
        Assert.Equal((3, "early fast"), await UsersAsync(journal, new Moment.AtRevision(3)));
        Assert.Equal((1, ""), await UsersAsync(journal, new Moment.AtTime(Start)));
    }

    [Fact]
    public async Task What_never_was_is_told()
    {
        var history = new NetworkHistory(new ListedJournal(Created(0), User("alice", 10)));
        Assert.Equal("there was no network then: it was made 2023-11-14T22:13:20.000Z", await RefusedAsync(new Moment.AtTime(Start - TimeSpan.FromSeconds(1))));
        Assert.Equal("there was no network then: it was made 2023-11-14T22:13:20.000Z", await RefusedAsync(new Moment.AtRevision(0)));
        Assert.Equal("there is no revision 3: the one before it is 2", await RefusedAsync(new Moment.AtRevision(3)));
        history = new NetworkHistory(new ListedJournal());
        Assert.Equal("there is no network yet", await RefusedAsync(new Moment.AtRevision(1)));

        async Task<string?> RefusedAsync(Moment moment) => (await history.AtAsync(moment, CancellationToken.None)).Refusal?.Message;
    }

    [Fact]
    public async Task A_long_journal_is_read_in_parts_and_only_so_many_at_once_and_whoever_leaves_ends_it()
    {
        var journal = new ListedJournal([Created(0), .. Enumerable.Range(1, 3500).Select(i => User($"user{i}", i))]);
        var history = new NetworkHistory(journal);
        Assert.Equal(2501, (await history.AtAsync(new Moment.AtRevision(2501), CancellationToken.None)).Value!.View.Revision);

        journal.Hold = new TaskCompletionSource();
        using var leave = new CancellationTokenSource();
        var asking = Enumerable.Range(0, NetworkHistory.MostAtOnce).Select(_ => history.AtAsync(new Moment.AtRevision(1), leave.Token)).ToList();
        Assert.Equal(RefusalKind.Unavailable, (await history.AtAsync(new Moment.AtRevision(1), CancellationToken.None)).Refusal?.Kind);
        await leave.CancelAsync();
        foreach (var one in asking)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one);
        journal.Hold.SetResult();
        Assert.True((await history.AtAsync(new Moment.AtRevision(1), CancellationToken.None)).IsDone);
    }

    static async Task ActAsync(ControllerHarness harness, Random random, List<RecordedNode> nodes, int round)
    {
        var controller = harness.Controller;
        var present = nodes.Where(node => controller.Queries.Node(node.Id) is { IsPresent: true }).ToList();
        switch (random.Next(present.Count == 0 ? 1 : 7))
        {
            case 0 or 1 when present.Count < 12:
                var (machine, enrolled) = await harness.JoinAsync($"m{round}", "alice", random.Next(3) == 0 ? [random.Next(2) == 0 ? "server" : "ci"] : []);
                var node = new RecordedNode(harness, enrolled.Node.Id, enrolled.Node.Name, enrolled.Map);
                node.Attach(random.Next(2) == 0 ? ["aes-256-gcm"] : []);
                nodes.Add(node);
                // Until its stream is open nobody sends it anything.
                await Until(() => node.Count > 1);
                break;
            case 2:
                var gone = present[random.Next(present.Count)];
                Assert.True((await controller.RevokeNodeAsync(gone.Id, TimeSpan.Zero, harness.By("admin:root"))).IsDone);
                break;
            case 3:
                var leaves = present[random.Next(present.Count)];
                Assert.True((await controller.LogoutAsync(leaves.Id, harness.By($"node:{leaves.Id}"))).IsDone);
                break;
            case 4:
                Assert.True((await controller.CreateUserAsync($"user{round}", harness.By("admin:root"))).IsDone);
                break;
            default:
                string[] selectors = ["*", "user:alice", "tag:server", "tag:ci", .. present.Select(one => "node:" + one.Name)];
                await harness.AllowAsync([.. Enumerable.Range(0, random.Next(1, 4))
                    .Select(_ => (selectors[random.Next(selectors.Length)], selectors[random.Next(selectors.Length)]))]);
                break;
        }
    }

    static async Task<(long, string)> UsersAsync(IJournalTail journal, Moment moment)
    {
        var past = await new NetworkHistory(journal).AtAsync(moment, CancellationToken.None);
        Assert.True(past.IsDone, past.Refusal?.Message);
        return (past.Value.View.Revision, string.Join(' ', past.Value.View.Users.Keys.Order(StringComparer.Ordinal)));
    }

    static async Task Until(Func<bool> condition)
    {
        var limit = DateTime.UtcNow.AddSeconds(10);
        while (!condition())
        {
            Assert.True(DateTime.UtcNow < limit, "a node was not told what is true now");
            await Task.Delay(5);
        }
    }

    static byte[] Bytes(Mesh.Protocol.Map.MapBody body) => ProtocolJson.Encode(body, ProtocolJson.Default.MapBody);

    static bool Same(byte[]? left, byte[]? right) => left is null ? right is null : right is not null && left.AsSpan().SequenceEqual(right);

    static INetworkEvent Created(int second) => new NetworkCreated(
        "c", "system", Start + TimeSpan.FromSeconds(second), new NetworkId(new EntityId([0, 0, 0, 0, 0, 0, 0, 0, 0, 1])), new SigningPublicKey(new byte[32]),
        "mesh.internal", "100.64.0.0/10", "fd12:3456:789a::/48");

    static INetworkEvent User(string name, int second) => new UserCreated("c", "admin:root", Start + TimeSpan.FromSeconds(second), name);

    sealed class ListedJournal(params INetworkEvent[] events) : IJournalTail
    {
        readonly List<JournalEvent> _rows =
        [
            .. events.Select((one, i) => new JournalEvent(
                i + 1, $"e{i}", 1, 0, NetworkEvents.Manifests.ByType(one.GetType()).Name, one.CommandId, NetworkEvents.Manifests.Encode(one))),
        ];

        public TaskCompletionSource? Hold { get; set; }

        public async ValueTask<IReadOnlyList<JournalEvent>> ReadAsync(long afterOrdering, int limit, CancellationToken cancellationToken)
        {
            if (Hold is { } hold)
                await hold.Task.WaitAsync(cancellationToken);
            return [.. _rows.Where(row => row.Ordering > afterOrdering).Take(limit)];
        }

        public ValueTask WaitAsync(long afterOrdering, TimeSpan atMost, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<long> HighestOrderingAsync(CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
