using System.Collections.Immutable;
using Mesh.Actors.Audit;
using Mesh.Actors.Events;
using Mesh.Actors.Policy;
using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Actors.Retention;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Xunit.Abstractions;

namespace Mesh.Tests.Actors.Retention;

/// <summary>
/// Holds, over random histories, what pruning rests on: a journal that lost the content of what ended tells the same network as before,
/// with the same audit chain; and one that lost anything else is not believed. <c>MESH_SEED</c>: the seed to repeat.
/// </summary>
public sealed class RetentionTests(ITestOutputHelper output)
{
    [Fact]
    public void A_pruned_journal_tells_the_same_network_and_the_same_chain()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("MESH_SEED"), out var given) ? given : Environment.TickCount;
        output.WriteLine($"MESH_SEED={seed}");
        var (pruned, kept) = (0, 0);
        for (var run = 0; run < 60; run++)
        {
            var history = new RandomHistory(new Random(seed + run));
            for (var generation = 0; generation < 3; generation++)
            {
                history.Go(120);
                var before = history.Now - TimeSpan.FromHours(history.Random.Next(0, 60));
                var ended = history.Prune(before);
                var (view, folded) = Fold(history.Journal);
                AssertSame(history.View, view, $"seed {seed + run}, generation {generation}");
                Assert.Equal(history.Folded.Revision, folded.Revision);
                pruned += ended.Values.Sum();
                kept += history.Journal.Count(one => !one.IsPruned);
                foreach (var id in ended.Keys)
                    Assert.All(history.Journal.Where(one => one.PersistenceId == id && one.Ordering < view.Revision), one => Assert.True(one.IsPruned));
            }
        }
        output.WriteLine($"{pruned} events pruned, {kept} kept");
        Assert.True(pruned > 2000, $"only {pruned} events were pruned");
    }

    [Fact]
    public void Nothing_that_is_known_or_recent_is_pruned()
    {
        for (var seed = 1; seed <= 40; seed++)
        {
            var history = new RandomHistory(new Random(seed));
            history.Go(300);
            var before = history.Now - TimeSpan.FromHours(24);
            var ended = history.Prune(before).Keys.ToHashSet();
            Assert.DoesNotContain(ended, history.View.Knows);
            foreach (var one in history.Journal.Where(one => one.IsPruned))
                Assert.True(new WallTime(one.CreatedMs) < before);
            foreach (var node in history.View.Present)
                Assert.DoesNotContain($"node-{node}", ended);
        }
    }

    [Theory]
    [InlineData("node.revoked.v1", "node-")]
    [InlineData("policy.set.v1", "policy")]
    [InlineData("network.created.v1", "network")]
    public void Content_that_nobody_allowed_to_take_away_is_missed(string manifest, string entity)
    {
        var history = new RandomHistory(new Random(4));
        history.Go(400);
        var at = history.Journal.FindIndex(one => one.Manifest == manifest);
        var changed = history.Journal.ToList();
        changed[at] = Without(changed[at]);
        var missing = Assert.Throws<InvalidDataException>(() => Fold(changed));
        Assert.Contains($"the content of events of {entity}", missing.Message, StringComparison.Ordinal);

        // Nor afterwards: an allowance is for what had ended when it was given, and for whole entities.
        history.Prune(history.Now);
        history.Go(200);
        at = history.Journal.FindLastIndex(one => one.Manifest == manifest && !one.IsPruned);
        changed = [.. history.Journal];
        changed[at] = Without(changed[at]);
        Assert.Throws<InvalidDataException>(() => Fold(changed));
    }

    static JournalEvent Without(JournalEvent one) => one with { Payload = Sha256.Hash(one.Payload.Span).Value.Span.ToArray(), IsPruned = true };

    static (NetworkView View, FoldedEntities Folded) Fold(IEnumerable<JournalEvent> journal)
    {
        var (view, folded, pruned) = (NetworkView.Empty, FoldedEntities.Empty, PrunedEntities.None);
        foreach (var one in journal)
        {
            var happened = NetworkEvents.Read(one);
            pruned = pruned.Apply(one, happened, view);
            view = view.Apply(one.Ordering, happened).View.Chain(one);
            folded = folded.Apply(one, happened);
        }
        pruned.End();
        return (view, folded);
    }

    static void AssertSame(NetworkView expected, NetworkView actual, string where)
    {
        Assert.Equal(expected.Audit, actual.Audit);
        Assert.Equal(expected.PrunedBefore, actual.PrunedBefore);
        Assert.True(expected.Present.SetEquals(actual.Present), where);
        foreach (var node in expected.Present)
            Assert.True(expected.EncodedBodyFor(node)!.Encode().AsSpan().SequenceEqual(actual.EncodedBodyFor(node)!.Encode()), $"{where}: the body of {node}");
        Assert.Equal(Sorted(expected.Nodes.Keys), Sorted(actual.Nodes.Keys));
        Assert.Equal(Sorted(expected.Credentials.Keys), Sorted(actual.Credentials.Keys));
        Assert.Equal(Sorted(expected.Tokens.Keys), Sorted(actual.Tokens.Keys));
        Assert.Equal(Sorted(expected.PendingReleases), Sorted(actual.PendingReleases));
        Assert.Equal(Sorted(expected.PendingRegistrations.Keys), Sorted(actual.PendingRegistrations.Keys));
        Assert.Equal(expected.OpenCredentials, actual.OpenCredentials);
        Assert.Equal(Sorted(expected.Waiting), Sorted(actual.Waiting));
        foreach (var (id, node) in expected.Nodes)
            Assert.Equal((node.Removed, node.RemovedAt, node.ExpiresAt, node.IsEphemeral, node.Credential), Facts(actual.Nodes[id]));

        static IEnumerable<string> Sorted<T>(IEnumerable<T> ids) => ids.Select(id => id!.ToString()!).Order(StringComparer.Ordinal);

        static (string?, WallTime?, WallTime?, bool, CredentialId) Facts(NodeView node) => (node.Removed, node.RemovedAt, node.ExpiresAt, node.IsEphemeral, node.Credential);
    }

    /// <summary>Lives a random life, keeps its journal, and prunes it as a controller does.</summary>
    sealed class RandomHistory
    {
        readonly Dictionary<string, long> _numbers = new(StringComparer.Ordinal);
        int _last;

        public RandomHistory(Random random)
        {
            Random = random;
            Write("network", new NetworkCreated("c", "system", Now, new NetworkId(Id(1)), default, "mesh.internal", "100.64.0.0/10", "fd00::/48"));
            Write("policy", new PolicySet("c", "admin:root", Now, "all", new PolicyDocument(1, [], [], [new(["*"], ["*"])])));
        }

        public Random Random { get; }

        public WallTime Now { get; private set; } = new(1_700_000_000_000);

        public List<JournalEvent> Journal { get; } = [];

        public NetworkView View { get; private set; } = NetworkView.Empty;

        public FoldedEntities Folded { get; private set; } = FoldedEntities.Empty;

        public void Go(int steps)
        {
            for (var i = 0; i < steps; i++)
            {
                Now += TimeSpan.FromMinutes(Random.Next(1, 60));
                Step();
            }
        }

        public IReadOnlyDictionary<string, int> Prune(WallTime before)
        {
            Write("network", new HistoryPruned("c", "system", Now, before));
            var plan = new RetentionPlan(before);
            foreach (var one in Journal)
                plan.Take(one, NetworkEvents.Read(one));
            var ended = plan.Ended(View);
            for (var i = 0; i < Journal.Count; i++)
            {
                if (ended.ContainsKey(Journal[i].PersistenceId) && !Journal[i].IsPruned)
                    Journal[i] = Without(Journal[i]);
            }
            return ended;
        }

        void Step()
        {
            var open = View.Credentials.Values.Where(one => one.Status == CredentialStatus.Created).OrderBy(one => one.Id.ToString(), StringComparer.Ordinal).ToList();
            var present = View.Present.OrderBy(id => id.ToString(), StringComparer.Ordinal).ToList();
            var gone = View.Nodes.Values.Where(one => !one.IsPresent).OrderBy(one => one.IdText, StringComparer.Ordinal).ToList();
            switch (Random.Next(16))
            {
                case < 3:
                    var uses = Random.Next(3) == 0 ? Random.Next(2, 5) : 1;
                    Write($"credential-{Next(out CredentialId id)}", new CredentialCreatedV2(
                        "c", "admin:root", Now, id, default, "alice", [], Now + TimeSpan.FromHours(5), uses, Random.Next(3) == 0, Random.Next(2) == 0));
                    break;
                case < 7 when open.Count > 0:
                    // A new machine, one that is in, or one that was: with a credential that may be for several.
                    var credential = Pick(open);
                    var node = Random.Next(4) switch
                    {
                        0 when present.Count > 0 => View.Nodes[Pick(present)].Node,
                        1 when gone.Count > 0 => Pick(gone).Node,
                        _ => Node(),
                    };
                    Write($"credential-{credential.Id}", new CredentialUsed("c", $"node:{node.Id}", Now, credential.Id, node));
                    if (Random.Next(5) == 0)
                        Now += TimeSpan.FromHours(Random.Next(40));
                    Write($"node-{node.Id}", new NodeRegistered("c", $"node:{node.Id}", Now, credential.Id, node));
                    break;
                case 7 when open.Count > 0:
                    var ending = Pick(open);
                    Write($"credential-{ending.Id}", Random.Next(2) == 0
                        ? new CredentialExpired("c", "system", Now, ending.Id)
                        : new CredentialRevoked("c", "admin:root", Now, ending.Id));
                    break;
                case 8 or 9 or 10 when present.Count > 0:
                    var leaving = Pick(present);
                    Write($"node-{leaving}", Random.Next(3) switch
                    {
                        0 => new NodeRevoked("c", "admin:root", Now, leaving),
                        1 => new NodeLoggedOut("c", $"node:{leaving}", Now, leaving),
                        _ => new NodeDeleted("c", "admin:root", Now, leaving),
                    });
                    break;
                case 11 or 12 when !View.PendingReleases.IsEmpty:
                    Write("allocations", new AllocationReleased("c", "system", Now, View.PendingReleases.OrderBy(one => one.ToString(), StringComparer.Ordinal).First()));
                    break;
                case 13:
                    var parents = View.Tokens.Keys.OrderBy(one => one.ToString(), StringComparer.Ordinal).ToList();
                    TokenId? parent = parents.Count > 0 && Random.Next(2) == 0 ? Pick(parents) : null;
                    Write($"token-{Next(out TokenId token)}", new TokenCreated("c", "admin:root", Now, token, $"t{_last}", default, ["nodes:read"], Now + TimeSpan.FromHours(Random.Next(1, 50)), parent));
                    break;
                case 14 when View.Tokens.Values.Any(one => one.RevokedAt is null):
                    var revoked = Pick(View.Tokens.Values.Where(one => one.RevokedAt is null).OrderBy(one => one.Id.ToString(), StringComparer.Ordinal).ToList()).Id;
                    Write($"token-{revoked}", new TokenRevoked("c", "admin:root", Now, revoked));
                    break;
                case 15 when present.Count > 0:
                    var one = Pick(present);
                    if (Random.Next(3) == 0)
                    {
                        Write("allocations", new NodeRenamed("c", "admin:root", Now, one, $"r{_last}"));
                        break;
                    }
                    Write($"node-{one}", Random.Next(2) switch
                    {
                        0 => new NodeApproved("c", "admin:root", Now, one),
                        _ => new NodeAnnounced("c", "system", Now, one, ["aes-256-gcm"]),
                    });
                    break;
                default:
                    Write("policy", new PolicySet(
                        "c", "admin:root", Now, "text", new PolicyDocument(1, [], [], [new(["*"], Random.Next(4) == 0 ? ["user:bob"] : ["*"])])));
                    break;
            }
        }

        void Write(string persistenceId, INetworkEvent happened)
        {
            var number = _numbers[persistenceId] = _numbers.GetValueOrDefault(persistenceId) + 1;
            var one = new JournalEvent(
                Journal.Count + 1, persistenceId, number, happened.At.UnixMilliseconds + Random.Next(3), NetworkEvents.Manifests.ByType(happened.GetType()).Name,
                happened.CommandId, NetworkEvents.Manifests.Encode(happened));
            Journal.Add(one);
            View = View.Apply(one.Ordering, happened).View.Chain(one);
            Folded = Folded.Apply(one, happened);
        }

        EnrolledNode Node()
        {
            Next(out NodeId id);
            var key = new byte[32];
            Random.NextBytes(key);
            return new EnrolledNode(
                id, $"n{_last}", new SigningPublicKey(key), new TunnelPublicKey(key), $"100.64.{_last >> 8}.{_last & 255}", $"fd00::{_last:x}", "alice", [],
                $"n{_last}", "linux", "1.0");
        }

        T Next<T>(out T id) where T : struct, ITypedId<T> => id = T.From(Id(++_last));

        T Pick<T>(IReadOnlyList<T> list) => list[Random.Next(list.Count)];

        static EntityId Id(int number) => new([0, 0, 0, 0, 0, 0, 1, (byte)(number >> 16), (byte)(number >> 8), (byte)number]);
    }
}
