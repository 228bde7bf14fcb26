using Mesh.Actors.Tokens;

namespace Mesh.Controller.Admin;

/// <summary>Is one request of the admin API: <paramref name="Path"/> without <c>/v1/</c>, a <c>*</c> standing for any one segment.</summary>
/// <param name="Method">The HTTP method.</param>
/// <param name="Path">The path.</param>
/// <param name="Scope">The scope that a token needs for it, one of <see cref="TokenScopes.All"/>.</param>
sealed record AdminRoute(string Method, string Path, string Scope)
{
    readonly string[] _segments = Path.Split('/');

    /// <summary>Tells whether a request is this one.</summary>
    public bool Matches(string method, ReadOnlySpan<string> segments)
    {
        if (Method != method || segments.Length != _segments.Length)
            return false;
        for (var i = 0; i < segments.Length; i++)
        {
            if (_segments[i] != "*" && _segments[i] != segments[i])
                return false;
        }
        return true;
    }
}

/// <summary>
/// Lists every request that admins can make, with the scope that a token needs for it. What is not listed is not served, on the admin
/// socket neither: so no request can be added without somebody having said who may make it.
/// </summary>
static class AdminRoutes
{
    /// <summary>Gets the list; of two lines that match, the first counts.</summary>
    public static IReadOnlyList<AdminRoute> All { get; } =
    [
        new("GET", "status", TokenScopes.ClusterRead),
        new("GET", "cluster", TokenScopes.ClusterRead),
        new("GET", "cluster/controllers/*", TokenScopes.ClusterRead),
        new("POST", "cluster/controllers/*/renew", TokenScopes.ClusterWrite),
        new("POST", "cluster/controllers/*/remove", TokenScopes.ClusterWrite),
        new("GET", "debug/actors", TokenScopes.ClusterRead),
        new("GET", "backup", TokenScopes.Admin),
        new("GET", "users", TokenScopes.UsersRead),
        new("POST", "users", TokenScopes.UsersWrite),
        new("GET", "credentials", TokenScopes.CredentialsRead),
        new("POST", "credentials", TokenScopes.CredentialsWrite),
        new("POST", "credentials/*/revoke", TokenScopes.CredentialsWrite),
        new("GET", "nodes", TokenScopes.NodesRead),
        new("GET", "nodes/*", TokenScopes.NodesRead),
        new("GET", "nodes/*/map", TokenScopes.NodesRead),
        new("POST", "nodes/*/revoke", TokenScopes.NodesWrite),
        new("POST", "nodes/*/approve", TokenScopes.NodesWrite),
        new("POST", "nodes/*/rename", TokenScopes.NodesWrite),
        new("POST", "nodes/*/tag", TokenScopes.NodesWrite),
        new("POST", "nodes/*/expire", TokenScopes.NodesWrite),
        new("POST", "nodes/*/delete", TokenScopes.NodesWrite),
        new("GET", "policy", TokenScopes.PolicyRead),
        new("POST", "policy", TokenScopes.PolicyWrite),
        new("POST", "policy/check", TokenScopes.PolicyRead),
        new("GET", "policy/history", TokenScopes.PolicyRead),
        new("GET", "policy/diff", TokenScopes.PolicyRead),
        new("POST", "policy/diff", TokenScopes.PolicyRead),
        new("POST", "policy/rollback", TokenScopes.PolicyWrite),
        new("GET", "audit", TokenScopes.AuditRead),
        new("GET", "audit/export", TokenScopes.AuditRead),
        new("POST", "audit/prune", TokenScopes.Admin),
        new("GET", "tokens", TokenScopes.TokensRead),
        new("POST", "tokens", TokenScopes.TokensWrite),
        new("POST", "tokens/*/revoke", TokenScopes.TokensWrite),
    ];

    /// <summary>Finds a request by its method and the segments of its path, <c>v1</c> first; null where it is not listed.</summary>
    public static AdminRoute? Find(string method, string[] path)
    {
        if (path is not ["v1", ..])
            return null;
        foreach (var route in All)
        {
            if (route.Matches(method, path.AsSpan(1)))
                return route;
        }
        return null;
    }

    /// <summary>Cuts a path into its segments.</summary>
    public static string[] Segments(string? path) => path?.Split('/', StringSplitOptions.RemoveEmptyEntries) ?? [];
}
