namespace Mesh.Actors.Tokens;

/// <summary>
/// Names what tokens can be let do: a group of verbs and whether it may change something, or <see cref="Admin"/>. Who may write may
/// also read. Pure.
/// </summary>
public static class TokenScopes
{
    /// <summary>Everything, now and in later versions.</summary>
    public const string Admin = "admin";

    /// <summary>Look at the controllers and at how they are doing.</summary>
    public const string ClusterRead = "cluster:read";

    /// <summary>Change which controllers there are.</summary>
    public const string ClusterWrite = "cluster:write";

    /// <summary>Look at users.</summary>
    public const string UsersRead = "users:read";

    /// <summary>Create users.</summary>
    public const string UsersWrite = "users:write";

    /// <summary>Look at credentials; their secrets are kept nowhere.</summary>
    public const string CredentialsRead = "credentials:read";

    /// <summary>Create and revoke credentials: let machines in.</summary>
    public const string CredentialsWrite = "credentials:write";

    /// <summary>Look at nodes and their maps.</summary>
    public const string NodesRead = "nodes:read";

    /// <summary>Change nodes and take them out.</summary>
    public const string NodesWrite = "nodes:write";

    /// <summary>Look at the policy, and try one out.</summary>
    public const string PolicyRead = "policy:read";

    /// <summary>Set the policy.</summary>
    public const string PolicyWrite = "policy:write";

    /// <summary>Look at everything that ever happened.</summary>
    public const string AuditRead = "audit:read";

    /// <summary>Look at tokens; their secrets are kept nowhere.</summary>
    public const string TokensRead = "tokens:read";

    /// <summary>Create tokens within one's own scopes, and revoke tokens.</summary>
    public const string TokensWrite = "tokens:write";

    const string Read = ":read";
    const string Write = ":write";

    /// <summary>Gets all scopes, sorted.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        Admin, AuditRead, ClusterRead, ClusterWrite, CredentialsRead, CredentialsWrite, NodesRead, NodesWrite, PolicyRead, PolicyWrite,
        TokensRead, TokensWrite, UsersRead, UsersWrite,
    ];

    /// <summary>Tells whether whoever has some scopes may do what needs one.</summary>
    public static bool Allow(IReadOnlyList<string> has, string needed) =>
        has.Contains(Admin) || has.Contains(needed)
        || needed.EndsWith(Read, StringComparison.Ordinal) && has.Contains(needed[..^Read.Length] + Write);
}
