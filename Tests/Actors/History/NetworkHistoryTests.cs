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
