using System.Globalization;
using Mesh.Actors.Audit;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Protocol.Time;
using Microsoft.AspNetCore.Http;

namespace Mesh.Controller.Admin;

/// <summary>Says which entries of the audit list are wanted.</summary>
/// <param name="After">Those behind this ordering.</param>
/// <param name="Since">Those decided at this time or later.</param>
/// <param name="Type">A kind, or what kinds begin with; empty: all.</param>
/// <param name="By">Who, with or without <c>admin:</c> or <c>node:</c>; empty: anybody.</param>
/// <param name="Subjects">What they are about, any of them; none: whatever.</param>
sealed record AuditFilter(long After, WallTime? Since, string Type, string By, IReadOnlyList<string> Subjects)
{
    /// <summary>Reads a filter from a request; null with what is wrong.</summary>
    public static AuditFilter? Read(IQueryCollection query, NetworkQueries queries, WallTime now, out string? problem)
    {
        problem = null;
        var after = long.TryParse(query["after"], NumberStyles.None, CultureInfo.InvariantCulture, out var given) ? given : 0;
        WallTime? since = null;
        if (query["since"].ToString() is { Length: > 0 } text)
        {
            switch (MomentText.Parse(text, now, out problem))
            {
                case Moment.AtRevision at:
                    after = Math.Max(after, at.Revision);
                    break;
                case Moment.AtTime at:
                    since = at.Time;
                    break;
                default:
                    return null;
            }
        }
        return new AuditFilter(after, since, query["type"].ToString(), query["by"].ToString(), SubjectsOf(query["subject"].ToString(), queries));
    }

    /// <summary>Tells whether an entry is wanted.</summary>
    public bool Matches(AuditEntry entry) =>
        !(entry.At < Since)
        && (Type.Length == 0 || entry.Kind == Type || entry.Kind.StartsWith(Type + ".", StringComparison.Ordinal))
        && (By.Length == 0 || entry.By == By || entry.By.EndsWith(":" + By, StringComparison.Ordinal))
        && (Subjects.Count == 0 || Subjects.Contains(entry.Subject, StringComparer.Ordinal));

    // A subject by its whole name, by the part behind the first dash, or a node by the name that it has now.
    static List<string> SubjectsOf(string text, NetworkQueries queries)
    {
        if (text.Length == 0)
            return [];
        var subjects = new List<string> { text, "user-" + text, "node-" + text, "credential-" + text, "token-" + text };
        if (queries.FindNode(text) is { } node)
            subjects.Add("node-" + node.Id);
        return subjects;
    }
}
