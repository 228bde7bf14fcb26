using Mesh.Actors.Events;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Registry;

/// <summary>Creates a user.</summary>
public sealed record CreateUser(Cause Cause, string Name) : IEntityCommand;

/// <summary>Is a user. Immutable.</summary>
public sealed record UserState : IEntityState<UserState>
{
    UserCreated? _created;

    UserState() { }

    /// <summary>Is the state before the first event.</summary>
    public static UserState New { get; } = new();

    /// <inheritdoc/>
    public Decision Decide(IEntityCommand command, WallTime now) => command switch
    {
        CreateUser { Name: var name } when !Names.IsUser(name) => Decision.Answer(new Refusal(
            RefusalKind.Invalid, "invalid", $"'{name}' is not a user name: at most 63 of a-z, 0-9, '.', '_', '-' are, a letter or digit first")),
        CreateUser create when _created is null => Decision.Write(new UserCreated(create.Cause.CommandId, create.Cause.By, now, create.Name)),
        CreateUser create => Decision.Answer(_created!.CommandId == create.Cause.CommandId
            ? Accepted.Instance
            : new Refusal(RefusalKind.Conflict, "exists", $"there is a user '{create.Name}' already")),
        _ => throw new ArgumentException($"a user does not know {command.GetType().Name}", nameof(command)),
    };

    /// <inheritdoc/>
    public UserState Apply(INetworkEvent happened) => happened is UserCreated created ? this with { _created = created } : this;
}
