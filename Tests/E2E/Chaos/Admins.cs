using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Tests.Actors.History;
using Mesh.Tests.Kit.Nodes;

namespace Mesh.Tests.E2E.Chaos;

/// <summary>
/// Are the admins and the machines of a run, who change everything that can be changed through whichever controller, and keep what they
/// were told is done. No change is asked for twice, so that what was told and what was written can be held against each other. Safe for
/// concurrent use.
/// </summary>
sealed class Admins(ChaosCluster cluster, SimFleet fleet, AdminCalls calls, int teams)
{
    // Tags that only changes give: a node gets a different subset each time.
    const int Marks = 7;
    const int MostTransients = 12;

    static readonly TimeSpan JoinLimit = TimeSpan.FromSeconds(20);

    readonly ConcurrentQueue<CredentialString> _unused = new();
    readonly ConcurrentQueue<TokenId> _tokens = new();
    readonly ConcurrentBag<Call> _pulse = [];
    int _last;

    /// <summary>Gets what was told.</summary>
    public ConcurrentBag<Acknowledged> Told { get; } = [];

    /// <summary>Gets the requests that were made at each controller, one behind the other, only to see how long they take.</summary>
    public IReadOnlyCollection<Call> Pulse => _pulse;

    /// <summary>Gets what a machine saw that joined again and must have been what it was.</summary>
    public ConcurrentBag<string> Wrong { get; } = [];

    /// <summary>Makes the users and the policy.</summary>
    public async Task PrepareAsync()
    {
        for (var team = 0; team < teams; team++)
            await MustAsync("/v1/users", new JsonObject { ["name"] = Owner(team) });
        await MustAsync("/v1/policy", new JsonObject { ["text"] = Policy(without: null, "") });
    }

    /// <summary>Joins a node that stays.</summary>
    public async Task<SimFleet.Member> JoinAsync(int number)
    {
        var team = number % teams;
        var (owner, tag) = number / teams % 2 == 0 ? (Owner(team), (string?)null) : (null, Tag(team));
        var node = fleet.CreateNode($"stay-{number}");
        var patience = Stopwatch.StartNew();
        var credential = await IssueAsync(number % cluster.Controllers.Count, owner, tag) ?? throw new InvalidOperationException("no credential was issued");
        // As a machine does: until it is in.
        while (true)
        {
            try
            {
                await node.EnrollAsync(credential);
                break;
            }
            catch (IOException) when (patience.Elapsed < TimeSpan.FromMinutes(1))
            {
                await Task.Delay(TimeSpan.FromSeconds(1));
            }
        }
        Told.Add(new(Acknowledged.Joined, $"{node.SigningKey} with {credential.Id}"));
        return fleet.Add(node, owner, tag, isTransient: false);
    }

    /// <summary>Changes one thing after the other.</summary>
    public async Task WorkAsync(Random random, TimeSpan pace, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            await ChangeAsync(random, random.Next(cluster.Controllers.Count));
            await Task.Delay(pace * random.NextDouble() * 2, CancellationToken.None);
        }
    }

    /// <summary>Asks one controller for one small thing after the other.</summary>
    public async Task PulseAsync(int controller, TimeSpan pace, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            await WriteAsync(controller);
            await Task.Delay(pace, CancellationToken.None);
        }
    }

    /// <summary>Asks one controller for one small thing; gives whether it was done.</summary>
    public async Task<bool> WriteAsync(int controller)
    {
        var name = $"pulse-{controller}-{Interlocked.Increment(ref _last)}";
        var (call, answer) = await calls.TryAsync(controller, "/v1/users", new JsonObject { ["name"] = name });
        _pulse.Add(call);
        if (answer is not null)
            Told.Add(new(Acknowledged.UserCreated, name));
        return call.IsDone;
    }

    async Task ChangeAsync(Random random, int at)
    {
        switch (random.Next(20))
        {
            case 0:
                var name = $"user-{Interlocked.Increment(ref _last)}";
                if (await calls.PostAsync(at, "/v1/users", new JsonObject { ["name"] = name }) is not null)
                    Told.Add(new(Acknowledged.UserCreated, name));
                break;
            case 1:
                var text = Policy(without: random.Next(Marks), $"# {Interlocked.Increment(ref _last)}");
                if (await calls.PostAsync(at, "/v1/policy", new JsonObject { ["text"] = text }) is { } report && (bool)report["taken"]!)
                    Told.Add(new(Acknowledged.PolicySet, text));
                break;
            case 2:
                await TokenAsync(random, at);
                break;
            case 3 or 4 when await IssueAsync(at, null, Tag(random.Next(teams))) is { } issued:
                _unused.Enqueue(issued);
                break;
            case 5 when _unused.TryDequeue(out var unwanted):
                if (await calls.PostAsync(at, $"/v1/credentials/{unwanted.Id}/revoke", null) is not null)
                    Told.Add(new(Acknowledged.CredentialRevoked, unwanted.Id.ToString()));
                break;
            case 6 or 7 when _unused.TryDequeue(out var credential):
                // Two machines or three come with it, each to another controller first.
                var joins = Enumerable.Range(0, random.Next(2, 4)).Select(i => JoinAsync(fleet.CreateNode($"go-{random.Next(4)}"), credential, at + i, null));
                await Task.WhenAll(joins);
                break;
            case 8:
                await ReusableAsync(random, at);
                break;
            case 9:
                await AgainAsync(random, at);
                break;
            case 10:
                await RemoveAsync(random, at);
                break;
            case 11 or 12 or 13:
                await RenameAsync(random, at);
                break;
            case 14 or 15 or 16:
                await TagAsync(random, at);
                break;
            default:
                await ExpireAsync(random, at);
                break;
        }
    }

    async Task<CredentialString?> IssueAsync(int at, string? owner, string? tag, int uses = 1)
    {
        var body = new JsonObject { ["tags"] = tag is null ? [] : new JsonArray(tag), ["user"] = owner };
        if (owner is null)
            body.Remove("user");
        if (uses > 1)
            body["uses"] = uses;
        if (await calls.PostAsync(at, "/v1/credentials", body) is not { } created || !CredentialString.TryParse((string?)created["key"], out var credential))
            return null;
        Told.Add(new(Acknowledged.CredentialCreated, credential.Id.ToString()));
        return credential;
    }

    // A node that has this identity before keeps what it is; a new one is taken into the fleet.
    async Task JoinAsync(SimNode node, CredentialString credential, int first, string? owner)
    {
        string[] addresses = [.. Enumerable.Range(first, cluster.Controllers.Count).Select(i => cluster.Controllers[i % cluster.Controllers.Count].Endpoint)];
        using var limit = new CancellationTokenSource(JoinLimit);
        try
        {
            await node.EnrollAsync(CredentialString.Create(credential.Id, credential.Secret, credential.RootHash, addresses), limit.Token);
            Told.Add(new(Acknowledged.Joined, $"{node.SigningKey} with {credential.Id}"));
            fleet.Add(node, owner, null, isTransient: true);
        }
        catch (Exception failure) when (failure is SimNodeRefusedException or IOException or OperationCanceledException)
        {
            // Another was faster, or nobody knows: what is in the journal is judged.
            await node.DisposeAsync();
        }
    }

    async Task ReusableAsync(Random random, int at)
    {
        if (Transients.Count >= MostTransients || await IssueAsync(at, null, Tag(random.Next(teams)), uses: 2) is not { } credential)
            return;
        // One more than it is for.
        await Task.WhenAll(Enumerable.Range(0, 3).Select(i => JoinAsync(fleet.CreateNode("many"), credential, at + i, null)));
    }

    async Task AgainAsync(Random random, int at)
    {
        var owner = Owner(random.Next(teams));
        if (Transients.FirstOrDefault(one => one.Owner is not null) is not { } member)
        {
            if (Transients.Count < MostTransients && await IssueAsync(at, owner, null) is { } first)
                await JoinAsync(fleet.CreateNode("again"), first, at, owner);
            return;
        }
        if (await IssueAsync(at, member.Owner, null) is not { } second || !fleet.TryForget(member))
            return;
        await member.Node.StopAsync();
        var id = member.Node.Id;
        await JoinAsync(member.Node, second, at, member.Owner);
        if (member.Node.Id != id)
            Wrong.Add($"{member.Node.Hostname} joined again and was {member.Node.Id} instead of {id}");
    }

    async Task RemoveAsync(Random random, int at)
    {
        if (Transients is not { Count: > 0 } all || all[random.Next(all.Count)] is not { } member || !fleet.TryForget(member))
            return;
        var id = member.Node.Id;
        if (random.Next(3) == 0)
        {
            using var limit = new CancellationTokenSource(JoinLimit);
            try
            {
                await member.Node.LogOutAsync(limit.Token);
                Told.Add(new(Acknowledged.LoggedOut, id.ToString()));
            }
            catch (Exception failure) when (failure is SimNodeRefusedException or IOException or OperationCanceledException)
            {
                // Nobody knows.
            }
        }
        else if (await calls.PostAsync(at, $"/v1/nodes/{id}/revoke", null) is not null)
        {
            Told.Add(new(Acknowledged.NodeRevoked, id.ToString()));
            if (await calls.PostAsync(random.Next(cluster.Controllers.Count), $"/v1/nodes/{id}/delete", new JsonObject()) is not null)
                Told.Add(new(Acknowledged.NodeDeleted, id.ToString()));
        }
        await member.Node.DisposeAsync();
    }

    // Two want one name now and then.
    async Task RenameAsync(Random random, int at)
    {
        var name = $"name-{Interlocked.Increment(ref _last)}";
        await Task.WhenAll(Enumerable.Range(0, random.Next(1, 3)).Select(async i =>
        {
            var id = Any(random, _ => true).Node.Id;
            if (await calls.PostAsync((at + i) % cluster.Controllers.Count, $"/v1/nodes/{id}/rename", new JsonObject { ["name"] = name }) is not null)
                Told.Add(Acknowledged.Renamed(id, name));
        }).ToList());
    }

    async Task TagAsync(Random random, int at)
    {
        var member = Any(random, one => one.Tag is not null);
        var change = member.NextChange();
        if (change >= 1 << Marks)
            return;
        string[] tags = [member.Tag!, .. Enumerable.Range(0, Marks).Where(mark => (change >> mark & 1) == 1).Select(mark => $"mark-{mark}")];
        if (await calls.PostAsync(at, $"/v1/nodes/{member.Node.Id}/tag", new JsonObject { ["set"] = new JsonArray([.. tags.Select(tag => (JsonNode)tag)]) }) is not null)
            Told.Add(Acknowledged.Tagged(member.Node.Id, null, tags));
    }

    async Task ExpireAsync(Random random, int at)
    {
        var member = Any(random, one => one.Owner is not null && !one.IsTransient);
        var moment = new WallTime(1_900_000_000_000 + member.NextChange());
        if (await calls.PostAsync(at, $"/v1/nodes/{member.Node.Id}/expire", new JsonObject { ["at"] = WallTimeJsonConverter.Print(moment) }) is not null)
            Told.Add(Acknowledged.Expires(member.Node.Id, moment));
    }

    async Task TokenAsync(Random random, int at)
    {
        if (random.Next(2) == 0 && _tokens.TryDequeue(out var known))
        {
            if (await calls.PostAsync(at, $"/v1/tokens/{known}/revoke", null) is not null)
                Told.Add(new(Acknowledged.TokenRevoked, known.ToString()));
            return;
        }
        var body = new JsonObject { ["name"] = $"token-{Interlocked.Increment(ref _last)}", ["scopes"] = new JsonArray("nodes:read") };
        if (await calls.PostAsync(at, "/v1/tokens", body) is not { } created || !TypedId.TryParse<TokenId>((string?)created["token"]!["id"], out var id))
            return;
        Told.Add(new(Acknowledged.TokenCreated, id.ToString()));
        _tokens.Enqueue(id);
    }

    List<SimFleet.Member> Transients => [.. fleet.Members.Where(member => member.IsTransient)];

    SimFleet.Member Any(Random random, Func<SimFleet.Member, bool> of)
    {
        List<SimFleet.Member> all = [.. fleet.Members.Where(of)];
        return all[random.Next(all.Count)];
    }

    // A rule less, each time another one; the comment makes it a text that was never set before.
    string Policy(int? without, string comment)
    {
        IEnumerable<string> tags = [.. Enumerable.Range(0, teams).Select(Tag), .. Enumerable.Range(0, Marks).Select(mark => $"mark-{mark}")];
        var text = new StringBuilder($"version: 1\ntags:\n{string.Concat(tags.Select(tag => $"  {tag}:\n"))}allow:\n");
        for (var team = 0; team < teams; team++)
            text.Append(CultureInfo.InvariantCulture, $"  - from: ['user:{Owner(team)}', 'tag:{Tag(team)}']\n    to: ['user:{Owner(team)}', 'tag:{Tag(team)}']\n");
        foreach (var mark in Enumerable.Range(0, Marks).Where(mark => mark != without))
            text.Append(CultureInfo.InvariantCulture, $"  - from: ['tag:mark-{mark}']\n    to: ['user:{Owner(mark % teams)}']\n");
        return text.Append(CultureInfo.InvariantCulture, $"  - from: ['user:alice']\n    to: ['user:alice']\n{comment}\n").ToString();
    }

    async Task MustAsync(string path, JsonNode body) =>
        Assert.True(await calls.PostAsync(0, path, body) is { } answer && (answer["taken"] is not { } taken || (bool)taken), $"{path} is refused");

    static string Owner(int team) => $"team-{team}";

    static string Tag(int team) => $"svc-{team}";
}
