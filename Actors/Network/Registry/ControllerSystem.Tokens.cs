using System.Security.Cryptography;
using Mesh.Actors.Projection;
using Mesh.Actors.Tokens;
using Mesh.Protocol.Admin;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Actors.Registry;

/// <summary>Asks for a token.</summary>
/// <param name="Name">What it is called; no other token that can be used has that name.</param>
/// <param name="Scopes">What may be done with it: some of <see cref="TokenScopes.All"/>.</param>
/// <param name="Lifetime">How long it lasts; null: <see cref="TokenState.DefaultLifetime"/>.</param>
/// <param name="With">The token that this is asked with.</param>
public sealed record TokenRequest(string Name, IReadOnlyList<string> Scopes, TimeSpan? Lifetime = null, TokenHolder? With = null);

/// <summary>Is a new token and the one string that lets its holder in; the string is kept nowhere.</summary>
public sealed record IssuedToken(TokenView Token, TokenString Text);

public sealed partial class ControllerSystem
{
    /// <summary>Creates a token; its secret is only in the answer.</summary>
    public async Task<Outcome<IssuedToken>> CreateTokenAsync(TokenRequest request, Cause cause)
    {
        var view = _feed.Current;
        if (view.Network is not { } network)
            return new Refusal(RefusalKind.Conflict, "no-network", "there is no network yet");
        // What is done with a token is told by its name.
        if (view.Tokens.Values.FirstOrDefault(one => one.Name == request.Name && one.StatusAt(_clock.Now, view.Tokens) == TokenStatus.Open) is { } other)
            return new Refusal(RefusalKind.Conflict, "exists", $"there is a token '{request.Name}' already, until {other.ExpiresAt}");
        var id = TypedId.Create<TokenId>(_entropy);
        var secret = new byte[TokenString.SecretSize];
        _entropy.Fill(secret);
        try
        {
            var create = new CreateToken(
                cause, id, request.Name, Sha256.Hash(secret),
                [.. request.Scopes.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)], request.Lifetime, request.With);
            if (await DecideAsync(_tokens, id.ToString(), create) is { } refusal)
                return refusal;
            return new IssuedToken(_feed.Current.Tokens[id], TokenString.Create(id, secret, Sha256.Hash(network.RootKey.Value.Span)));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>Revokes a token, and with it every token that was created with it.</summary>
    public async Task<Outcome<TokenView>> RevokeTokenAsync(TokenId token, Cause cause)
    {
        if (!_feed.Current.Tokens.TryGetValue(token, out _))
            return new Refusal(RefusalKind.NotFound, "not-found", $"there is no token {token}");
        if (await DecideAsync(_tokens, token.ToString(), new RevokeToken(cause, token)) is { } refusal)
            return refusal;
        return _feed.Current.Tokens[token];
    }
}
