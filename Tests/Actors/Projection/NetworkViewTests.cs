using Mesh.Actors.Events;
using Mesh.Actors.Policy;
using Mesh.Actors.Projection;
using Mesh.Protocol;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;
using Xunit.Abstractions;

namespace Mesh.Tests.Actors.Projection;

public sealed class NetworkViewTests(ITestOutputHelper output)
{
    static readonly WallTime At = new(1_700_000_000_000);
    static readonly string[] Users = ["alice", "bob", "carol"];
    static readonly string[] Tags = ["server", "ci", "db"];

    [Fact]
    public void Affects_exactly_the_nodes_whose_bytes_change()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var view = Created();
        var bodies = new Dictionary<NodeId, byte[]>();
        var ids = new List<NodeId>();
        long ordering = 10;
        var changed = 0;
        for (var i = 0; i < 2000; i++)
        {
            var change = view.Apply(++ordering, Draw(random, view, ids, i));
            Assert.Equal(ordering, change.View.Revision);
            var now = Bodies(change.View);
            var expected = bodies.Keys.Union(now.Keys)
                .Where(node => !bodies.TryGetValue(node, out var before) || !now.TryGetValue(node, out var after) || !before.AsSpan().SequenceEqual(after));
            Assert.Equal(expected.Select(node => node.ToString()).Order(), change.Affected.Select(node => node.ToString()).Order());
            (view, bodies) = (change.View, now);
            changed += change.Affected.Count;
        }
        Assert.True(changed > 1000, $"only {changed} bodies changed");
        output.WriteLine($"{changed} bodies changed, {view.Present.Count} nodes at the end");
    }

    [Fact]
    public void Costs_whoever_reads_a_history_back_nothing_to_know_whom_each_change_concerned()
    {
        var view = With(Created(), [.. Enumerable.Range(1, 500).Select(i => Registered(Node(i, $"n{i}", "alice"), i))]);
        var set = Policy((["user:alice"], ["user:alice"]));
        // Once for what is only made at first use.
        Assert.Equal(500, view.Apply(view.Revision + 1, set).Affected.Count);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var change = view.Apply(view.Revision + 1, set);
        var applied = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(500, change.Affected.Count);
        var asked = GC.GetAllocatedBytesForCurrentThread();
        Assert.True(applied - before < (asked - applied) / 100, $"{applied - before} bytes to apply, {asked - applied} to say whom it concerns");
    }

    [Fact]
    public void Shows_each_of_a_pair_to_the_other_with_the_direction_in_the_grants()
    {
        var (laptop, db) = (Node(1, "laptop", "alice"), Node(2, "db", null, "server"));
        var view = With(Created(), Registered(laptop), Registered(db), Policy((["user:alice"], ["tag:server"])));
        var seen = Assert.Single(view.BodyFor(laptop.Id)!.Peers);
        Assert.Equal("db", seen.Name);
        Assert.Empty(seen.Accept);
        Assert.Equal([Grant.Everything], seen.Send);
        var seer = Assert.Single(view.BodyFor(db.Id)!.Peers);
        Assert.Equal("laptop", seer.Name);
        Assert.Equal([Grant.Everything], seer.Accept);
        Assert.Empty(seer.Send);
    }

    [Fact]
    public void Shows_both_of_a_pair_what_both_announce_and_nobody_else()
    {
        var (a, b, c) = (Node(1, "a", "alice"), Node(2, "b", "alice"), Node(3, "c", "alice"));
        var view = With(Created(), Policy((["*"], ["*"])), Registered(a, 1), Registered(b, 2), Registered(c, 3));
        var first = view.Apply(100, new NodeAnnounced("c", "node:a", At, a.Id, ["aes-256-gcm"]));
        Assert.Empty(first.Affected);
        var second = first.View.Apply(101, new NodeAnnounced("d", "node:b", At, b.Id, ["aes-256-gcm", "later"]));
        Assert.Equal([a.Id, b.Id], second.Affected.OrderBy(id => id.ToString(), StringComparer.Ordinal));
        Assert.Equal(["aes-256-gcm"], Seen(second.View, a, b));
        Assert.Equal(["aes-256-gcm"], Seen(second.View, b, a));
        Assert.Null(Seen(second.View, a, c));
        Assert.Null(Seen(second.View, c, a));

        // A machine that joins again announces anew when it attaches; until then what it said holds.
        var again = With(second.View, Registered(b, 4));
        Assert.Equal(["aes-256-gcm"], Seen(again, a, b));
        var third = again.Apply(200, new NodeAnnounced("e", "node:a", At, a.Id, []));
        Assert.Equal(2, third.Affected.Count);
        Assert.Null(Seen(third.View, b, a));

        static IReadOnlyList<string>? Seen(NetworkView view, EnrolledNode by, EnrolledNode peer) =>
            view.BodyFor(by.Id)!.Peers.Single(entry => entry.Id == peer.Id).Suites;
    }

    [Fact]
    public void Gives_the_same_bytes_from_the_same_journal()
    {
        var events = new List<INetworkEvent> { Policy((["*"], ["*"])) };
        for (var i = 0; i < 20; i++)
            events.Add(Registered(Node(i, $"n{i}", Users[i % 3])));
        var (one, other) = (With(Created(), [.. events]), With(Created(), [.. events]));
        foreach (var node in one.Present)
            Assert.Equal(ProtocolJson.Encode(one.BodyFor(node)!, ProtocolJson.Default.MapBody), ProtocolJson.Encode(other.BodyFor(node)!, ProtocolJson.Default.MapBody));
        var sorted = one.BodyFor(one.Present.First())!.Peers.Select(peer => peer.Id.ToString()).ToList();
        Assert.Equal(sorted.Order(StringComparer.Ordinal), sorted);
    }

    [Fact]
    public void Forgets_a_removed_node_and_remembers_why()
    {
        var (laptop, db) = (Node(1, "laptop", "alice"), Node(2, "db", "bob"));
        var view = With(Created(), Registered(laptop), Registered(db), Policy((["*"], ["*"])));
        var change = view.Apply(100, new NodeRevoked("c", "admin:root", At, db.Id));
        Assert.Null(change.View.BodyFor(db.Id));
        Assert.Equal("revoked", change.View.Nodes[db.Id].Removed);
        Assert.Empty(change.View.BodyFor(laptop.Id)!.Peers);
        Assert.Contains(db.Id, change.View.PendingReleases);
        Assert.Null(change.View.FindByName("db"));
        Assert.Equal(db.Id, change.View.FindNode(db.Id.ToString())!.Id);
        Assert.DoesNotContain(db.Id, change.View.Apply(101, new AllocationReleased("r", "system", At, db.Id)).View.PendingReleases);
    }

    [Fact]
    public void Shows_where_a_credential_stands()
    {
        var id = new CredentialId(Id(9));
        var view = With(Created(), new CredentialCreated("c", "admin:root", At, id, default, "alice", [], At + TimeSpan.FromHours(1)));
        Assert.Equal(CredentialStatus.Created, view.Credentials[id].StatusAt(At));
        Assert.Equal(CredentialStatus.Expired, view.Credentials[id].StatusAt(At + TimeSpan.FromHours(2)));
        var used = With(view, new CredentialUsed("u", "node:x", At, id, Node(1, "laptop", "alice")));
        Assert.Equal(CredentialStatus.Used, used.Credentials[id].Status);
        Assert.Equal([new NodeId(Id(1))], used.Credentials[id].Nodes);
        Assert.Contains((id, new NodeId(Id(1))), used.PendingRegistrations.Keys);
        Assert.Empty(With(used, new NodeRegistered("n", "system", At, id, Node(1, "laptop", "alice"))).PendingRegistrations);
    }

    [Fact]
    public void Shows_a_node_that_waits_to_nobody_until_it_is_approved()
    {
        var (laptop, db) = (Node(1, "laptop", "alice"), Node(2, "db", "bob"));
        var view = With(Created(), Waiting(["user:alice"], (["*"], ["*"])), Registered(laptop), Registered(db, 2));
        Assert.False(view.Nodes[laptop.Id].IsWaiting);
        Assert.True(view.Nodes[db.Id].IsWaiting);
        Assert.Empty(view.BodyFor(laptop.Id)!.Peers);
        var own = view.BodyFor(db.Id)!;
        Assert.Empty(own.Peers);
        Assert.True(own.Self.Waits);
        Assert.Equal("db", view.FindByName("db")!.Name);

        // A new credential is no approval, an approved one is.
        Assert.True(With(view, Registered(db, 3)).Nodes[db.Id].IsWaiting);
        var speaking = new CredentialCreatedV2("c", "admin:root", At, new CredentialId(Id(4)), default, "bob", [], At, 1, false, true);
        Assert.False(With(view, speaking, Registered(db, 4)).Nodes[db.Id].IsWaiting);

        var approved = view.Apply(100, new NodeApproved("c", "admin:root", At, db.Id));
        Assert.Equal([laptop.Id, db.Id], approved.Affected.OrderBy(id => id.ToString(), StringComparer.Ordinal));
        Assert.Equal("laptop", Assert.Single(approved.View.BodyFor(db.Id)!.Peers).Name);
        Assert.Null(approved.View.BodyFor(db.Id)!.Self.Waits);
        Assert.False(With(approved.View, Registered(db, 5)).Nodes[db.Id].IsWaiting);

        // Rules that come later let in who would not have waited, and put nobody out.
        Assert.Empty(With(view, Waiting(["user:bob"], (["*"], ["*"]))).Waiting);
        Assert.False(With(approved.View, Waiting([], (["*"], ["*"]))).Nodes[db.Id].IsWaiting);
    }

    [Theory]
    [InlineData("*", 1, false, true)]
    [InlineData("user:alice", 1, false, true)]
    [InlineData("user:bob", 1, false, false)]
    [InlineData("group:some", 1, false, true)]
    [InlineData("one-time", 1, false, true)]
    [InlineData("one-time", 2, false, false)]
    [InlineData("reusable", 2, false, true)]
    [InlineData("reusable", 1, false, false)]
    [InlineData("ephemeral", 1, true, true)]
    [InlineData("ephemeral", 1, false, false)]
    public void Approves_by_itself_whom_a_rule_names(string rule, int uses, bool ephemeral, bool approved)
    {
        var credential = new CredentialCreatedV2("c", "admin:root", At, new CredentialId(Id(1)), default, "alice", [], At, uses, ephemeral, false);
        var view = With(Created(), Waiting([rule]), credential, Registered(Node(1, "laptop", "alice")));
        Assert.Equal(approved, view.Waiting.IsEmpty);
        Assert.Equal(ephemeral, view.Nodes[new NodeId(Id(1))].IsEphemeral);
    }

    [Fact]
    public void Shows_an_expired_node_to_its_peers_and_lets_nothing_through()
    {
        var (laptop, db) = (Node(1, "laptop", "alice"), Node(2, "db", "bob"));
        var view = With(Created(), Policy((["*"], ["*"])), Registered(laptop), Registered(db, 2),
            new NodeExpirySet("c", "admin:root", At, db.Id, At));
        Assert.Null(Assert.Single(view.BodyFor(laptop.Id)!.Peers).Expired);
        Assert.Equal(At, view.BodyFor(db.Id)!.Self.ExpiresAt);
        view = With(view, new NodeExpired("c", "system", At, db.Id));
        var seen = Assert.Single(view.BodyFor(laptop.Id)!.Peers);
        Assert.True(seen.Expired);
        Assert.Empty(seen.Accept);
        Assert.Empty(seen.Send);
        Assert.True(view.BodyFor(db.Id)!.Self.Expired);
        // Rules about rights that it has not got change nothing for who sees it.
        Assert.Equal([db.Id], view.Apply(view.Revision + 1, Policy((["user:alice"], ["user:bob"]))).Affected);
        foreach (var happened in (INetworkEvent[])
            [new NodeExpirySet("c", "admin:root", At, db.Id, null), new NodeTagged("c", "admin:root", At, db.Id, null, ["ci"]), Registered(db, 9)])
        {
            var revived = With(view, happened);
            Assert.Null(revived.BodyFor(db.Id)!.Self.Expired);
            Assert.Equal([Grant.Everything], Assert.Single(revived.BodyFor(laptop.Id)!.Peers).Send);
        }
    }

    [Fact]
    public void Keeps_an_admins_word_on_name_and_tags_when_the_machine_joins_again()
    {
        var db = Node(1, "db", "alice");
        var view = With(Created(), Registered(db), new NodeRenamed("c", "admin:root", At, db.Id, "main"),
            new NodeTagged("c", "admin:root", At, db.Id, null, ["server"]));
        Assert.Null(view.FindByName("db"));
        var again = With(view, Registered(db, 2)).Nodes[db.Id];
        Assert.Equal(("main", (string?)null), (again.Name, again.Node.Owner));
        Assert.Equal(["server"], again.Node.Tags);
        var given = With(view, new NodeTagged("c", "admin:root", At, db.Id, "bob", []), Registered(db, 3)).Nodes[db.Id].Node;
        Assert.Equal("alice", given.Owner);
        // What a credential said, the next credential says otherwise.
        var tagged = With(Created(), Registered(Node(1, "db", null, "ci")), Registered(db, 2)).Nodes[db.Id].Node;
        Assert.Equal("alice", tagged.Owner);
        Assert.Empty(tagged.Tags);
    }

    [Fact]
    public void Forgets_a_deleted_node_once_nothing_is_left_to_do_for_it()
    {
        var (laptop, db) = (Node(1, "laptop", "alice"), Node(2, "db", "bob"));
        var view = With(Created(), Registered(laptop), Registered(db, 2), Policy((["*"], ["*"])));
        var present = view.Apply(100, new NodeDeleted("c", "system", At, db.Id));
        Assert.Equal(2, present.Affected.Count);
        Assert.Equal(Removal.Deleted, present.View.Nodes[db.Id].Removed);
        Assert.Null(present.View.FindNode(db.Id.ToString()));
        Assert.DoesNotContain(db.Id, With(present.View, new AllocationReleased("r", "system", At, db.Id)).Nodes.Keys);
        var revoked = With(view, new NodeRevoked("c", "admin:root", At, db.Id), new AllocationReleased("r", "system", At, db.Id));
        Assert.Contains(db.Id, revoked.Nodes.Keys);
        Assert.DoesNotContain(db.Id, With(revoked, new NodeDeleted("d", "admin:root", At, db.Id)).Nodes.Keys);
    }

    INetworkEvent Draw(Random random, NetworkView view, List<NodeId> ids, int i)
    {
        var present = view.Present.ToList();
        switch (random.Next(30))
        {
            case 20 when ids.Count > 0:
                return new NodeRenamed($"c{i}", "admin:root", At, ids[random.Next(ids.Count)], $"r{random.Next(60)}x{i}");
            case 21 or 22 when ids.Count > 0:
                var tags = Tags.Where(_ => random.Next(2) == 0).ToArray();
                return new NodeTagged($"c{i}", "admin:root", At, ids[random.Next(ids.Count)], tags.Length == 0 ? Users[random.Next(3)] : null, tags);
            case 23 when ids.Count > 0:
                return new NodeExpirySet($"c{i}", "admin:root", At, ids[random.Next(ids.Count)], random.Next(2) == 0 ? At + TimeSpan.FromHours(random.Next(3)) : null);
            case 24 when ids.Count > 0:
                return new NodeExpired($"c{i}", "system", At, ids[random.Next(ids.Count)]);
            case 25 or 26 when ids.Count > 0:
                return new NodeApproved($"c{i}", "admin:root", At, view.Waiting.IsEmpty ? ids[random.Next(ids.Count)] : view.Waiting.First());
            case 28 or 29 when present.Count > 0:
                var rotating = view.Nodes[present[random.Next(present.Count)]].Node;
                return new NodeRotated($"c{i}", "node:x", At, rotating.Id, rotating.SigningKey, rotating.TunnelKey, DrawNode(random, rotating.Id, "x").TunnelKey);
            case 27 when ids.Count > 0:
                return random.Next(2) == 0
                    ? new NodeDeleted($"c{i}", "admin:root", At, ids[random.Next(ids.Count)])
                    : new AllocationReleased($"c{i}", "system", At, ids[random.Next(ids.Count)]);
            case < 7 when present.Count < 25:
                ids.Add(new NodeId(Id(1000 + i)));
                return Registered(DrawNode(random, ids[^1], $"n{random.Next(40)}x{i}"), 1000 + i);
            case < 10 when present.Count > 0:
                var again = view.Nodes[present[random.Next(present.Count)]].Node;
                return Registered(random.Next(3) == 0 ? again : DrawNode(random, again.Id, again.Name), 1000 + i);
            case < 13 when present.Count > 3:
                return new NodeRevoked($"c{i}", "admin:root", At, present[random.Next(present.Count)]);
            case 13 when ids.Count > 0:
                return new NodeLoggedOut($"c{i}", "system", At, ids[random.Next(ids.Count)]);
            case 17 or 18 when ids.Count > 0:
                return new NodeAnnounced($"c{i}", "system", At, ids[random.Next(ids.Count)], [.. new[] { "aes-256-gcm", "later" }.Where(_ => random.Next(2) == 0)]);
            case 14:
                return new UserCreated($"c{i}", "admin:root", At, $"u{i}");
            case 15 when random.Next(3) == 0:
                return random.Next(2) == 0
                    ? new ControllerDelegatedV2($"c{i}", "system", At, new ControllerId(Id(random.Next(50, 53))), Envelope, [9], [$"c{random.Next(2)}.test:1"])
                    : new ControllerDelegated($"c{i}", "system", At, new ControllerId(Id(random.Next(50, 53))), Envelope, [$"c{random.Next(2)}.test:1"]);
            case 16 when random.Next(10) == 0:
                return new ControllerWithdrawn($"c{i}", "system", At, new ControllerId(Id(random.Next(50, 55))));
            default:
                var rules = Enumerable.Range(0, random.Next(6)).Select(_ => (Side(), Side())).ToArray();
                var set = Policy(rules);
                return random.Next(3) == 0
                    ? set with { Document = set.Document with { Approval = new PolicyApproval([.. Side().Where(one => !one.StartsWith("node:", StringComparison.Ordinal))]) } }
                    : set;
        }

        string[] Side() => [.. Enumerable.Range(0, random.Next(1, 3)).Select(_ => random.Next(12) switch
        {
            0 => "*",
            < 4 => "user:" + Users[random.Next(3)],
            < 7 => "tag:" + Tags[random.Next(3)],
            < 8 => "group:some",
            _ => present.Count == 0 ? "node:none" : "node:" + view.Nodes[present[random.Next(present.Count)]].Name,
        }).Distinct().Order(StringComparer.Ordinal)];
    }

    static EnrolledNode DrawNode(Random random, NodeId id, string name)
    {
        var tags = random.Next(3) == 0 ? Tags.Where(_ => random.Next(2) == 0).ToArray() : [];
        return Node(0, name, tags.Length == 0 ? Users[random.Next(3)] : null, tags) with { Id = id, Os = random.Next(2) == 0 ? "linux" : "windows" };
    }

    static Dictionary<NodeId, byte[]> Bodies(NetworkView view) =>
        view.Present.ToDictionary(node => node, node => ProtocolJson.Encode(view.BodyFor(node)!, ProtocolJson.Default.MapBody));

    static NetworkView Created() => With(
        NetworkView.Empty, new NetworkCreated("c", "system", At, new NetworkId(Id(200)), default, "mesh.internal", "100.64.0.0/10", "fd00::/48"));

    static NetworkView With(NetworkView view, params INetworkEvent[] events) =>
        events.Aggregate(view, (one, happened) => one.Apply(one.Revision + 1, happened).View);

    static NodeRegistered Registered(EnrolledNode node, int credential = 1) => new("c", "system", At, new CredentialId(Id(credential)), node);

    static PolicySet Policy(params (string[] From, string[] To)[] rules) => new(
        "c", "admin:root", At, "text",
        new PolicyDocument(1, [new("some", ["alice", "carol"])], [], [.. rules.Select(rule => new PolicyRule(rule.From, rule.To))]));

    static PolicySet Waiting(string[] automatic, params (string[] From, string[] To)[] rules) =>
        Policy(rules) is var set ? set with { Document = set.Document with { Approval = new PolicyApproval(automatic) } } : set;

    static EnrolledNode Node(int number, string name, string? owner, params string[] tags) => new(
        new NodeId(Id(number)), name, default, default, $"100.64.0.{number}", $"fd00::{number}", owner, tags, name, "linux", "1.0");

    static DsseEnvelope Envelope { get; } = new(PayloadTypes.Delegation, [1], []);

    static EntityId Id(int number) => new([0, 0, 0, 0, 0, 0, 0, 1, (byte)(number >> 8), (byte)number]);
}
