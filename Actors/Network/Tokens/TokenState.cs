using Mesh.Actors.Events;
using Mesh.Actors.Registry;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Tokens;

/// <summary>Is the token that a command came with.</summary>
/// <param name="Id">The token.</param>
/// <param name="Scopes">What may be done with it.</param>
/// <param name="ExpiresAt">The last moment at which it can be used.</param>
public sealed record TokenHolder(TokenId Id, IReadOnlyList<string> Scopes, WallTime ExpiresAt);

/// <summary>Creates a token.</summary>
/// <param name="Cause">Who and which command.</param>
/// <param name="Token">The token.</param>
/// <param name="Name">What it is called.</param>
/// <param name="SecretHash">SHA-256 over its secret.</param>
/// <param name="Scopes">What may be done with it, sorted.</param>
/// <param name="Lifetime">How long it lasts; null: <see cref="TokenState.DefaultLifetime"/>, or as long as what it was created with.</param>
/// <param name="With">The token that the command came with; null where it came from a controller's machine.</param>
public sealed record CreateToken(
    Cause Cause, TokenId Token, string Name, Digest256 SecretHash, IReadOnlyList<string> Scopes, TimeSpan? Lifetime, TokenHolder? With) : IEntityCommand
{
    /// <summary>Prints the command without the secret's hash.</summary>
    public override string ToString() => $"create token {Token} ({Cause.CommandId})";
}

/// <summary>Revokes a token.</summary>
public sealed record RevokeToken(Cause Cause, TokenId Token) : IEntityCommand;

/// <summary>
/// Is a token of an admin: created with scopes and an end, then perhaps revoked, and nothing after that. Immutable.
/// </summary>
public sealed record TokenState : IEntityState<TokenState>
{
    /// <summary>How long a token lasts where its creator does not say.</summary>
    public static readonly TimeSpan DefaultLifetime = TimeSpan.FromHours(24);

    /// <summary>How long a token lasts at most.</summary>
    public static readonly TimeSpan LongestLifetime = TimeSpan.FromDays(90);

    TokenCreated? _created;
    TokenRevoked? _revoked;

    TokenState() { }

    /// <summary>Is the state before the first event.</summary>
    public static TokenState New { get; } = new();

    /// <inheritdoc/>
    public TokenState Apply(INetworkEvent happened) => happened switch
    {
        TokenCreated created => this with { _created = created },
        TokenRevoked revoked => this with { _revoked = revoked },
        _ => this,
    };

    /// <inheritdoc/>
    public Decision Decide(IEntityCommand command, WallTime now) => command switch
    {
        CreateToken create => Decide(create, now),
        RevokeToken revoke => Decide(revoke, now),
        _ => throw new ArgumentException($"a token does not know {command.GetType().Name}", nameof(command)),
    };

    Decision Decide(CreateToken create, WallTime now)
    {
        if (_created is not null)
            return Decision.Answer(_created.CommandId == create.Cause.CommandId
                ? Accepted.Instance
                : new Refusal(RefusalKind.Conflict, "exists", $"there is a token {create.Token} already"));
        if (Check(create, now) is { } refusal)
            return Decision.Answer(refusal);
        return Decision.Write(new TokenCreated(
            create.Cause.CommandId, create.Cause.By, now, create.Token, create.Name, create.SecretHash, create.Scopes,
            EndOf(create, now), create.With?.Id));
    }

    Decision Decide(RevokeToken revoke, WallTime now)
    {
        if (_created is null)
            return Decision.Answer(new Refusal(RefusalKind.NotFound, "not-found", $"there is no token {revoke.Token}"));
        return _revoked is null
            ? Decision.Write(new TokenRevoked(revoke.Cause.CommandId, revoke.Cause.By, now, revoke.Token))
            : Decision.Answer(_revoked.CommandId == revoke.Cause.CommandId
                ? Accepted.Instance
                : new Refusal(RefusalKind.Conflict, "token-revoked", $"token {_created.Name} is revoked already"));
    }

    static Refusal? Check(CreateToken create, WallTime now)
    {
        if (!Names.IsUser(create.Name))
            return Invalid($"'{create.Name}' is not a token's name: at most 63 of a-z, 0-9, '.', '_', '-' are, a letter or digit first");
        if (create.Scopes.Count == 0)
            return Invalid($"a token is for something: name what with --scope, one of {string.Join(", ", TokenScopes.All)}");
        if (create.Scopes.FirstOrDefault(scope => !TokenScopes.All.Contains(scope)) is { } unknown)
            return Invalid($"'{unknown}' is not a scope: {string.Join(", ", TokenScopes.All)} are");
        if (create.Lifetime is { } lifetime && (lifetime < TimeSpan.FromSeconds(1) || lifetime > LongestLifetime))
            return Invalid($"a token lasts from one second to {LongestLifetime.TotalDays:0} days");
        if (create.With is not { } with)
            return null;
        // Whoever got hold of a token must not make a greater one of it, nor one that outlives it.
        if (create.Scopes.FirstOrDefault(scope => !TokenScopes.Allow(with.Scopes, scope)) is { } beyond)
            return new Refusal(
                RefusalKind.Denied, "scope", $"this token may not give '{beyond}' away: it has {string.Join(", ", with.Scopes)} itself");
        return create.Lifetime is { } wanted && now + wanted > with.ExpiresAt
            ? new Refusal(RefusalKind.Denied, "lifetime", $"a token that is created with another ends with it at the latest, at {with.ExpiresAt}")
            : null;
    }

    static WallTime EndOf(CreateToken create, WallTime now)
    {
        var end = now + (create.Lifetime ?? DefaultLifetime);
        return create.With is { } with && with.ExpiresAt < end ? with.ExpiresAt : end;
    }

    static Refusal Invalid(string message) => new(RefusalKind.Invalid, "invalid", message);
}
