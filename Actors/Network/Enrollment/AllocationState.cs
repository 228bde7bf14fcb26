using System.Collections.Immutable;
using Mesh.Actors.Events;
using Mesh.Actors.Registry;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Enrollment;

/// <summary>Asks for an id, a name and addresses for the machine that presents a credential; answered by <see cref="Reservation"/>.</summary>
/// <param name="Cause">The command of the enrollment.</param>
/// <param name="Credential">The credential: what is reserved is reserved for it.</param>
/// <param name="Fresh">The id to give where a new one is needed, drawn by the caller.</param>
/// <param name="Hostname">What the machine calls itself.</param>
/// <param name="SigningKey">Its identity key.</param>
/// <param name="TunnelKey">Its WireGuard key.</param>
/// <param name="Owner">The user it will belong to.</param>
/// <param name="Tags">Its tags.</param>
/// <param name="Ranges">Where addresses come from.</param>
/// <param name="Anew">Gives the fresh id whatever is known of the machine: what is known turned out to belong to another one.</param>
/// <param name="Used">The nodes that joined with the credential: what was reserved for them is theirs.</param>
/// <param name="Registered">The present node that the machine is by the projection; null: none that the asker knows of.</param>
public sealed record ReserveAllocation(
    Cause Cause, CredentialId Credential, NodeId Fresh, string Hostname, SigningPublicKey SigningKey, TunnelPublicKey TunnelKey,
    string? Owner, IReadOnlyList<string> Tags, AddressRanges Ranges, bool Anew = false, IReadOnlyList<NodeId>? Used = null,
    NodeId? Registered = null) : IEntityCommand;

/// <summary>Gives a present node another name. The old one is then held as that of a node that is gone.</summary>
/// <param name="Cause">The command.</param>
/// <param name="Node">The node.</param>
/// <param name="Name">The new name: one DNS label.</param>
public sealed record RenameAllocation(Cause Cause, NodeId Node, string Name) : IEntityCommand;

/// <summary>Gives a present node another WireGuard key, if it has the one that it says it has: a command that comes late changes nothing.</summary>
/// <param name="Cause">The command.</param>
/// <param name="Node">The node.</param>
/// <param name="SigningKey">Its identity key.</param>
/// <param name="FormerKey">The WireGuard key that it has.</param>
/// <param name="TunnelKey">The new one.</param>
public sealed record RotateAllocation(
    Cause Cause, NodeId Node, SigningPublicKey SigningKey, TunnelPublicKey FormerKey, TunnelPublicKey TunnelKey) : IEntityCommand;

/// <summary>Frees the name and the keys of a removed node, unless it is about to join again.</summary>
/// <param name="Cause">The command.</param>
/// <param name="Node">The node.</param>
/// <param name="Credential">The credential it last joined with.</param>
public sealed record ReleaseAllocation(Cause Cause, NodeId Node, CredentialId Credential) : IEntityCommand;

/// <summary>Is what was reserved.</summary>
public sealed record Reservation(NodeId Node, string Name, string Ipv4, string Ipv6);

/// <summary>
/// Knows every name and address ever given. An address is never given twice. A name belongs to one present node, and after that only
/// to a machine of the same owner or tags. A machine that is present keeps its id, name and addresses when it joins again. Where several
/// machines come with one credential that nobody has used yet, one node is set aside for all of them, with each one's name: which of them
/// gets in is decided elsewhere, so nothing of what the others were told is free. Immutable.
/// </summary>
public sealed record AllocationState : IEntityState<AllocationState>
{
    /// <summary>The refusal's code where two machines present one WireGuard key.</summary>
    public const string KeyInUse = "key-in-use";

    /// <summary>The refusal's code where a node changes a key that it does not have any more.</summary>
    public const string KeyChanged = "key-changed";

    internal static readonly Refusal KeyIsInUse = new(
        RefusalKind.Denied, KeyInUse,
        "another machine has this tunnel key: was the state directory copied? remove it on one of the two and join again");

    ImmutableDictionary<CredentialId, AllocationReserved> _byCredential = ImmutableDictionary<CredentialId, AllocationReserved>.Empty;
    // One for each machine that may be the node; more than one only while they hold the same credential.
    ImmutableDictionary<NodeId, ImmutableList<AllocationReserved>> _present = ImmutableDictionary<NodeId, ImmutableList<AllocationReserved>>.Empty;
    ImmutableDictionary<NodeId, ImmutableHashSet<CredentialId>> _credentials = ImmutableDictionary<NodeId, ImmutableHashSet<CredentialId>>.Empty;
    ImmutableDictionary<SigningPublicKey, NodeId> _bySigningKey = ImmutableDictionary<SigningPublicKey, NodeId>.Empty;
    ImmutableDictionary<TunnelPublicKey, NodeId> _byTunnelKey = ImmutableDictionary<TunnelPublicKey, NodeId>.Empty;
    ImmutableDictionary<string, NameHolder> _names = ImmutableDictionary.Create<string, NameHolder>(StringComparer.Ordinal);
    uint _highest;

    AllocationState() { }

    /// <summary>Is the state before the first event.</summary>
    public static AllocationState New { get; } = new();

    /// <inheritdoc/>
    public Decision Decide(IEntityCommand command, WallTime now) => command switch
    {
        ReserveAllocation reserve => Decide(reserve, now),
        ReleaseAllocation release => _present.GetValueOrDefault(release.Node) is { } held && !IsJoiningAgain(held[^1], release)
            ? Decision.Write(new AllocationReleased(release.Cause.CommandId, release.Cause.By, now, release.Node))
            : Decision.Answer(Accepted.Instance),
        RenameAllocation rename => Decide(rename, now),
        RotateAllocation rotate => Decide(rotate, now),
        _ => throw new ArgumentException($"allocations do not know {command.GetType().Name}", nameof(command)),
    };

    /// <inheritdoc/>
    public AllocationState Apply(INetworkEvent happened)
    {
        switch (happened)
        {
            case AllocationReserved one:
                var held = _present.GetValueOrDefault(one.Node, []);
                var others = held.RemoveAll(former => former.Credential != one.Credential || former.SigningKey == one.SigningKey);
                var cleared = held.Except(others).Aggregate(this, (state, former) => state.Without(former, others));
                return cleared with
                {
                    _byCredential = cleared._byCredential.SetItem(one.Credential, one),
                    _present = cleared._present.SetItem(one.Node, others.Add(one)),
                    _credentials = cleared._credentials.SetItem(one.Node, cleared._credentials.GetValueOrDefault(one.Node, []).Add(one.Credential)),
                    _bySigningKey = cleared._bySigningKey.SetItem(one.SigningKey, one.Node),
                    _byTunnelKey = cleared._byTunnelKey.SetItem(one.TunnelKey, one.Node),
                    _names = cleared._names.SetItem(one.Name, new NameHolder(one.Node, OwnerKey(one.Owner, one.Tags), true)),
                    _highest = Math.Max(cleared._highest, AddressRanges.ToNumber(one.Ipv4)),
                };
            case AllocationReleased released when _present.GetValueOrDefault(released.Node) is { } given:
                return given.Aggregate(this, (state, one) => state.Without(one, []) with
                {
                    _names = state._names.SetItem(one.Name, state._names[one.Name] with { Present = false }),
                }) with
                {
                    _present = _present.Remove(released.Node),
                };
            case NodeRenamed renamed when _present.GetValueOrDefault(renamed.Node) is { } named:
                var anew = named.ConvertAll(one => one with { Name = renamed.Name });
                return this with
                {
                    _present = _present.SetItem(renamed.Node, anew),
                    _byCredential = anew.Aggregate(_byCredential, (all, one) =>
                        all.GetValueOrDefault(one.Credential)?.Node == one.Node ? all.SetItem(one.Credential, one) : all),
                    _names = named.Aggregate(_names, (all, one) => all.SetItem(one.Name, all[one.Name] with { Present = false }))
                        .SetItem(renamed.Name, new NameHolder(renamed.Node, OwnerKey(anew[^1].Owner, anew[^1].Tags), true)),
                };
            case NodeRotated rotated when _present.GetValueOrDefault(rotated.Node) is { } keyed
                && keyed.FindLast(one => one.SigningKey == rotated.SigningKey) is { } had:
                return this with
                {
                    _present = _present.SetItem(rotated.Node, keyed.Replace(had, had with { TunnelKey = rotated.TunnelKey })),
                    _byTunnelKey = (keyed.Exists(one => one != had && one.TunnelKey == had.TunnelKey)
                        ? _byTunnelKey
                        : Without(_byTunnelKey, had.TunnelKey, rotated.Node)).SetItem(rotated.TunnelKey, rotated.Node),
                };
            default:
                return this;
        }
    }

    // The same key again is the same command again, whatever became of the answer.
    Decision Decide(RotateAllocation rotate, WallTime now)
    {
        if (_present.GetValueOrDefault(rotate.Node)?.FindLast(one => one.SigningKey == rotate.SigningKey) is not { } own)
            return Decision.Answer(new Refusal(RefusalKind.NotFound, "not-found", $"there is no node {rotate.Node} in the network"));
        if (own.TunnelKey == rotate.TunnelKey)
            return Decision.Answer(Accepted.Instance);
        if (own.TunnelKey != rotate.FormerKey)
            return Decision.Answer(new Refusal(
                RefusalKind.Conflict, KeyChanged, "the network knows another tunnel key of this node by now: was the state directory copied, or an old one restored?"));
        return _byTunnelKey.ContainsKey(rotate.TunnelKey)
            ? Decision.Answer(KeyIsInUse)
            : Decision.Write(new NodeRotated(
                rotate.Cause.CommandId, rotate.Cause.By, now, rotate.Node, rotate.SigningKey, rotate.FormerKey, rotate.TunnelKey));
    }

    // An admin who names a name means it: unlike a machine that joins, a renamed one may take that of another owner's former node.
    Decision Decide(RenameAllocation rename, WallTime now)
    {
        if (_present.GetValueOrDefault(rename.Node) is not { } held)
            return Decision.Answer(new Refusal(RefusalKind.NotFound, "not-found", $"there is no node {rename.Node} in the network"));
        if (held.TrueForAll(one => one.Name == rename.Name))
            return Decision.Answer(Accepted.Instance);
        return _names.GetValueOrDefault(rename.Name) is { Present: true } taken && taken.Node != rename.Node
            ? Decision.Answer(new Refusal(RefusalKind.Conflict, "name-taken", $"another node is called '{rename.Name}': rename that one first"))
            : Decision.Write(new NodeRenamed(rename.Cause.CommandId, rename.Cause.By, now, rename.Node, rename.Name));
    }

    Decision Decide(ReserveAllocation reserve, WallTime now)
    {
        if (_byTunnelKey.TryGetValue(reserve.TunnelKey, out var holder)
            && _present[holder].Exists(one => one.TunnelKey == reserve.TunnelKey && one.SigningKey != reserve.SigningKey)
            && !IsUnused(holder, reserve))
            return Decision.Answer(KeyIsInUse);

        var known = _byCredential.GetValueOrDefault(reserve.Credential);
        if (!reserve.Anew && _bySigningKey.TryGetValue(reserve.SigningKey, out var present))
        {
            // The same machine again: it keeps what it has.
            var machines = _present[present];
            var own = machines.FindLast(one => one.SigningKey == reserve.SigningKey)!;
            if (own.Credential == reserve.Credential && own.TunnelKey == reserve.TunnelKey)
                return Decision.Answer(Given(own));
            // With another credential only what is known to be its own: among several machines another one may have got in.
            if (own.Credential == reserve.Credential || machines.Count == 1 || reserve.Registered == present)
                return Reserved(own.Node, own.Name, own.Ipv4, own.Ipv6);
        }
        else if (!reserve.Anew && known is not null && _present.TryGetValue(known.Node, out var unused) && IsUnused(known.Node, reserve))
        {
            // Another machine comes with a credential that nobody has used: what was set aside for it is still unused.
            return Reserved(known.Node, Name(unused), known.Ipv4, known.Ipv6);
        }
        return reserve.Ranges.TryNext(_highest, out var ipv4, out var ipv6)
            ? Reserved(reserve.Fresh, Name([]), ipv4, ipv6)
            : Decision.Answer(new Refusal(RefusalKind.Denied, RefusalCodes.Exhausted, $"no address is left in {reserve.Ranges.Ipv4}"));

        Decision Reserved(NodeId node, string name, string ipv4, string ipv6) => new(
            [
                new AllocationReserved(
                    reserve.Cause.CommandId, $"node:{node}", now, reserve.Credential, node, name, ipv4, ipv6, reserve.SigningKey,
                    reserve.TunnelKey, reserve.Owner, reserve.Tags),
            ],
            new Reservation(node, name, ipv4, ipv6));

        string Name(ImmutableList<AllocationReserved> own) => Names.Deconflict(
            Names.Sanitize(reserve.Hostname),
            name => !own.Exists(one => one.Name == name) && _names.TryGetValue(name, out var taken)
                && (taken.Present || taken.OwnerKey != OwnerKey(reserve.Owner, reserve.Tags)));
    }

    // Nothing but this one credential ever led to the node, and nobody used it for that node: it never was in the network.
    bool IsUnused(NodeId node, ReserveAllocation reserve) =>
        reserve.Used?.Contains(node) != true
        && _credentials.GetValueOrDefault(node, []) is { Count: 1 } only && only.Contains(reserve.Credential);

    // A newer credential's reservation of the same node, unless that credential went to another machine since.
    bool IsJoiningAgain(AllocationReserved held, ReleaseAllocation release) =>
        held.Credential != release.Credential && _byCredential[held.Credential].Node == release.Node;

    // Takes away what one machine had of a node, but for what others have of it too.
    AllocationState Without(AllocationReserved former, ImmutableList<AllocationReserved> others) => this with
    {
        _bySigningKey = Without(_bySigningKey, former.SigningKey, former.Node),
        _byTunnelKey = others.Exists(one => one.TunnelKey == former.TunnelKey) ? _byTunnelKey : Without(_byTunnelKey, former.TunnelKey, former.Node),
        _names = others.Exists(one => one.Name == former.Name) ? _names : _names.Remove(former.Name),
    };

    static ImmutableDictionary<TKey, NodeId> Without<TKey>(ImmutableDictionary<TKey, NodeId> index, TKey key, NodeId node) where TKey : notnull =>
        index.TryGetValue(key, out var holder) && holder == node ? index.Remove(key) : index;

    static Reservation Given(AllocationReserved held) => new(held.Node, held.Name, held.Ipv4, held.Ipv6);

    static string OwnerKey(string? owner, IReadOnlyList<string> tags) => owner is null ? "tag:" + string.Join(',', tags) : "user:" + owner;

    sealed record NameHolder(NodeId Node, string OwnerKey, bool Present);
}
