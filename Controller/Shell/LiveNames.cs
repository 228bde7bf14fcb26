using System.Globalization;
using Mesh.Actors.Policy;
using Mesh.Actors.Tokens;
using Mesh.Controller.Admin;
using Mesh.Controller.Policy;

namespace Mesh.Controller.Shell;

/// <summary>Asks the controller for the names of things, at the moment when they are to be completed; no answer in time is no name.</summary>
sealed class LiveNames(AdminLink link)
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Gets the names of a kind that begin with a text, or more.</summary>
    public IEnumerable<string> Of(NameKind kind, string beginning) => kind switch
    {
        NameKind.None => [],
        NameKind.Scope => TokenScopes.All,
        NameKind.File => Files(beginning),
        _ => Ask(kind),
    };

    // Who types waits for it: the terminal has nothing else to do.
    IEnumerable<string> Ask(NameKind kind)
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            return AskAsync(kind, patience.Token).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is CommandException or OperationCanceledException)
        {
            return [];
        }
    }

    async Task<IEnumerable<string>> AskAsync(NameKind kind, CancellationToken cancellationToken)
    {
        var client = new AdminClient(link);
        switch (kind)
        {
            case NameKind.Node:
                return (await NodesAsync()).Where(node => node.RemovedAt is null).Select(node => node.Name);
            case NameKind.WaitingNode:
                return (await NodesAsync()).Where(node => node.State == "waiting").Select(node => node.Name);
            case NameKind.Tag:
                return (await NodesAsync()).SelectMany(node => node.Tags).Concat(await PolicyTagsAsync());
            case NameKind.User:
                return (await client.GetAsync("/v1/users", AdminJson.Default.UserList, cancellationToken)).Users.Select(user => user.Name);
            case NameKind.Credential:
                return (await client.GetAsync("/v1/credentials", AdminJson.Default.CredentialList, cancellationToken)).Credentials
                    .Where(one => one.State == "created").Select(one => one.Id.ToString());
            case NameKind.Token:
                return (await client.GetAsync("/v1/tokens", AdminJson.Default.TokenList, cancellationToken)).Tokens
                    .Where(one => one.State == "open").Select(one => one.Name);
            case NameKind.Revision:
                return (await client.GetAsync("/v1/policy/history", AdminJson.Default.PolicyVersionList, cancellationToken)).Versions
                    .Select(one => one.Revision.ToString(CultureInfo.InvariantCulture));
            case NameKind.Controller:
                return (await client.GetAsync("/v1/cluster", AdminJson.Default.ClusterReport, cancellationToken)).Members
                    .Select(one => one.Id.ToString());
            default:
                return [];
        }

        // They are there before any node has them. A token need not be allowed to read the policy.
        async Task<IEnumerable<string>> PolicyTagsAsync()
        {
            try
            {
                var text = (await client.GetAsync("/v1/policy", AdminJson.Default.PolicyText, cancellationToken)).Text;
                return PolicyReader.Read(YamlPolicy.Parse(text, out _), static _ => true, static _ => true).Document?.Tags.Select(tag => tag.Name) ?? [];
            }
            catch (CommandException e) when (e.Code == TokenCodes.Scope)
            {
                return [];
            }
        }

        async Task<IReadOnlyList<NodeEntry>> NodesAsync() =>
            (await client.GetAsync("/v1/nodes", AdminJson.Default.NodeList, cancellationToken)).Nodes;
    }

    static IEnumerable<string> Files(string beginning)
    {
        var folder = beginning[..(beginning.LastIndexOf('/') + 1)];
        try
        {
            return new DirectoryInfo(folder.Length == 0 ? "." : folder).EnumerateFileSystemInfos(beginning[folder.Length..] + "*")
                .Where(entry => beginning.Length > folder.Length || !entry.Name.StartsWith('.'))
                .Select(entry => folder + entry.Name + (entry is DirectoryInfo ? "/" : "")).ToList();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return [];
        }
    }
}
