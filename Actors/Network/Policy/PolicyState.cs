using Mesh.Actors.Events;
using Mesh.Actors.Registry;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Policy;

/// <summary>Replaces the policy by one that <see cref="PolicyReader"/> found free of errors.</summary>
public sealed record SetPolicy(Cause Cause, string Text, PolicyDocument Document) : IEntityCommand;

/// <summary>Is the policy. Immutable.</summary>
public sealed record PolicyState : IEntityState<PolicyState>
{
    PolicySet? _set;
    WrittenCommands _written = WrittenCommands.None;

    PolicyState() { }

    /// <summary>Is the state before the first event.</summary>
    public static PolicyState New { get; } = new();

    /// <inheritdoc/>
    public Decision Decide(IEntityCommand command, WallTime now) => command switch
    {
        SetPolicy { Text.Length: > PolicyReader.MaximumLength } => Decision.Answer(new Refusal(
            RefusalKind.Invalid, "too-long", $"a policy has at most {PolicyReader.MaximumLength} characters")),
        SetPolicy set when _written.Contain(set.Cause) || string.Equals(_set?.Text, set.Text, StringComparison.Ordinal) =>
            Decision.Answer(Accepted.Instance),
        SetPolicy { Document.Approval: not null } set => Decision.Write(
            new PolicySetV2(set.Cause.CommandId, set.Cause.By, now, set.Text, set.Document)),
        SetPolicy set => Decision.Write(new PolicySet(set.Cause.CommandId, set.Cause.By, now, set.Text, set.Document)),
        _ => throw new ArgumentException($"the policy does not know {command.GetType().Name}", nameof(command)),
    };

    /// <inheritdoc/>
    public PolicyState Apply(INetworkEvent happened) => happened is PolicySet set
        ? this with { _set = set, _written = _written.With(set.CommandId) }
        : this;
}
