using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Events;

/// <summary><c>token.created.v1</c> on <c>token-ID</c>: from here on whoever holds the secret acts for the admin, within the scopes.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Token">The token.</param>
/// <param name="Name">What it is called; <c>token:NAME</c> is the <c>By</c> of what is done with it.</param>
/// <param name="SecretHash">SHA-256 over the 32-byte secret, which is kept nowhere.</param>
/// <param name="Scopes">What may be done with it, sorted.</param>
/// <param name="ExpiresAt">The last moment at which it can be used.</param>
/// <param name="Parent">The token that it was created with, without which it does not count; absent where an admin created it on a
/// controller's machine.</param>
public sealed record TokenCreated(
    string CommandId, string By, WallTime At, TokenId Token, string Name, Digest256 SecretHash, IReadOnlyList<string> Scopes,
    WallTime ExpiresAt, TokenId? Parent) : INetworkEvent;

/// <summary><c>token.revoked.v1</c> on <c>token-ID</c>: nothing can be done with it any more.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Token">The token.</param>
public sealed record TokenRevoked(string CommandId, string By, WallTime At, TokenId Token) : INetworkEvent;
