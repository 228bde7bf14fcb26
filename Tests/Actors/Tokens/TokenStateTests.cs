using Mesh.Actors.Events;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Actors.Tokens;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Tests.Actors.Tokens;

public sealed class TokenStateTests
{
    static readonly TokenId Id = new(new EntityId([0, 0, 0, 0, 0, 0, 0, 0, 0, 9]));
    static readonly TokenId ParentId = new(new EntityId([0, 0, 0, 0, 0, 0, 0, 0, 0, 8]));
    static readonly byte[] Secret = [.. Enumerable.Repeat((byte)7, 32)];
    static readonly WallTime Now = new(1_000_000);

    [Fact]
    public void A_token_lasts_a_day_where_nobody_says_otherwise()
    {
        var created = Created(Create(["nodes:read"]));
        Assert.Equal(Now + TimeSpan.FromHours(24), created.ExpiresAt);
        Assert.Equal(Sha256.Hash(Secret), created.SecretHash);
        Assert.Null(created.Parent);
    }

    [Theory]
    [InlineData("is not a scope", "nodes:delete")]
    [InlineData("is not a scope", "nodes:read", "Admin")]
    [InlineData("for something")]
    public void Scopes_are_of_the_list(string expected, params string[] scopes) => Assert.Contains(expected, Refused(Create(scopes)).Message);

    [Theory]
    [InlineData(0)]
    [InlineData(90 * 86400 + 1)]
    public void A_token_lasts_from_a_second_to_ninety_days(int seconds) =>
        Assert.Equal(RefusalKind.Invalid, Refused(Create(["admin"], TimeSpan.FromSeconds(seconds))).Kind);

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("token:x")]
    public void A_name_is_one_word(string name) => Assert.Equal(RefusalKind.Invalid, Refused(Create(["admin"]) with { Name = name }).Kind);

    // what the token has that this is asked with, what is wanted, whether it is given
    [Theory]
    [InlineData("nodes:read", "nodes:read", true)]
    [InlineData("nodes:write", "nodes:read", true)]
    [InlineData("nodes:write", "nodes:write", true)]
    [InlineData("nodes:read", "nodes:write", false)]
    [InlineData("tokens:write", "nodes:read", false)]
    [InlineData("tokens:write", "admin", false)]
    [InlineData("admin", "admin", true)]
    [InlineData("admin", "policy:write", true)]
    [InlineData("policy:write", "audit:read", false)]
    public void Nobody_gives_away_what_he_has_not(string has, string wanted, bool given)
    {
        var create = Create([wanted], with: new TokenHolder(ParentId, [has], Now + TimeSpan.FromDays(2)));
        if (given)
            Assert.Equal(ParentId, Created(create).Parent);
        else
            Assert.Equal((RefusalKind.Denied, "scope"), (Refused(create).Kind, Refused(create).Code));
    }

    [Fact]
    public void No_token_outlives_what_it_was_created_with()
    {
        var with = new TokenHolder(ParentId, ["admin"], Now + TimeSpan.FromHours(1));
        Assert.Equal(with.ExpiresAt, Created(Create(["admin"], with: with)).ExpiresAt);
        Assert.Equal("lifetime", Refused(Create(["admin"], TimeSpan.FromHours(2), with)).Code);
        Assert.Equal(Now + TimeSpan.FromMinutes(5), Created(Create(["admin"], TimeSpan.FromMinutes(5), with)).ExpiresAt);
    }

    [Fact]
    public void The_same_command_again_writes_nothing_and_says_the_same()
    {
        var state = TokenState.New.Apply(Created(Create(["admin"])));
        Assert.Equal((0, true), Twice(state.Decide(Create(["admin"]), Now)));
        Assert.Equal("exists", ((Refusal)state.Decide(Create(["admin"]) with { Cause = new("admin:root", "other") }, Now).Reply).Code);
        var revoke = new RevokeToken(new("admin:root", "r"), Id);
        Assert.Equal("not-found", ((Refusal)TokenState.New.Decide(revoke, Now).Reply).Code);
        state = state.Apply(Assert.Single(state.Decide(revoke, Now).Events));
        Assert.Equal((0, true), Twice(state.Decide(revoke, Now)));
        Assert.Equal("token-revoked", ((Refusal)state.Decide(revoke with { Cause = new("admin:root", "again") }, Now).Reply).Code);

        static (int, bool) Twice(Decision decision) => (decision.Events.Count, decision.Reply is Accepted);
    }

    [Fact]
    public void A_token_counts_as_long_as_all_that_it_comes_from()
    {
        var view = NetworkView.Empty;
        view = view.Apply(1, Created(Create(["admin"], TimeSpan.FromHours(2)) with { Token = ParentId })).View;
        view = view.Apply(2, Created(Create(["admin"], TimeSpan.FromHours(1), new TokenHolder(ParentId, ["admin"], Now + TimeSpan.FromHours(2))))).View;
        Assert.Equal(TokenStatus.Open, Status(view, Id, Now + TimeSpan.FromHours(1)));
        Assert.Equal(TokenStatus.Expired, Status(view, Id, Now + TimeSpan.FromHours(1) + TimeSpan.FromMilliseconds(1)));
        view = view.Apply(3, new TokenRevoked("r", "admin:root", Now, ParentId)).View;
        Assert.Equal(TokenStatus.Revoked, Status(view, ParentId, Now));
        Assert.Equal(TokenStatus.Revoked, Status(view, Id, Now));
        Assert.Null(view.Tokens[Id].RevokedAt);

        static TokenStatus Status(NetworkView view, TokenId id, WallTime at) => view.Tokens[id].StatusAt(at, view.Tokens);
    }

    [Fact]
    public void Only_its_own_secret_is_a_tokens()
    {
        var token = NetworkView.Empty.Apply(1, Created(Create(["admin"]))).View.Tokens[Id];
        Assert.True(TokenView.IsSecretOf(token, Secret));
        Assert.False(TokenView.IsSecretOf(token, new byte[32]));
        Assert.False(TokenView.IsSecretOf(null, Secret));
        Assert.False(TokenView.IsSecretOf(null, []));
        Assert.DoesNotContain(token.SecretHash.ToString()!, token.ToString());
    }

    [Fact]
    public void Every_scope_to_read_comes_with_the_one_to_write_it()
    {
        foreach (var write in TokenScopes.All.Where(scope => scope.EndsWith(":write", StringComparison.Ordinal)))
            Assert.Contains(write.Replace(":write", ":read", StringComparison.Ordinal), TokenScopes.All);
        Assert.Equal(TokenScopes.All.Order(StringComparer.Ordinal), TokenScopes.All);
    }

    static CreateToken Create(IReadOnlyList<string> scopes, TimeSpan? lifetime = null, TokenHolder? with = null) =>
        new(new Cause("admin:root", "c"), Id, "ci", Sha256.Hash(Secret), scopes, lifetime, with);

    static TokenCreated Created(CreateToken create) => (TokenCreated)Assert.Single(TokenState.New.Decide(create, Now).Events);

    static Refusal Refused(CreateToken create)
    {
        var decision = TokenState.New.Decide(create, Now);
        Assert.Empty(decision.Events);
        return (Refusal)decision.Reply;
    }
}
