using System.Text.Json.Serialization;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Audit;

/// <summary>Is a contradiction between the history that a node has seen and the one that a controller signed.</summary>
/// <param name="Held">What the node holds.</param>
/// <param name="Shown">Where the controller's chain stands at that ordering, or before it.</param>
/// <param name="Tip">Where it stands at its end.</param>
/// <param name="Controller">Who signed it.</param>
/// <param name="Since">When it was first noticed.</param>
public sealed record AuditDispute(AuditHead Held, AuditHead Shown, AuditHead Tip, ControllerId Controller, WallTime Since)
{
    /// <summary>Gets whether the controller's history just ends before what the node holds: an older copy that has not grown since.</summary>
    [JsonIgnore]
    public bool IsShorter => Tip.Ordering < Held.Ordering;
}

/// <summary>
/// Is what a node has seen of the audit chain. The head that it holds advances only with a controller whose chain contains it: a controller
/// that was rolled back cannot lead it astray, however far it has grown since. A contradiction stays until a controller's chain contains the
/// head again, or the network root opens a new epoch. Immutable.
/// </summary>
public sealed record AuditWitness
{
    /// <summary>Gets the newest head that the node vouches for; null before the first.</summary>
    public AuditHead? Held { get; init; }

    /// <summary>Gets the contradiction; null: none.</summary>
    public AuditDispute? Dispute { get; init; }

    /// <summary>Gets whether the controller of this stream was found to agree.</summary>
    [JsonIgnore]
    public bool Agrees { get; init; }

    /// <summary>Gets the newest head of this stream while it is not known whether its controller agrees.</summary>
    [JsonIgnore]
    public AuditHead? Latest { get; init; }

    /// <summary>Begins with a new stream: its controller has not shown yet that it agrees.</summary>
    public AuditWitness Attach() => this with { Agrees = false, Latest = null };

    /// <summary>Takes in a head that a controller signed as its newest.</summary>
    public AuditWitness See(AuditHead head, ControllerId by, WallTime now)
    {
        if (Held is null || head == Held)
            return this with { Held = head, Dispute = null, Agrees = true, Latest = null };
        if (head.Ordering == Held.Ordering)
            return Disagree(head, head, by, now);
        if (head.Ordering < Held.Ordering)
            return this;
        return Agrees ? this with { Held = head } : this with { Latest = head };
    }

    /// <summary>Takes in where a controller's chain stands at the ordering of the head that is held; an answer about another says nothing.</summary>
    public AuditWitness Judge(AuditAnswer answer, ControllerId by, WallTime now)
    {
        if (Held is null || answer.Ordering != Held.Ordering)
            return this;
        return answer.At == Held
            ? this with { Held = Latest ?? Held, Dispute = null, Agrees = true, Latest = null }
            : Disagree(answer.At, answer.Tip, by, now);
    }

    AuditWitness Disagree(AuditHead shown, AuditHead tip, ControllerId by, WallTime now) =>
        this with { Dispute = new AuditDispute(Held!, shown, tip, by, Dispute?.Since ?? now), Agrees = false };
}
