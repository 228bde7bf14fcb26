using System.Collections.Immutable;
using Mesh.Actors.Events;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Registry;

/// <summary>Enters a machine whose enrollment was committed; the same enrollment enters it once.</summary>
/// <param name="Cause">The command.</param>
/// <param name="Credential">The credential.</param>
/// <param name="Node">The machine as it enrolled.</param>
/// <param name="ExpiresAfter">How long until a user's machine must join again; null: it need not.</param>
public sealed record RegisterNode(Cause Cause, CredentialId Credential, EnrolledNode Node, TimeSpan? ExpiresAfter = null) : IEntityCommand;

/// <summary>Records the transport suites that a node announces; the same ones again change nothing.</summary>
public sealed record AnnounceSuites(Cause Cause, NodeId Node, IReadOnlyList<string> Suites) : IEntityCommand;

/// <summary>Lets a node in that waits.</summary>
public sealed record ApproveNode(Cause Cause, NodeId Node) : IEntityCommand;

/// <summary>Says whose a node is: a user's, or that of at least one tag.</summary>
public sealed record TagNode(Cause Cause, NodeId Node, string? Owner, IReadOnlyList<string> Tags) : IEntityCommand;

/// <summary>Says when a user's node must join again; a moment that is over expires it at once, null lets it never expire.</summary>
public sealed record SetNodeExpiry(Cause Cause, NodeId Node, WallTime? ExpiresAt) : IEntityCommand;

/// <summary>Writes down that a node's time is over, where it is.</summary>
public sealed record ExpireNode(Cause Cause, NodeId Node) : IEntityCommand;

/// <summary>Takes a node out.</summary>
public sealed record RevokeNode(Cause Cause, NodeId Node) : IEntityCommand;

/// <summary>Takes a node out at its own wish.</summary>
public sealed record LogOutNode(Cause Cause, NodeId Node) : IEntityCommand;

/// <summary>Has nothing list a removed node any more.</summary>
/// <param name="Cause">The command.</param>
/// <param name="Node">The node.</param>
/// <param name="PresentBy">Deletes it also where it is in the network, if this is the credential that it last joined with.</param>
public sealed record DeleteNode(Cause Cause, NodeId Node, CredentialId? PresentBy = null) : IEntityCommand;

/// <summary>Is a node: registered, then removed; a new credential brings it back. Immutable.</summary>
public sealed record NodeState : IEntityState<NodeState>
{
    ImmutableHashSet<CredentialId> _credentials = [];
    ImmutableArray<string> _suites = [];
    CredentialId _credential;
    EnrolledNode? _node;
    WallTime? _expiresAt;
    bool _isTaggedByAdmin;
    bool _isApproved;
    bool _isExpired;
    INetworkEvent? _removal;
    WrittenCommands _written = WrittenCommands.None;

    NodeState() { }

    /// <summary>Is the state before the first event.</summary>
    public static NodeState New { get; } = new();

    /// <inheritdoc/>
    public Decision Decide(IEntityCommand command, WallTime now) => command switch
    {
        _ when _written.Contain(command.Cause) => Decision.Answer(Accepted.Instance),
        RegisterNode register => Decide(register, now),
        AnnounceSuites announce => Decide(announce, now),
        ApproveNode approve => Decide(approve, now),
        TagNode tag => Decide(tag, now),
        SetNodeExpiry set => Decide(set, now),
        ExpireNode expire => IsPresent && !_isExpired && _expiresAt <= now
            ? Decision.Write(new NodeExpired(expire.Cause.CommandId, expire.Cause.By, now, expire.Node))
            : Decision.Answer(Accepted.Instance),
        RevokeNode revoke => Remove(revoke.Node, new NodeRevoked(revoke.Cause.CommandId, revoke.Cause.By, now, revoke.Node)),
        LogOutNode logOut => Remove(logOut.Node, new NodeLoggedOut(logOut.Cause.CommandId, logOut.Cause.By, now, logOut.Node)),
        DeleteNode delete => Decide(delete, now),
        _ => throw new ArgumentException($"a node does not know {command.GetType().Name}", nameof(command)),
    };

    /// <inheritdoc/>
    public NodeState Apply(INetworkEvent happened) => Taken(happened) with { _written = _written.With(happened.CommandId) };

    NodeState Taken(INetworkEvent happened) => happened switch
    {
        NodeRegistered registered => this with
        {
            _credentials = _credentials.Add(registered.Credential),
            _credential = registered.Credential,
            _node = NodeOwnership.Joining(IsPresent ? _node : null, IsPresent && _isTaggedByAdmin, registered.Node),
            _isTaggedByAdmin = IsPresent && _isTaggedByAdmin,
            _isApproved = IsPresent && _isApproved,
            _expiresAt = null,
            _isExpired = false,
            _removal = null,
        },
        NodeAnnounced announced => this with { _suites = [.. announced.Suites] },
        NodeApproved => this with { _isApproved = true },
        NodeTagged tagged when _node is not null => this with
        {
            _node = _node with { Owner = tagged.Owner, Tags = tagged.Tags },
            _isTaggedByAdmin = tagged.Tags.Count > 0,
            _expiresAt = tagged.Tags.Count > 0 ? null : _expiresAt,
            _isExpired = tagged.Tags.Count == 0 && _isExpired,
        },
        NodeExpirySet set => this with { _expiresAt = set.ExpiresAt, _isExpired = false },
        NodeExpired => this with { _isExpired = true },
        NodeRevoked or NodeLoggedOut or NodeDeleted => this with { _removal = happened },
        _ => this,
    };

    bool IsPresent => _node is not null && _removal is null;

    Decision Decide(RegisterNode register, WallTime now)
    {
        if (_credentials.Contains(register.Credential))
            return Decision.Answer(Accepted.Instance);
        // A node id stands for one identity for ever, whatever else goes wrong.
        if (_node is not null && _node.SigningKey != register.Node.SigningKey)
            return Decision.Answer(new Refusal(RefusalKind.Conflict, "identity", $"node {register.Node.Id} is another machine"));
        var (command, by) = (register.Cause.CommandId, register.Cause.By);
        var registered = new NodeRegistered(command, by, now, register.Credential, register.Node);
        return register.ExpiresAfter is { } life && Apply(registered)._node!.Tags.Count == 0
            ? new([registered, new NodeExpirySet(command, by, now, register.Node.Id, now + life)], Accepted.Instance)
            : Decision.Write(registered);
    }

    Decision Decide(AnnounceSuites announce, WallTime now)
    {
        if (!IsPresent)
            return Decision.Answer(Missing(announce.Node));
        return _suites.SequenceEqual(announce.Suites, StringComparer.Ordinal)
            ? Decision.Answer(Accepted.Instance)
            : Decision.Write(new NodeAnnounced(announce.Cause.CommandId, announce.Cause.By, now, announce.Node, announce.Suites));
    }

    // Whether it waits follows from the policy, which the projection knows: here is only that it is let in once.
    Decision Decide(ApproveNode approve, WallTime now)
    {
        if (!IsPresent)
            return Decision.Answer(Missing(approve.Node));
        return _isApproved
            ? Decision.Answer(Accepted.Instance)
            : Decision.Write(new NodeApproved(approve.Cause.CommandId, approve.Cause.By, now, approve.Node));
    }

    Decision Decide(TagNode tag, WallTime now)
    {
        if (!IsPresent)
            return Decision.Answer(Missing(tag.Node));
        if (tag.Owner is null == (tag.Tags.Count == 0))
            return Decision.Answer(new Refusal(
                RefusalKind.Invalid, "invalid", "a node belongs to a user or to at least one tag: name one, or give it back with --user NAME"));
        return string.Equals(_node!.Owner, tag.Owner, StringComparison.Ordinal) && _node.Tags.SequenceEqual(tag.Tags, StringComparer.Ordinal)
            && _isTaggedByAdmin == tag.Tags.Count > 0
            ? Decision.Answer(Accepted.Instance)
            : Decision.Write(new NodeTagged(tag.Cause.CommandId, tag.Cause.By, now, tag.Node, tag.Owner, tag.Tags));
    }

    Decision Decide(SetNodeExpiry set, WallTime now)
    {
        if (!IsPresent)
            return Decision.Answer(Missing(set.Node));
        if (_node!.Tags.Count > 0)
            return Decision.Answer(new Refusal(
                RefusalKind.Conflict, "tagged", "tags own this node, and a tagged node never expires: revoke it, or give it to a user first"));
        var (command, by) = (set.Cause.CommandId, set.Cause.By);
        var isOver = set.ExpiresAt <= now;
        if (_isExpired == isOver && (isOver || _expiresAt == set.ExpiresAt))
            return Decision.Answer(Accepted.Instance);
        return isOver
            ? new([new NodeExpirySet(command, by, now, set.Node, set.ExpiresAt), new NodeExpired(command, by, now, set.Node)], Accepted.Instance)
            : Decision.Write(new NodeExpirySet(command, by, now, set.Node, set.ExpiresAt));
    }

    Decision Decide(DeleteNode delete, WallTime now)
    {
        if (_node is null)
            return Decision.Answer(Missing(delete.Node));
        return _removal switch
        {
            NodeDeleted => Decision.Answer(Accepted.Instance),
            null when delete.PresentBy is not { } by || by != _credential => Decision.Answer(new Refusal(
                RefusalKind.Conflict, "present", "this node is in the network: revoke it first, or use --force")),
            _ => Decision.Write(new NodeDeleted(delete.Cause.CommandId, delete.Cause.By, now, delete.Node)),
        };
    }

    Decision Remove(NodeId node, INetworkEvent removal)
    {
        if (_node is null || _removal is NodeDeleted)
            return Decision.Answer(Missing(node));
        if (_removal is null)
            return Decision.Write(removal);
        return Decision.Answer(new Refusal(RefusalKind.Conflict, "removed", _removal is NodeRevoked
            ? $"node {_node.Name} was revoked already, at {_removal.At}"
            : $"node {_node.Name} logged out already, at {_removal.At}"));
    }

    static Refusal Missing(NodeId node) => new(RefusalKind.NotFound, "not-found", $"there is no node {node}");
}
