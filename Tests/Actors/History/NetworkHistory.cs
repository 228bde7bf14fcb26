using Mesh.Actors.Events;
using Mesh.Actors.Persistence;
using Mesh.Actors.Ports;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Tests.Actors.History;

/// <summary>Is something that a client was told is done.</summary>
/// <param name="What">One of the constants.</param>
/// <param name="Which">What it was done to; no two acknowledgements have both the same.</param>
public sealed record Acknowledged(string What, string Which)
{
    public const string UserCreated = "user created";
    public const string CredentialCreated = "credential created";
    public const string CredentialRevoked = "credential revoked";
    public const string Joined = "joined";
    public const string NodeRevoked = "node revoked";
    public const string LoggedOut = "logged out";
    public const string NodeApproved = "node approved";
    public const string NodeRenamed = "node renamed";
    public const string NodeTagged = "node tagged";
    public const string ExpirySet = "expiry set";
    public const string NodeDeleted = "node deleted";
    public const string PolicySet = "policy set";
    public const string TokenCreated = "token created";
    public const string TokenRevoked = "token revoked";

    /// <summary>Says what an event is the doing of; null: of nothing that a client is told.</summary>
    public static Acknowledged? Of(INetworkEvent happened) => happened switch
    {
        UserCreated one => new(UserCreated, one.Name),
        CredentialCreated one => new(CredentialCreated, one.Credential.ToString()),
        CredentialCreatedV2 one => new(CredentialCreated, one.Credential.ToString()),
        CredentialRevoked one => new(CredentialRevoked, one.Credential.ToString()),
        CredentialUsed one => new(Joined, $"{one.Node.SigningKey} with {one.Credential}"),
        Mesh.Actors.Events.NodeRevoked one => new(NodeRevoked, one.Node.ToString()),
        NodeLoggedOut one => new(LoggedOut, one.Node.ToString()),
        Mesh.Actors.Events.NodeApproved one => new(NodeApproved, one.Node.ToString()),
        Mesh.Actors.Events.NodeRenamed one => Renamed(one.Node, one.Name),
        Mesh.Actors.Events.NodeTagged one => Tagged(one.Node, one.Owner, one.Tags),
        NodeExpirySet one => Expires(one.Node, one.ExpiresAt),
        Mesh.Actors.Events.NodeDeleted one => new(NodeDeleted, one.Node.ToString()),
        Mesh.Actors.Events.PolicySet one => new(PolicySet, one.Text),
        Mesh.Actors.Events.TokenCreated one => new(TokenCreated, one.Token.ToString()),
        Mesh.Actors.Events.TokenRevoked one => new(TokenRevoked, one.Token.ToString()),
        _ => null,
    };

    /// <summary>Says that a node got a name, which it gets once.</summary>
    public static Acknowledged Renamed(NodeId node, string name) => new(NodeRenamed, $"{node} to {name}");

    /// <summary>Says that a node got an owner or tags, which it gets once.</summary>
    public static Acknowledged Tagged(NodeId node, string? owner, IEnumerable<string> tags) =>
        new(NodeTagged, $"{node} to {owner ?? string.Join(',', tags.Order(StringComparer.Ordinal))}");

    /// <summary>Says that a node must join again by a moment, which it is told once.</summary>
    public static Acknowledged Expires(NodeId node, WallTime? at) => new(ExpirySet, $"{node} at {at?.UnixMilliseconds}");
}

/// <summary>Is a promise that a journal breaks.</summary>
public sealed record Broken(string Promise, string How)
{
    public const string WriteLost = "what was acknowledged is in the journal";
    public const string WrittenTwice = "what was acknowledged is in the journal once";
    public const string CredentialUsedTwice = "a credential lets in as many machines as it is for, each once";
    public const string CredentialUsedAfterItsEnd = "a credential that has ended lets nobody in";
    public const string RemovedNodeActs = "nothing more happens to a node that is out";
    public const string NameHeldTwice = "a name belongs to one node at a time";
    public const string AddressGivenTwice = "an address is given to one node for ever";
    public const string IdentityShared = "a node id stands for one identity";
    public const string NumbersSkip = "an entity's events are numbered without gap or repetition";
    public const string OrderGoesBack = "the order of the journal only grows";
    public const string RegisteredTwice = "an enrollment enters its machine once";
}

/// <summary>Holds a journal against what its clients were told and what a network promises at every moment. Pure.</summary>
public static class NetworkHistory
{
    /// <summary>Lists the promises that are broken; empty where the journal is a good one.</summary>
    public static IReadOnlyList<Broken> Check(IReadOnlyList<JournalEvent> journal, IEnumerable<Acknowledged> told)
    {
        var broken = new List<Broken>();
        var events = journal.Select(row => (Row: row, Event: NetworkEvents.Read(row))).ToList();
        CheckNumbers(journal, broken);
        CheckTold(events.Select(one => one.Event), told, broken);
        CheckNodes(events.Select(one => one.Event), broken);
        return broken;
    }

    static void CheckNumbers(IReadOnlyList<JournalEvent> journal, List<Broken> broken)
    {
        var last = new Dictionary<string, long>(StringComparer.Ordinal);
        var ordering = 0L;
        foreach (var row in journal)
        {
            if (row.Ordering <= ordering)
                broken.Add(new(Broken.OrderGoesBack, $"{row.Ordering} after {ordering}"));
            ordering = row.Ordering;
            if (row.SequenceNr != last.GetValueOrDefault(row.PersistenceId) + 1)
                broken.Add(new(Broken.NumbersSkip, $"{row.PersistenceId}: {row.SequenceNr} after {last.GetValueOrDefault(row.PersistenceId)}"));
            last[row.PersistenceId] = row.SequenceNr;
        }
    }

    static void CheckTold(IEnumerable<INetworkEvent> events, IEnumerable<Acknowledged> told, List<Broken> broken)
    {
        var written = events.Select(Acknowledged.Of).OfType<Acknowledged>().GroupBy(one => one).ToDictionary(one => one.Key, one => one.Count());
        foreach (var one in told)
        {
            switch (written.GetValueOrDefault(one))
            {
                case 0:
                    broken.Add(new(Broken.WriteLost, one.ToString()));
                    break;
                case > 1:
                    broken.Add(new(Broken.WrittenTwice, one.ToString()));
                    break;
            }
        }
    }

    static void CheckNodes(IEnumerable<INetworkEvent> events, List<Broken> broken)
    {
        var credentials = new CredentialsSeen(broken);
        var names = new NamesSeen(broken);
        var registered = new HashSet<(CredentialId, NodeId)>();
        var identities = new Dictionary<NodeId, SigningPublicKey>();
        var addresses = new Dictionary<string, NodeId>(StringComparer.Ordinal);
        var removed = new HashSet<NodeId>();
        foreach (var happened in events)
        {
            credentials.See(happened);
            names.See(happened);
            switch (happened)
            {
                case AllocationReserved one:
                    Address(one.Node, one.Ipv4, one.Ipv6);
                    break;
                case CredentialUsed one:
                    Enter(one.Node);
                    break;
                case NodeRegistered one:
                    if (!registered.Add((one.Credential, one.Node.Id)))
                        broken.Add(new(Broken.RegisteredTwice, one.ToString()));
                    Enter(one.Node);
                    removed.Remove(one.Node.Id);
                    break;
                case NodeRotated one:
                    if (identities.GetValueOrDefault(one.Node) != one.SigningKey)
                        broken.Add(new(Broken.IdentityShared, one.ToString()));
                    break;
                case Mesh.Actors.Events.NodeRevoked or NodeLoggedOut:
                    if (!removed.Add(NodeOf(happened)))
                        broken.Add(new(Broken.RemovedNodeActs, happened.ToString()!));
                    break;
                case NodeApproved or NodeTagged or NodeExpirySet or NodeExpired when removed.Contains(NodeOf(happened)):
                    broken.Add(new(Broken.RemovedNodeActs, happened.ToString()!));
                    break;
                case NodeDeleted one:
                    removed.Add(one.Node);
                    break;
            }
        }

        void Enter(EnrolledNode node)
        {
            if (!identities.TryAdd(node.Id, node.SigningKey) && identities[node.Id] != node.SigningKey)
                broken.Add(new(Broken.IdentityShared, node.ToString()));
            Address(node.Id, node.Ipv4, node.Ipv6);
        }

        void Address(NodeId id, params string[] given)
        {
            foreach (var address in given)
            {
                if (!addresses.TryAdd(address, id) && addresses[address] != id)
                    broken.Add(new(Broken.AddressGivenTwice, $"{address}: {addresses[address]} and {id}"));
            }
        }
    }

    static NodeId NodeOf(INetworkEvent happened) => happened switch
    {
        Mesh.Actors.Events.NodeRevoked one => one.Node,
        NodeLoggedOut one => one.Node,
        NodeApproved one => one.Node,
        NodeTagged one => one.Node,
        NodeExpirySet one => one.Node,
        NodeExpired one => one.Node,
        _ => throw new ArgumentException($"{happened.GetType().Name} is of no node that this asks for", nameof(happened)),
    };

    // A credential whose making is not in the journal is for one machine.
    sealed class CredentialsSeen(List<Broken> broken)
    {
        readonly Dictionary<CredentialId, int> _uses = [];
        readonly Dictionary<CredentialId, HashSet<NodeId>> _used = [];
        readonly HashSet<CredentialId> _ended = [];

        public void See(INetworkEvent happened)
        {
            switch (happened)
            {
                case CredentialCreatedV2 one:
                    _uses[one.Credential] = one.Uses;
                    break;
                case CredentialRevoked one:
                    _ended.Add(one.Credential);
                    break;
                case CredentialExpired one:
                    _ended.Add(one.Credential);
                    break;
                case CredentialUsed one:
                    if (!_used.TryGetValue(one.Credential, out var machines))
                        _used[one.Credential] = machines = [];
                    if (!machines.Add(one.Node.Id) || machines.Count > _uses.GetValueOrDefault(one.Credential, 1))
                        broken.Add(new(Broken.CredentialUsedTwice, one.ToString()));
                    if (_ended.Contains(one.Credential))
                        broken.Add(new(Broken.CredentialUsedAfterItsEnd, one.ToString()));
                    break;
            }
        }
    }

    // Who has which name: by what was set aside and by who came in. A name is free once its node is out.
    sealed class NamesSeen(List<Broken> broken)
    {
        readonly Dictionary<string, NodeId> _holders = new(StringComparer.Ordinal);
        readonly HashSet<NodeId> _renamed = [];

        public void See(INetworkEvent happened)
        {
            switch (happened)
            {
                // What an enrollment says of the name is older than what an admin said since it was set aside.
                case CredentialUsed one when !_renamed.Contains(one.Node.Id):
                    Take(one.Node.Name, one.Node.Id);
                    break;
                case NodeRegistered one when !_renamed.Contains(one.Node.Id):
                    Take(one.Node.Name, one.Node.Id);
                    break;
                case NodeRenamed one:
                    Free(one.Node);
                    Take(one.Name, one.Node);
                    _renamed.Add(one.Node);
                    break;
                case Mesh.Actors.Events.NodeRevoked one:
                    Leave(one.Node);
                    break;
                case NodeLoggedOut one:
                    Leave(one.Node);
                    break;
                case NodeDeleted one:
                    Leave(one.Node);
                    break;
            }
        }

        void Leave(NodeId id)
        {
            Free(id);
            _renamed.Remove(id);
        }

        void Take(string name, NodeId id)
        {
            if (_holders.TryGetValue(name, out var holder) && holder != id)
                broken.Add(new(Broken.NameHeldTwice, $"{name}: {holder} and {id}"));
            _holders[name] = id;
        }

        void Free(NodeId id)
        {
            foreach (var (name, _) in _holders.Where(pair => pair.Value == id).ToList())
                _holders.Remove(name);
        }
    }
}
