using Mesh.Actors.Events;
using Mesh.Actors.Persistence;
using Mesh.Actors.Ports;
using Mesh.Protocol.Identity;

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
    public const string PolicySet = "policy set";

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
        Mesh.Actors.Events.PolicySet one => new(PolicySet, one.Text),
        _ => null,
    };
}

/// <summary>Is a promise that a journal breaks.</summary>
public sealed record Broken(string Promise, string How)
{
    public const string WriteLost = "what was acknowledged is in the journal";
    public const string WrittenTwice = "what was acknowledged is in the journal once";
    public const string CredentialUsedTwice = "a one-time credential lets one machine in";
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
        var events = journal.Select(row => (Row: row, Event: (INetworkEvent)NetworkEvents.Manifests.Decode(row.Payload.Span, row.Manifest))).ToList();
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
        var used = new HashSet<CredentialId>();
        var registered = new HashSet<(CredentialId, NodeId)>();
        var identities = new Dictionary<NodeId, SigningPublicKey>();
        var addresses = new Dictionary<string, NodeId>(StringComparer.Ordinal);
        var names = new Dictionary<string, NodeId>(StringComparer.Ordinal);
        foreach (var happened in events)
        {
            switch (happened)
            {
                case CredentialUsed one:
                    if (!used.Add(one.Credential))
                        broken.Add(new(Broken.CredentialUsedTwice, one.ToString()));
                    Enter(one.Node);
                    break;
                case NodeRegistered one:
                    if (!registered.Add((one.Credential, one.Node.Id)))
                        broken.Add(new(Broken.RegisteredTwice, one.ToString()));
                    Enter(one.Node);
                    break;
                case NodeRotated one:
                    if (identities.GetValueOrDefault(one.Node) != one.SigningKey)
                        broken.Add(new(Broken.IdentityShared, one.ToString()));
                    break;
                case Mesh.Actors.Events.NodeRevoked one:
                    Leave(one.Node);
                    break;
                case NodeLoggedOut one:
                    Leave(one.Node);
                    break;
            }
        }

        void Enter(EnrolledNode node)
        {
            if (!identities.TryAdd(node.Id, node.SigningKey) && identities[node.Id] != node.SigningKey)
                broken.Add(new(Broken.IdentityShared, node.ToString()));
            foreach (var address in (string[])[node.Ipv4, node.Ipv6])
            {
                if (!addresses.TryAdd(address, node.Id) && addresses[address] != node.Id)
                    broken.Add(new(Broken.AddressGivenTwice, $"{address}: {addresses[address]} and {node.Id}"));
            }
            if (names.TryGetValue(node.Name, out var holder) && holder != node.Id)
                broken.Add(new(Broken.NameHeldTwice, $"{node.Name}: {holder} and {node.Id}"));
            names[node.Name] = node.Id;
        }

        void Leave(NodeId id)
        {
            foreach (var (name, _) in names.Where(pair => pair.Value == id).ToList())
                names.Remove(name);
        }
    }
}
