using System.Collections.Concurrent;
using Mesh.Actors.Events;
using Mesh.Actors.Policy;
using Mesh.Actors.Registry;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Tests.Actors.History;
using Mesh.Tests.Actors.Registry;
using Mesh.Tests.Controller.Journal;
using Mesh.Tests.Kit.Persistence;
using Xunit.Abstractions;

namespace Mesh.Tests.Controller.Cluster;

/// <summary>
/// Three controllers on one PostgreSQL database, asked by many clients at once, while they are killed and started again, cut off from the
/// database, and their clocks set up to 30 s off one another. What clients were told is then held against the journal. 6 seconds with
/// one seed; with <c>MESH_FULL=1</c> 10 minutes; <c>MESH_SEED</c> plays a seed again.
/// </summary>
[NeedsPostgres]
public sealed class ControllersInChaosTests(ITestOutputHelper output)
{
    static readonly bool IsFull = Environment.GetEnvironmentVariable("MESH_FULL") == "1";

    readonly ConcurrentBag<Acknowledged> _told = [];
    readonly ConcurrentDictionary<string, int> _answers = new(StringComparer.Ordinal);
    readonly ConcurrentQueue<CredentialString> _credentials = new();
    readonly ConcurrentQueue<NodeId> _nodes = new();
    int _last;

    [SpecFact]
    public async Task Nothing_that_was_acknowledged_is_lost_or_done_twice()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("MESH_SEED"), out var given) ? given : Environment.TickCount;
        output.WriteLine($"seed {seed}");
        await using var controllers = await SeveralControllers.StartAsync(new TempPostgres());
        using var end = new CancellationTokenSource(IsFull ? TimeSpan.FromMinutes(10) : TimeSpan.FromSeconds(6));
        var clients = Enumerable.Range(0, 8).Select(i => Task.Run(() => AskAsync(controllers, new Random(seed + i), end.Token))).ToList();
        var faults = await RageAsync(controllers, new Random(seed), end.Token);
        await Task.WhenAll(clients);

        for (var i = 0; i < 3; i++)
        {
            controllers.Skew(i, default);
            Assert.True((await controllers[i].CreateUserAsync($"after{i}", controllers.By("admin:root"))).IsDone);
        }
        await controllers.SettleAsync();
        var journal = await controllers.JournalAsync();
        output.WriteLine($"{journal.Count} events; {_told.Count} acknowledged; {string.Join(", ", faults.Select(one => $"{one.Value} x {one.Key}"))}");
        output.WriteLine(string.Join(", ", _answers.OrderBy(one => one.Key).Select(one => $"{one.Key}: {one.Value}")));
        Assert.Empty(NetworkHistory.Check(journal, _told));
        // Nor did anything happen twice of which nobody was told how it ended.
        var doings = journal.Select(row => Acknowledged.Of(NetworkEvents.Read(row)));
        Assert.Empty(doings.OfType<Acknowledged>().GroupBy(one => one).Where(one => one.Count() > 1).Select(one => one.Key));
        for (var i = 1; i < 3; i++)
            Assert.Equal(
                controllers[0].Queries.Nodes.Select(one => (one.Node.Id, one.Node.Name, one.Node.Removed)),
                controllers[i].Queries.Nodes.Select(one => (one.Node.Id, one.Node.Name, one.Node.Removed)));
        // It was no quiet run.
        Assert.All(
            (string[])[Acknowledged.UserCreated, Acknowledged.CredentialCreated, Acknowledged.CredentialRevoked, Acknowledged.Joined,
                Acknowledged.NodeRevoked, Acknowledged.LoggedOut, Acknowledged.PolicySet],
            what => Assert.Contains(_told, one => one.What == what));
        Assert.All(faults.Values, count => Assert.NotEqual(0, count));
    }

    static async Task<IReadOnlyDictionary<string, int>> RageAsync(SeveralControllers controllers, Random random, CancellationToken end)
    {
        var faults = new Dictionary<string, int> { ["killed"] = 0, ["cut off"] = 0, ["clock set"] = 0 };
        // The first three are one of each, so that a short run has them all.
        for (var i = 0; !end.IsCancellationRequested; i++)
        {
            await Task.Delay(random.Next(100, 500), end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var victim = random.Next(3);
            switch (i < 3 ? i : random.Next(3))
            {
                case 0:
                    await controllers.KillAsync(victim);
                    faults["killed"]++;
                    break;
                case 1:
                    PostgresServer.Instance.Query(
                        controllers.Place,
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
                    faults["cut off"]++;
                    break;
                default:
                    controllers.Skew(victim, TimeSpan.FromSeconds(random.Next(-30, 31)));
                    faults["clock set"]++;
                    break;
            }
        }
        return faults;
    }

    async Task AskAsync(SeveralControllers controllers, Random random, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            var at = random.Next(3);
            var admin = controllers.By("admin:root");
            switch (random.Next(9))
            {
                case 0:
                    var name = $"user{Interlocked.Increment(ref _last)}";
                    await DoAsync(controllers, at, one => one.CreateUserAsync(name, admin), _ => new(Acknowledged.UserCreated, name));
                    break;
                case 1:
                    var text = $"version: 1 # {Interlocked.Increment(ref _last)}";
                    await DoAsync(controllers, at, one => one.SetPolicyAsync(text, Empty, admin), _ => new(Acknowledged.PolicySet, text));
                    break;
                case 2 or 3 or 4:
                    await DoAsync(controllers, at, one => one.CreateCredentialAsync(new CredentialRequest(null, ["server"]), admin), issued =>
                    {
                        _credentials.Enqueue(issued.Text);
                        return new(Acknowledged.CredentialCreated, issued.Credential.Id.ToString());
                    });
                    break;
                case 5 or 6 when _credentials.TryDequeue(out var credential):
                    // Two machines or three come with it, each to a controller of its own.
                    await Task.WhenAll(Enumerable.Range(at, random.Next(2, 4)).Select(i => JoinAsync(controllers, i, credential, $"host{random.Next(4)}")));
                    break;
                case 7 when _credentials.TryDequeue(out var unwanted):
                    await DoAsync(
                        controllers, at, one => one.RevokeCredentialAsync(unwanted.Id, admin),
                        view => new(Acknowledged.CredentialRevoked, view.Id.ToString()));
                    break;
                case 8 when _nodes.TryDequeue(out var node):
                    await (random.Next(2) == 0
                        ? DoAsync(
                            controllers, at, one => one.RevokeNodeAsync(node, TimeSpan.Zero, admin), _ => new(Acknowledged.NodeRevoked, node.ToString()))
                        : DoAsync(controllers, at, one => one.LogoutAsync(node, admin), _ => new(Acknowledged.LoggedOut, node.ToString())));
                    break;
            }
        }
    }

    async Task JoinAsync(SeveralControllers controllers, int at, CredentialString credential, string hostname)
    {
        var machine = new Machine(controllers.Entropy, hostname);
        await DoAsync(
            controllers, at, async one => (await one.EnrollAsync(machine.Request(credential, controllers.Clock.Now))).Result,
            enrolled =>
            {
                _nodes.Enqueue(enrolled.Node.Id);
                return new(Acknowledged.Joined, $"{machine.Identity} with {credential.Id}");
            });
    }

    async Task DoAsync<T>(
        SeveralControllers controllers, int at, Func<ControllerSystem, Task<Outcome<T>>> command, Func<T, Acknowledged> done) where T : class
    {
        // In this order: whoever is killed in between is not asked.
        var life = controllers.Life(at);
        try
        {
            var outcome = await command(controllers[at]).WaitAsync(life);
            if (outcome.IsDone)
                _told.Add(done(outcome.Value));
            _answers.AddOrUpdate(outcome.Refusal?.Code ?? "done", 1, static (_, count) => count + 1);
        }
        catch (Exception e) when (e is OperationCanceledException or InvalidOperationException)
        {
            // Its controller was killed: nobody knows.
            _answers.AddOrUpdate("no answer", 1, static (_, count) => count + 1);
        }
    }

    static PolicySource Empty { get; } = new PolicySource.Mapping([new("version", new PolicySource.Scalar("1", 1), 1)], 1);
}
