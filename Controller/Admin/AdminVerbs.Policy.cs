using System.Globalization;
using Mesh.Actors.Policy;
using Mesh.Actors.Registry;
using Mesh.Controller.Api;
using Mesh.Controller.Policy;
using Mesh.Protocol.Enrollment;
using Microsoft.AspNetCore.Http;

namespace Mesh.Controller.Admin;

sealed partial class AdminVerbs
{
    const int MostPolicyVersions = 1000;

    async Task PolicyHistoryAsync(HttpContext context)
    {
        var versions = new Queue<PolicyVersion>();
        var before = "";
        await foreach (var one in system.Queries.PoliciesAsync(context.RequestAborted))
        {
            var (added, removed) = LineDifference.Of(before, one.Set.Text).Count();
            versions.Enqueue(Show(one) with { Added = added, Removed = removed });
            if (versions.Count > MostPolicyVersions)
                versions.Dequeue();
            before = one.Set.Text;
        }
        await context.SendAsync(new PolicyVersionList([.. versions]), AdminJson.Default.PolicyVersionList);
    }

    // Without revisions: what the last change did. With one: what changed since then.
    async Task PolicyDiffAsync(HttpContext context)
    {
        if (!TryReadRevision(context, "from", out var from) || !TryReadRevision(context, "to", out var to))
        {
            await context.SendAsync(Invalid("a revision is a number: 'mesh-controller policy history' shows them"));
            return;
        }
        PolicyRevision? before = null, after = null, last = null;
        await foreach (var one in system.Queries.PoliciesAsync(context.RequestAborted))
        {
            if (from is null)
                before = last;
            else if (one.Revision == from)
                before = one;
            if (to is null || one.Revision == to)
                after = one;
            last = one;
        }
        if (last is null)
            await context.SendAsync(new Problem("no policy was set yet", StatusCodes.Status404NotFound, "not-found"));
        else if (from is not null && before is null)
            await context.SendAsync(NoSuchPolicy(from.Value));
        else if (after is null)
            await context.SendAsync(NoSuchPolicy(to!.Value));
        else
            await context.SendAsync(Compare(before, after.Set.Text, after.Set.Document, after, []), AdminJson.Default.PolicyComparison);
    }

    async Task PolicyDryRunAsync(HttpContext context)
    {
        if (await context.ReadAsync(AdminJson.Default.PolicyText, MaximumRequest) is not { } request)
            return;
        PolicyRevision? last = null;
        await foreach (var one in system.Queries.PoliciesAsync(context.RequestAborted))
            last = one;
        var source = YamlPolicy.Parse(request.Text, out var problem);
        var reading = problem is null ? system.CheckPolicy(source) : new PolicyReading(null, [problem]);
        await context.SendAsync(
            Compare(last, request.Text, reading.Document, null, [.. reading.Problems.Select(Show)]), AdminJson.Default.PolicyComparison);
    }

    async Task PolicyRollbackAsync(HttpContext context, Cause cause)
    {
        if (await context.ReadAsync(AdminJson.Default.PolicyRollback, MaximumRequest) is not { } request)
            return;
        PolicyRevision? wanted = null;
        await foreach (var one in system.Queries.PoliciesAsync(context.RequestAborted))
        {
            if (one.Revision == request.Revision)
                wanted = one;
        }
        if (wanted is null)
            await context.SendAsync(NoSuchPolicy(request.Revision));
        else
            await TakePolicyAsync(context, wanted.Set.Text, cause, set: true);
    }

    PolicyComparison Compare(
        PolicyRevision? before, string text, PolicyDocument? document, PolicyRevision? after, IReadOnlyList<PolicyFinding> problems)
    {
        var lines = LineDifference.Of(before?.Set.Text ?? "", text);
        var means = document is null ? null : PolicyDifference.Between(
            before is null ? CompiledPolicy.Empty : CompiledPolicy.Compile(before.Set.Document), CompiledPolicy.Compile(document),
            system.Queries.View.Nodes.Values.Where(node => node.IsPresent)
                .Select(node => new PolicySubject(node.Name, NodeSelectors.Of(node.Name, node.Node.Owner, node.Node.Tags))));
        return new PolicyComparison(
            lines.Print(), problems, before is null ? null : Show(before), after is null ? null : Show(after),
            means is null ? null : new PolicyMeaning(
                Show(means.SelectorsGained), Show(means.SelectorsLost), Show(means.Gained), Show(means.Lost), means.IsComplete));
    }

    static PolicyVersion Show(PolicyRevision one)
    {
        var document = one.Set.Document;
        return new PolicyVersion(one.Revision, one.Set.At, one.Set.By, document.Allow.Count, document.Groups.Count, document.Tags.Count);
    }

    static AccessReport Show(AccessChange change) =>
        new(change.Count, [.. change.Named.Select(pair => new AccessEntry(pair.From, pair.To))]);

    static PolicyFinding Show(PolicyProblem one) =>
        new(one.Severity == PolicySeverity.Error ? "error" : "warning", one.Line, one.Path, one.Message);

    static bool TryReadRevision(HttpContext context, string name, out long? revision)
    {
        revision = null;
        var text = context.Request.Query[name].ToString();
        if (text.Length == 0)
            return true;
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return false;
        revision = number;
        return true;
    }

    static Problem NoSuchPolicy(long revision) => new(
        string.Create(CultureInfo.InvariantCulture, $"revision {revision} set no policy: 'mesh-controller policy history' shows those that did"),
        StatusCodes.Status404NotFound, "not-found");
}
