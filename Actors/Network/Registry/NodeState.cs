using System.Collections.Immutable;
using Mesh.Actors.Events;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Registry;

/// <summary>Enters a machine whose enrollment was committed; the same enrollment enters it once.</summary>
public sealed record RegisterNode(Cause Cause, CredentialId Credential, EnrolledNode Node) : IEntityCommand;

/// <summary>Records the transport suites that a node announces; the same ones again change nothing.</summary>
public sealed record AnnounceSuites(Cause Cause, NodeId Node, IReadOnlyList<string> Suites) : IEntityCommand;

/// <summary>Takes a node out.</summary>
public sealed record RevokeNode(Cause Cause, NodeId Node) : IEntityCommand;

/// <summary>Takes a node out at its own wish.</summary>
public sealed record LogOutNode(Cause Cause, NodeId Node) : IEntityCommand;

/// <summary>Is a node: registered, then removed; a new credential brings it back. Immutable.</summary>
public sealed record NodeState : IEntityState<NodeState>
{
    ImmutableHashSet<CredentialId> _credentials = [];
    ImmutableArray<string> _suites = [];
    EnrolledNode? _node;
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
        RevokeNode revoke => Remove(revoke.Node, new NodeRevoked(revoke.Cause.CommandId, revoke.Cause.By, now, revoke.Node)),
        LogOutNode logOut => Remove(logOut.Node, new NodeLoggedOut(logOut.Cause.CommandId, logOut.Cause.By, now, logOut.Node)),
        _ => throw new ArgumentException($"a node does not know {command.GetType().Name}", nameof(command)),
    };

    /// <inheritdoc/>
    public NodeState Apply(INetworkEvent happened) => Taken(happened) with { _written = _written.With(happened.CommandId) };

    NodeState Taken(INetworkEvent happened) => happened switch
    {
        NodeRegistered registered => this with { _credentials = _credentials.Add(registered.Credential), _node = registered.Node, _removal = null },
        NodeAnnounced announced => this with { _suites = [.. announced.Suites] },
        NodeRevoked or NodeLoggedOut => this with { _removal = happened },
        _ => this,
    };

    Decision Decide(RegisterNode register, WallTime now)
    {
        if (_credentials.Contains(register.Credential))
            return Decision.Answer(Accepted.Instance);
        // A node id stands for one identity for ever, whatever else goes wrong.
        return _node is not null && _node.SigningKey != register.Node.SigningKey
            ? Decision.Answer(new Refusal(RefusalKind.Conflict, "identity", $"node {register.Node.Id} is another machine"))
            : Decision.Write(new NodeRegistered(register.Cause.CommandId, register.Cause.By, now, register.Credential, register.Node));
    }

    Decision Decide(AnnounceSuites announce, WallTime now)
    {
        if (_node is null || _removal is not null)
            return Decision.Answer(new Refusal(RefusalKind.NotFound, "not-found", $"there is no node {announce.Node}"));
        return _suites.SequenceEqual(announce.Suites, StringComparer.Ordinal)
            ? Decision.Answer(Accepted.Instance)
            : Decision.Write(new NodeAnnounced(announce.Cause.CommandId, announce.Cause.By, now, announce.Node, announce.Suites));
    }

    Decision Remove(NodeId node, INetworkEvent removal)
    {
        if (_node is null)
            return Decision.Answer(new Refusal(RefusalKind.NotFound, "not-found", $"there is no node {node}"));
        if (_removal is null)
            return Decision.Write(removal);
        return Decision.Answer(new Refusal(RefusalKind.Conflict, "removed", _removal is NodeRevoked
            ? $"node {_node.Name} was revoked already, at {_removal.At}"
            : $"node {_node.Name} logged out already, at {_removal.At}"));
    }
}
