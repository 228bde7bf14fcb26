using Mesh.Protocol.Audit;
using Mesh.Protocol.Control;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Trust;

/// <summary>Says why a node does not take a map frame in. The names are stable: they are shown in <c>status</c> and sent to controllers.</summary>
public enum TrustRefusal
{
    /// <summary>Nothing is wrong.</summary>
    None,

    /// <summary>Some part cannot be read.</summary>
    Malformed,

    /// <summary>The delegation is not signed by the network's root.</summary>
    ForeignDelegation,

    /// <summary>The delegation is out of its time or lacks the right to sign maps.</summary>
    DelegationNotValid,

    /// <summary>The controller's delegation was withdrawn.</summary>
    DelegationWithdrawn,

    /// <summary>The head is not signed by the delegated key.</summary>
    BadSignature,

    /// <summary>Another network, or another node's leaf.</summary>
    NotForThisNode,

    /// <summary>The epoch is older than the one the node is in.</summary>
    OlderEpoch,

    /// <summary>A newer epoch that the network root has not opened.</summary>
    UnopenedEpoch,

    /// <summary>The revision is older than one that the node has taken in.</summary>
    OlderRevision,

    /// <summary>Its time for taking in, or its validity, is over.</summary>
    Expired,

    /// <summary>It is dated in the future by more than the tolerated skew.</summary>
    FromTheFuture,

    /// <summary>The path does not lead from the leaf to the signed root.</summary>
    WrongPath,

    /// <summary>The delta or renewal speaks of a body that the node does not have.</summary>
    WrongBase,
}

/// <summary>
/// Is what a node holds true about its network, and the rules by which that changes: one pure function from state, frame and time
/// to the next state or a refusal. A refusal leaves the state as it was. Immutable.
/// </summary>
public sealed record MapTrust
{
    /// <summary>How far ahead of the node's clock a controller's may be (90 seconds, the enrollment limit).</summary>
    public static readonly TimeSpan Skew = TimeSpan.FromSeconds(90);

    /// <summary>How long after it was signed an answer about the audit chain is heard (10 minutes, as with maps).</summary>
    public static readonly TimeSpan AnswerLife = TimeSpan.FromMinutes(10);

    /// <summary>Gets the network.</summary>
    public required NetworkId Network { get; init; }

    /// <summary>Gets the node's own id.</summary>
    public required NodeId Node { get; init; }

    /// <summary>Gets the pinned network root.</summary>
    public required SigningPublicKey Root { get; init; }

    /// <summary>Gets the epoch that the node is in.</summary>
    public int Epoch { get; init; }

    /// <summary>Gets the newest revision taken in.</summary>
    public long Revision { get; init; }

    /// <summary>Gets the last moment at which the body may be acted on.</summary>
    public WallTime ValidUntil { get; init; }

    /// <summary>Gets the newest signed time seen: the node's clock is never believed to be earlier.</summary>
    public WallTime Floor { get; init; }

    /// <summary>Gets the body in force, or null before the first.</summary>
    public MapBody? Body { get; init; }

    /// <summary>Gets why the node was taken out of the network, or null while it belongs to it.</summary>
    public string? Removed { get; init; }

    /// <summary>Gets what was seen of the audit chain in this epoch; null: nothing yet.</summary>
    public AuditWitness? Audit { get; init; }

    /// <summary>Returns the later of the clock and the newest signed time.</summary>
    public WallTime Now(WallTime clock) => clock > Floor ? clock : Floor;

    /// <summary>Tells whether the body may be acted on.</summary>
    public bool IsValid(WallTime clock) => Body is not null && Removed is null && Now(clock) <= ValidUntil;

    /// <summary>Takes a frame in, or says why not.</summary>
    public TrustRefusal TryAccept(MapFrame frame, WallTime clock, out MapTrust next)
    {
        next = this;
        var now = Now(clock);
        var refusal = TryReadDelegation(frame.Delegation, now, DelegationRights.SignMaps, out var delegation);
        if (refusal != TrustRefusal.None)
            return refusal;
        if (!frame.Head.Verify(PayloadTypes.MapHead, delegation.SigningKey))
            return TrustRefusal.BadSignature;
        if (!ProtocolJson.TryDecode(frame.Head.Payload, ProtocolJson.Default.MapHead, out var head)
            || !ProtocolJson.TryDecode(frame.Leaf, ProtocolJson.Default.MapLeaf, out var leaf))
            return TrustRefusal.Malformed;
        if (head.Network != Network || leaf.Node != Node)
            return TrustRefusal.NotForThisNode;
        if (head.Epoch < Epoch)
            return TrustRefusal.OlderEpoch;
        // The delegation is signed by the root: naming the new epoch in it is how the root opens one.
        if (head.Epoch > Epoch && Body is not null && delegation.Epoch < head.Epoch)
            return TrustRefusal.UnopenedEpoch;
        if (head.Epoch == Epoch && head.Revision < Revision)
            return TrustRefusal.OlderRevision;
        if (now > head.AcceptUntil || now > head.ValidUntil)
            return TrustRefusal.Expired;
        if (head.Issued > now + Skew)
            return TrustRefusal.FromTheFuture;
        if (!MerkleTree.Verify(head.Root, MerkleTree.LeafHash(frame.Leaf), frame.Index, head.LeafCount, frame.Path))
            return TrustRefusal.WrongPath;

        var accepted = this with
        {
            Epoch = head.Epoch,
            Revision = head.Revision,
            ValidUntil = head.ValidUntil,
            Floor = head.Issued > Floor ? head.Issued : Floor,
            Audit = Witness(head, delegation.Controller, now),
        };
        switch (leaf)
        {
            case { Full: { } full, Delta: null, Renewal: null, Removal: null }:
                if (full.Network != Network || full.Self.Id != Node)
                    return TrustRefusal.NotForThisNode;
                accepted = accepted with { Body = full, Removed = null };
                break;
            case { Full: null, Delta: { } delta, Renewal: null, Removal: null }:
                if (Body is null || !MapChange.TryApply(Body, delta, out var changed))
                    return TrustRefusal.WrongBase;
                accepted = accepted with { Body = changed };
                break;
            case { Full: null, Delta: null, Renewal: { } renewal, Removal: null }:
                if (Body is null || MapChange.Hash(Body) != renewal.BodyHash)
                    return TrustRefusal.WrongBase;
                break;
            case { Full: null, Delta: null, Renewal: null, Removal: { } removal }:
                accepted = accepted with { Removed = removal.Reason };
                break;
            default:
                return TrustRefusal.Malformed;
        }
        next = accepted;
        return TrustRefusal.None;
    }

    /// <summary>Takes in an answer to the audit head that was shown at the attach, or says why not.</summary>
    public TrustRefusal TryHear(AuditFrame frame, WallTime clock, out MapTrust next)
    {
        next = this;
        var now = Now(clock);
        var refusal = TryReadDelegation(frame.Delegation, now, DelegationRights.SignMaps, out var delegation);
        if (refusal != TrustRefusal.None)
            return refusal;
        if (!frame.Answer.Verify(PayloadTypes.AuditAnswer, delegation.SigningKey))
            return TrustRefusal.BadSignature;
        if (!ProtocolJson.TryDecode(frame.Answer.Payload, ProtocolJson.Default.AuditAnswer, out var answer))
            return TrustRefusal.Malformed;
        if (answer.Network != Network)
            return TrustRefusal.NotForThisNode;
        if (answer.Epoch != Epoch)
            return answer.Epoch < Epoch ? TrustRefusal.OlderEpoch : TrustRefusal.UnopenedEpoch;
        if (now > answer.Issued + AnswerLife)
            return TrustRefusal.Expired;
        if (answer.Issued > now + Skew)
            return TrustRefusal.FromTheFuture;
        next = this with { Audit = Audit?.Judge(answer, delegation.Controller, now) };
        return TrustRefusal.None;
    }

    // A new epoch is a new history: the network root has opened it.
    AuditWitness? Witness(MapHead head, ControllerId by, WallTime now)
    {
        var before = head.Epoch > Epoch ? null : Audit;
        return head.Audit is { } audit ? (before ?? new AuditWitness()).See(audit, by, now) : before;
    }

    /// <summary>Verifies a delegation against the root and the moment, and that it carries a right.</summary>
    public TrustRefusal TryReadDelegation(DsseEnvelope envelope, WallTime now, string right, out Delegation delegation)
    {
        delegation = null!;
        if (!envelope.Verify(PayloadTypes.Delegation, Root))
            return TrustRefusal.ForeignDelegation;
        if (!ProtocolJson.TryDecode(envelope.Payload, ProtocolJson.Default.Delegation, out var read))
            return TrustRefusal.Malformed;
        if (read.Network != Network)
            return TrustRefusal.ForeignDelegation;
        if (now < read.NotBefore || now > read.NotAfter
            || read.Epoch < Epoch || !read.Rights.Contains(right))
            return TrustRefusal.DelegationNotValid;
        if (Body?.Withdrawn.Contains(read.Controller) == true)
            return TrustRefusal.DelegationWithdrawn;
        delegation = read;
        return TrustRefusal.None;
    }
}
