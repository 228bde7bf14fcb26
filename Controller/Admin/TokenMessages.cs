using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Controller.Admin;

/// <summary>Asks for a token.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Scopes">What may be done with it.</param>
/// <param name="TtlSeconds">How long it lasts; absent: a day.</param>
sealed record NewToken(string Name, IReadOnlyList<string> Scopes, long? TtlSeconds = null);

/// <summary>Is a new token; <paramref name="Key"/> is shown this once.</summary>
sealed record CreatedToken(string Key, TokenEntry Token);

/// <summary>Describes a token.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name.</param>
/// <param name="State"><c>open</c>, <c>expired</c> or <c>revoked</c>.</param>
/// <param name="Scopes">What may be done with it.</param>
/// <param name="CreatedBy">Who created it.</param>
/// <param name="CreatedAt">When.</param>
/// <param name="ExpiresAt">The last moment at which it can be used.</param>
/// <param name="Parent">The token that it was created with, and ends with.</param>
/// <param name="RevokedAt">When it was revoked itself.</param>
sealed record TokenEntry(
    TokenId Id, string Name, string State, IReadOnlyList<string> Scopes, string CreatedBy, WallTime CreatedAt, WallTime ExpiresAt,
    TokenId? Parent = null, WallTime? RevokedAt = null);

/// <summary>Lists tokens.</summary>
sealed record TokenList(IReadOnlyList<TokenEntry> Tokens);
