using Mesh.Actors.Events;
using Mesh.Actors.Policy;
using Mesh.Actors.Ports;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Tests.Actors.History;

/// <summary>Journals that lie, and the promise that each of them breaks.</summary>
public sealed class NetworkHistoryTests
{
    static readonly WallTime Now = new(1);

    readonly List<JournalEvent> _journal = [];
    readonly Dictionary<string, long> _numbers = [];

    [Fact]
    public void A_good_journal_breaks_nothing()
    {
        Join(1, 1, "a");
        Write($"node-{Id<NodeId>(1)}", new NodeRevoked("c", "admin:root", Now, Id<NodeId>(1)));
        Join(2, 2, "a");
        Write("user-alice", new UserCreated("c", "admin:root", Now, "alice"));
        Assert.Empty(Check(
            new(Acknowledged.Joined, $"{Key(1)} with {Id<CredentialId>(1)}"), new(Acknowledged.NodeRevoked, Id<NodeId>(1).ToString()),
            new(Acknowledged.UserCreated, "alice")));
    }

    [Fact]
    public void What_was_acknowledged_and_is_not_there_is_lost() => AssertBroken(Broken.WriteLost, new Acknowledged(Acknowledged.UserCreated, "alice"));

    [Fact]
    public void What_was_acknowledged_and_is_there_twice_was_written_twice()
    {
        for (var i = 0; i < 2; i++)
            Write("policy", new PolicySet("c", "admin:root", Now, "version: 1", PolicyDocument.Empty));
        AssertBroken(Broken.WrittenTwice, new Acknowledged(Acknowledged.PolicySet, "version: 1"));
    }

    [Fact]
    public void Two_machines_with_one_credential_are_one_too_many()
    {
        Join(1, 1, "a");
        Join(1, 2, "b");
        AssertBroken(Broken.CredentialUsedTwice);
    }

    [Fact]
    public void A_credential_for_two_lets_two_in_and_no_third()
    {
        Issue(1, uses: 2);
        Join(1, 1, "a");
        Join(1, 2, "b");
        Assert.Empty(Check(new Acknowledged(Acknowledged.CredentialCreated, Id<CredentialId>(1).ToString())));
        Join(1, 3, "c");
        AssertBroken(Broken.CredentialUsedTwice);
    }

    [Fact]
    public void A_machine_that_one_credential_lets_in_twice_is_told()
    {
        Issue(1, uses: 2);
        Join(1, 1, "a");
        Write($"credential-{Id<CredentialId>(1)}", new CredentialUsed("u1", "system", Now, Id<CredentialId>(1), Node(1, 1, 1, "a")));
        AssertBroken(Broken.CredentialUsedTwice);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_credential_that_has_ended_lets_nobody_in(bool byItself)
    {
        Issue(1, uses: 2);
        Write($"credential-{Id<CredentialId>(1)}", byItself
            ? new CredentialExpired("e", "system", Now, Id<CredentialId>(1))
            : new CredentialRevoked("e", "admin:root", Now, Id<CredentialId>(1)));
        Join(1, 1, "a");
        AssertBroken(Broken.CredentialUsedAfterItsEnd);
    }

    [Fact]
    public void A_renamed_node_has_its_new_name_and_no_longer_its_old_one()
    {
        Join(1, 1, "a");
        Rename(1, "b");
        Join(2, 2, "a");
        Assert.Empty(Check(Acknowledged.Renamed(Id<NodeId>(1), "b")));
        Rename(2, "b");
        AssertBroken(Broken.NameHeldTwice);
    }

    [Fact]
    public void A_node_that_was_renamed_before_its_enrollment_was_entered_keeps_the_new_name()
    {
        var node = Node(1, 1, 1, "a");
        Write($"credential-{Id<CredentialId>(1)}", new CredentialUsed("u1", "system", Now, Id<CredentialId>(1), node));
        Rename(1, "b");
        Write($"node-{node.Id}", new NodeRegistered("r1", "system", Now, Id<CredentialId>(1), node));
        Join(2, 2, "a");
        Assert.Empty(Check());
    }

    [Fact]
    public void A_deleted_node_leaves_its_name_to_others()
    {
        Join(1, 1, "a");
        Write($"node-{Id<NodeId>(1)}", new NodeDeleted("d", "system", Now, Id<NodeId>(1)));
        Join(2, 2, "a");
        Assert.Empty(Check(new Acknowledged(Acknowledged.NodeDeleted, Id<NodeId>(1).ToString())));
    }

    [Fact]
    public void An_address_that_is_set_aside_for_two_is_told()
    {
        for (var i = 1; i <= 2; i++)
        {
            var node = Node(i, i, 1, $"n{i}");
            Write("allocations", new AllocationReserved(
                $"a{i}", "system", Now, Id<CredentialId>(i), node.Id, node.Name, node.Ipv4, node.Ipv6, node.SigningKey, node.TunnelKey, null, ["server"]));
        }
        AssertBroken(Broken.AddressGivenTwice);
    }

    [Fact]
    public void What_happens_to_a_node_that_is_out_is_told()
    {
        Join(1, 1, "a");
        Write($"node-{Id<NodeId>(1)}", new NodeRevoked("c", "admin:root", Now, Id<NodeId>(1)));
        Write($"node-{Id<NodeId>(1)}", new NodeTagged("t", "admin:root", Now, Id<NodeId>(1), null, ["server"]));
        AssertBroken(Broken.RemovedNodeActs);
    }

    [Fact]
    public void Each_kind_of_change_is_looked_for_by_what_its_client_was_told()
    {
        Join(1, 1, "a");
        var node = Id<NodeId>(1);
        Acknowledged[] told =
        [
            new(Acknowledged.NodeApproved, node.ToString()), Acknowledged.Renamed(node, "b"), Acknowledged.Tagged(node, null, ["y", "x"]),
            Acknowledged.Tagged(node, "alice", []), Acknowledged.Expires(node, new WallTime(7)), new(Acknowledged.TokenCreated, Id<TokenId>(1).ToString()),
            new(Acknowledged.TokenRevoked, Id<TokenId>(1).ToString()),
        ];
        Assert.Equal(told, Check(told).Where(one => one.Promise == Broken.WriteLost).Select((_, i) => told[i]));
        Write($"node-{node}", new NodeApproved("1", "admin:root", Now, node));
        Rename(1, "b");
        Write($"node-{node}", new NodeTagged("2", "admin:root", Now, node, null, ["x", "y"]));
        Write($"node-{node}", new NodeTagged("3", "admin:root", Now, node, "alice", []));
        Write($"node-{node}", new NodeExpirySet("4", "admin:root", Now, node, new WallTime(7)));
        Write("token-1", new TokenCreated("5", "admin:root", Now, Id<TokenId>(1), "t", default, ["nodes:read"], new WallTime(9), null));
        Write("token-1", new TokenRevoked("6", "admin:root", Now, Id<TokenId>(1)));
        Assert.Empty(Check(told));
    }

    [Fact]
    public void A_name_that_two_have_at_once_is_told_even_where_one_of_them_leaves_later()
    {
        Join(1, 1, "a");
        Join(2, 2, "a");
        Write($"node-{Id<NodeId>(1)}", new NodeLoggedOut("c", "node:1", Now, Id<NodeId>(1)));
        AssertBroken(Broken.NameHeldTwice);
    }

    [Fact]
    public void An_address_is_never_given_again_not_even_when_its_node_has_left()
    {
        Join(1, 1, "a");
        Write($"node-{Id<NodeId>(1)}", new NodeRevoked("c", "admin:root", Now, Id<NodeId>(1)));
        Join(2, 2, "b", address: 1);
        AssertBroken(Broken.AddressGivenTwice);
    }

    [Fact]
    public void A_node_id_that_becomes_another_machine_is_told()
    {
        Join(1, 1, "a");
        Join(2, 1, "a", key: 2);
        AssertBroken(Broken.IdentityShared);
    }

    [Fact]
    public void An_enrollment_that_enters_its_machine_twice_is_told()
    {
        Join(1, 1, "a");
        Write($"node-{Id<NodeId>(1)}", new NodeRegistered("c", "node:1", Now, Id<CredentialId>(1), Node(1, 1, 1, "a")));
        AssertBroken(Broken.RegisteredTwice);
    }

    [Fact]
    public void A_number_that_is_missing_or_there_twice_is_told()
    {
        Write("user-alice", new UserCreated("c", "admin:root", Now, "alice"));
        _numbers["user-alice"] = 2;
        Write("user-alice", new UserCreated("d", "admin:root", Now, "alice"));
        AssertBroken(Broken.NumbersSkip);
        _journal.RemoveAt(1);
        _numbers["user-alice"] = 0;
        Write("user-alice", new UserCreated("d", "admin:root", Now, "alice"));
        AssertBroken(Broken.NumbersSkip);
    }

    [Fact]
    public void An_order_that_goes_back_is_told()
    {
        Write("user-alice", new UserCreated("c", "admin:root", Now, "alice"));
        Write("user-bob", new UserCreated("c", "admin:root", Now, "bob"));
        _journal.Reverse();
        AssertBroken(Broken.OrderGoesBack);
    }

    void Join(int credential, int node, string name, int? key = null, int? address = null)
    {
        var enrolled = Node(node, key ?? node, address ?? node, name);
        Write($"credential-{Id<CredentialId>(credential)}", new CredentialUsed($"u{credential}", "system", Now, Id<CredentialId>(credential), enrolled));
        Write($"node-{enrolled.Id}", new NodeRegistered($"r{credential}", "system", Now, Id<CredentialId>(credential), enrolled));
    }

    void Issue(int credential, int uses) => Write($"credential-{Id<CredentialId>(credential)}", new CredentialCreatedV2(
        $"i{credential}", "admin:root", Now, Id<CredentialId>(credential), default, null, ["server"], new WallTime(9), uses, false, false));

    void Rename(int node, string name) => Write("allocations", new NodeRenamed($"n{node}{name}", "admin:root", Now, Id<NodeId>(node), name));

    void Write(string persistenceId, INetworkEvent happened)
    {
        _numbers[persistenceId] = _numbers.GetValueOrDefault(persistenceId) + 1;
        _journal.Add(new JournalEvent(
            _journal.Count + 1, persistenceId, _numbers[persistenceId], 0, NetworkEvents.Manifests.ByType(happened.GetType()).Name, happened.CommandId,
            NetworkEvents.Manifests.Encode(happened)));
    }

    IReadOnlyList<Broken> Check(params Acknowledged[] told) => NetworkHistory.Check(_journal, told);

    void AssertBroken(string promise, params Acknowledged[] told) => Assert.Equal(promise, Assert.Single(Check(told).Select(one => one.Promise).Distinct()));

    static EnrolledNode Node(int id, int key, int address, string name) => new(
        Id<NodeId>(id), name, Key(key), new TunnelPublicKey([.. Enumerable.Repeat((byte)key, 32)]), $"100.64.0.{address}", $"fd00::{address:x}", null,
        ["server"], name, "linux", "1.0");

    static SigningPublicKey Key(int number) => new([.. Enumerable.Repeat((byte)number, 32)]);

    static T Id<T>(int number) where T : struct, ITypedId<T> => T.From(new EntityId([0, 0, 0, 0, 0, 0, 0, 0, 0, (byte)number]));
}
