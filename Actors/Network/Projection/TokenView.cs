using System.Collections.Immutable;
using System.Security.Cryptography;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Projection;

/// <summary>Says where a token stands at a moment.</summary>
public enum TokenStatus
{
    /// <summary>It can be used.</summary>
    Open,

    /// <summary>Its time is over, or that of the token that it was created with.</summary>
    Expired,

    /// <summary>It was revoked, or the token that it was created with.</summary>
    Revoked,
}

/// <summary>Is a token of an admin as the journal knows it; who shows it leaves the secret's hash out.</summary>
/// <param name="Id">The token.</param>
/// <param name="Name">What it is called.</param>
/// <param name="SecretHash">SHA-256 over its secret.</param>
/// <param name="Scopes">What may be done with it.</param>
/// <param name="Creator">Who created it.</param>
/// <param name="CreatedAt">When it was created.</param>
/// <param name="ExpiresAt">The last moment at which it can be used.</param>
/// <param name="Parent">The token that it was created with, without which it does not count.</param>
/// <param name="RevokedAt">When it was revoked itself.</param>
public sealed record TokenView(
    TokenId Id, string Name, Digest256 SecretHash, IReadOnlyList<string> Scopes, string Creator, WallTime CreatedAt, WallTime ExpiresAt,
    TokenId? Parent = null, WallTime? RevokedAt = null)
{
    // What an unknown token's secret is compared with, so that the answer takes as long as a wrong secret's.
    static readonly Digest256 NoHash = new(new byte[Octets32.Size]);

    /// <summary>Tells in constant time whether a secret is a token's; null stands for a token that does not exist, whose secret
    /// nothing is.</summary>
    public static bool IsSecretOf(TokenView? token, ReadOnlySpan<byte> secret)
    {
        var (expected, presented) = ((token?.SecretHash ?? NoHash).Value, Sha256.Hash(secret).Value);
        return CryptographicOperations.FixedTimeEquals(expected.Span, presented.Span) && token is not null;
    }

    /// <summary>Returns where it stands at a moment, among the tokens of the same view: no token outlives what it was created with.</summary>
    public TokenStatus StatusAt(WallTime now, ImmutableDictionary<TokenId, TokenView> all)
    {
        var expired = false;
        for (var token = this; token is not null; token = token.Parent is { } parent ? all.GetValueOrDefault(parent) : null)
        {
            if (token.RevokedAt is not null)
                return TokenStatus.Revoked;
            expired |= now > token.ExpiresAt;
        }
        return expired ? TokenStatus.Expired : TokenStatus.Open;
    }

    /// <summary>Prints the token without its secret's hash.</summary>
    public override string ToString() => $"token {Name} ({Id})";
}
