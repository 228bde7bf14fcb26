using System.Text.RegularExpressions;
using Mesh.Controller;
using Mesh.Controller.Journal;
using Mesh.Controller.Keys;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Trust;
using Mesh.Tests.Controller.Api;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Controller.Cluster;

/// <summary>How another machine becomes a controller, stays one, and ceases to be one.</summary>
[NeedsPostgres]
public sealed partial class JoinTests : IAsyncLifetime
{
    readonly string _uri = PostgresServer.Instance.CreateDatabase();
    RunningController _first = null!;

    public async Task InitializeAsync() => _first = await RunningController.StartAsync(PostgresPlace.Parse(_uri));

    public async Task DisposeAsync() => await _first.DisposeAsync();

    string RootKey => Path.Combine(_first.StateDirectory, "root.key");

    [SpecFact]
    public async Task A_second_controller_serves_the_nodes_of_the_first_and_goes_on_when_that_is_removed()
    {
        await _first.AllowAllAsync();
        await using var second = await JoinAndServeAsync();
        Assert.False(File.Exists(Path.Combine(second.StateDirectory, "root.key")));
        using var node = new Machine(_first, await _first.CreateCredentialAsync(), "a");
        Assert.Null(await node.EnrollAsync());

        // Its certificate is of the first one, and so is the delegation of the map that it has.
        node.MoveTo(second);
        using var stream = await NodeStream.OpenAsync(node);
        await stream.AttachAsync();
        var trust = new MapTrust { Network = node.Reply!.Network, Node = node.Reply.Node, Root = node.Reply.RootKey };
        trust = await AcceptAsync(trust, stream);
        Assert.Equal(2, trust.Body!.Controllers.Count);

        // The one that is asked is not removed, nor what there is not; nothing is done without being meant.
        var (firstId, secondId) = (await IdOfAsync(_first), await IdOfAsync(second));
        Assert.Equal((ExitCode.Failed, $"mesh-controller: controller {secondId} is the one that was asked: ask another controller to remove it\n"),
            await ExitAsync(second, "cluster", "remove", secondId, "--yes"));
        Assert.Equal(ExitCode.Failed, (await ExitAsync(second, "cluster", "remove", "aaaaaaaaaaaaaaaa", "--yes")).Exit);
        Assert.Equal((ExitCode.Usage, $"mesh-controller: this withdraws controller {firstId} for ever, and there is no way back: say --yes where that is meant\n"),
            await ExitAsync(second, "cluster", "remove", firstId));

        var withdrawn = AcceptWithdrawalAsync();
        var (exit, output, error) = await second.RunAsync(["cluster", "remove", firstId, "--yes"]);
        Assert.True(exit == ExitCode.Done, error);
        Assert.Matches($@"^withdrew {firstId}: 1 of 1 attached nodes know in \d\.\d s\n$", output);
        await withdrawn;
        Assert.Equal("certificate", await stream.ReadCloseAsync());

        // The old certificate is refused on the connection that there is, and the node's own key brings one that is not.
        using (var refused = await node.PostAsync("/v1/stream", []))
            Assert.Equal((401, RefusalCodes.CertificateUnknown), ((int)refused.StatusCode, (await Machine.ProblemOfAsync(refused))!.Code));
        await node.RenewAsync(byKey: true);
        using var again = await NodeStream.OpenAsync(node);
        await again.AttachAsync();
        await AcceptAsync(trust, again);

        // The withdrawn one stops by itself, and does not start again.
        var ended = await _first.Ended.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(ExitCode.Refused, ended.ExitCode);
        Assert.StartsWith($"stopped: controller {firstId} was withdrawn for ever", ended.Message, StringComparison.Ordinal);
        var start = await Assert.ThrowsAsync<CommandException>(_first.RestartAsync);
        Assert.Equal(ExitCode.Refused, start.ExitCode);
        Assert.Equal((ExitCode.Failed, $"mesh-controller: controller {secondId} is the only one of this network: make another first with 'mesh-controller cluster join'\n"),
            await ExitAsync(second, "cluster", "remove", secondId, "--yes"));
        Assert.Equal(ExitCode.Refused, (await ExitAsync(second, "cluster", "renew", firstId, "--root-key", RootKey)).Exit);
        Assert.Contains("controller.withdrawn", (await second.RunAsync(["audit", "list"])).Out, StringComparison.Ordinal);

        async Task AcceptWithdrawalAsync()
        {
            while (trust.Body!.Withdrawn.Count == 0)
                trust = await AcceptAsync(trust, stream);
            await stream.SendAsync(new Mesh.Protocol.Control.UpFrame(
                Ack: new Mesh.Protocol.Control.AckFrame(trust.Epoch, trust.Revision, Mesh.Protocol.Map.MapChange.Hash(trust.Body))));
        }
    }

    [SpecFact]
    public async Task The_root_may_be_far_away_and_the_way_there_be_cut_short()
    {
        await using var second = New();
        using var far = new TemporaryDirectory();
        File.Copy(RootKey, far.File("root.key"));
        string[] join = ["cluster", "join", "--state-dir", second.StateDirectory, "--database", _uri];
        var (exit, output, error) = await Cli.RunAsync(join);
        Assert.True(exit == ExitCode.Done, error);
        var request = Path.Combine(second.StateDirectory, "join.request");
        Assert.Contains($"  mesh-controller cluster sign {request} --root-key FILE > DELEGATION\n", output, StringComparison.Ordinal);
        Assert.Contains($"  mesh-controller cluster join --state-dir {second.StateDirectory} --database {_uri} --delegation DELEGATION\n", output, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(second.StateDirectory, "controller.json")));
        // It is no controller before.
        Assert.Equal(ExitCode.BadConfiguration, (await Assert.ThrowsAsync<CommandException>(second.StartFirstAsync)).ExitCode);

        // Again, as after a power cut: the same controller, and the request that was carried away still counts.
        File.Copy(request, far.File("request"));
        Assert.Equal(output, (await Cli.RunAsync(join)).Out);
        var (signed, delegation, shown) = await Cli.RunAsync(["cluster", "sign", far.File("request"), "--root-key", far.File("root.key")]);
        Assert.True(signed == ExitCode.Done, shown);
        foreach (Match line in LineOf().Matches(output))
            Assert.Contains(line.Value, shown, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^until +20\d\d-", shown);
        File.WriteAllText(far.File("delegation"), delegation);

        // What is not the root's answer to it is refused, and the next that is counts.
        File.WriteAllText(far.File("wrong"), delegation.Replace("\"sig\":\"", "\"sig\":\"AAAA", StringComparison.Ordinal));
        Assert.Equal(ExitCode.Refused, (await Cli.RunAsync([.. join, "--delegation", far.File("wrong")])).Exit);
        Assert.Equal(ExitCode.BadInput, (await Cli.RunAsync([.. join, "--delegation", request])).Exit);
        Assert.Equal(ExitCode.BadInput, (await Cli.RunAsync(["cluster", "sign", far.File("delegation"), "--root-key", far.File("root.key")])).Exit);
        File.WriteAllText(far.File("other.key"), RootKeyFile.Print(
            new SigningPrivateKey(SystemEntropy.Instance), TypedId.Create<NetworkId>(SystemEntropy.Instance), null, SystemEntropy.Instance));
        File.SetUnixFileMode(far.File("other.key"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal(ExitCode.Refused, (await Cli.RunAsync(["cluster", "sign", request, "--root-key", far.File("other.key")])).Exit);
        Assert.Equal(ExitCode.Refused, (await Cli.RunAsync([.. join, "--root-key", far.File("other.key")])).Exit);
        await using (var third = New())
        {
            Assert.Equal(ExitCode.Done, (await Cli.RunAsync(["cluster", "join", "--state-dir", third.StateDirectory, "--database", _uri])).Exit);
            Assert.Equal(ExitCode.Refused, (await Cli.RunAsync(
                ["cluster", "join", "--state-dir", third.StateDirectory, "--database", _uri, "--delegation", far.File("delegation")])).Exit);
        }

        (exit, output, error) = await Cli.RunAsync([.. join, "--delegation", far.File("delegation")]);
        Assert.True(exit == ExitCode.Done, error);
        Assert.Matches(@"^controller \w{16} belongs to network \w{16} until .*: start it with 'mesh-controller serve --state-dir ", output);
        Assert.Equal(["authority.key", "controller.json", "lock", "signing.key"], Directory.GetFiles(second.StateDirectory).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(ExitCode.Done, (await Cli.RunAsync(join)).Exit);
        await second.StartFirstAsync();
        var id = await IdOfAsync(second);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!(await _first.RunAsync(["cluster", "status"])).Out.Contains(id, StringComparison.Ordinal))
            await Task.Delay(20, patience.Token);
    }

    [SpecFact]
    public async Task What_holds_something_else_is_not_made_a_controller()
    {
        Assert.Equal(
            (ExitCode.Usage, "mesh-controller: several controllers share a PostgreSQL database: name the network's with --database\n"),
            await ExitAsync(null, "cluster", "join", "--state-dir", Path.Combine(_first.StateDirectory, "x"), "--root-key", RootKey));
        using var occupied = new TemporaryDirectory();
        File.WriteAllText(occupied.File("thesis.tex"), "");
        var (exit, error) = await ExitAsync(null, "cluster", "join", "--state-dir", occupied.Path, "--database", _uri, "--root-key", RootKey);
        Assert.Equal(ExitCode.BadConfiguration, exit);
        Assert.Contains("is not empty (it holds thesis.tex)", error, StringComparison.Ordinal);

        // A controller of another network, in a database of its own.
        await using var other = await RunningController.StartAsync(PostgresPlace.Parse(PostgresServer.Instance.CreateDatabase()));
        await other.StopAsync();
        (exit, error) = await ExitAsync(null, "cluster", "join", "--state-dir", other.StateDirectory, "--database", _uri, "--root-key", RootKey);
        Assert.Equal(ExitCode.BadConfiguration, exit);
        Assert.Matches(@"is the state of controller \w{16} of network \w{16}, the journal is of \w{16}: name an empty directory", error);
        // Nor does it start on this database, with whatever delegation.
        other.Database = PostgresPlace.Parse(_uri);
        Assert.Equal(ExitCode.BadConfiguration, (await Assert.ThrowsAsync<CommandException>(other.StartAgainAsync)).ExitCode);

        var empty = PostgresServer.Instance.CreateDatabase();
        Assert.Equal(ExitCode.BadConfiguration, (await ExitAsync(
            null, "cluster", "join", "--state-dir", Path.Combine(occupied.Path, "y"), "--database", empty, "--root-key", RootKey)).Exit);
    }

    [SpecFact]
    public async Task A_delegation_is_renewed_through_any_controller_and_taken_up_at_once()
    {
        await using var second = await JoinAndServeAsync();
        var id = await IdOfAsync(second);
        var before = File.ReadAllText(Path.Combine(second.StateDirectory, "controller.json"));
        var (exit, output, error) = await _first.RunAsync(["cluster", "renew", id, "--root-key", RootKey]);
        Assert.True(exit == ExitCode.Done, error);
        Assert.Matches($@"^controller {id} speaks for the network until 20", output);
        await UntilAsync(() => File.ReadAllText(Path.Combine(second.StateDirectory, "controller.json")) != before);

        // And with the root elsewhere, while it is down: it finds the new one when it starts.
        await second.StopAsync();
        before = File.ReadAllText(Path.Combine(second.StateDirectory, "controller.json"));
        using var far = new TemporaryDirectory();
        Assert.Equal(ExitCode.Done, (await _first.RunAsync(["cluster", "renew", id, "--request", far.File("request")])).Exit);
        File.WriteAllText(far.File("delegation"), (await Cli.RunAsync(["cluster", "sign", far.File("request"), "--root-key", RootKey])).Out);
        (exit, _, error) = await _first.RunAsync(["cluster", "renew", "--delegation", far.File("delegation")]);
        Assert.Equal(ExitCode.Refused, exit);
        Assert.Contains("not for this", error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, (await _first.RunAsync(["cluster", "renew", id, "--delegation", far.File("delegation")])).Exit);
        await second.StartAgainAsync();
        Assert.NotEqual(before, File.ReadAllText(Path.Combine(second.StateDirectory, "controller.json")));
    }

    [SpecFact]
    public async Task Credentials_name_every_controller_before_any_of_them_twice()
    {
        await using var second = await JoinAndServeAsync("a.example.com:1", "b.example.com:2", "c.example.com:3");
        await using var third = await JoinAndServeAsync();
        var firsts = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < 24 && firsts.Count < 3; i++)
        {
            var credential = await third.CreateCredentialAsync();
            Assert.Equal(
                new[] { "a.example.com:1", _first.Endpoint.ToString(), third.Endpoint.ToString() }.Order(StringComparer.Ordinal),
                credential.Controllers.Order(StringComparer.Ordinal));
            firsts.Add(credential.Controllers[0]);
        }
        // By chance that is the same for 24 of them once in some thousand million runs.
        Assert.Equal(3, firsts.Count);
    }

    RunningController New() => new() { Database = PostgresPlace.Parse(_uri) };

    async Task<RunningController> JoinAndServeAsync(params string[] advertise)
    {
        var controller = new RunningController { Database = PostgresPlace.Parse(_uri), Advertise = advertise };
        var (exit, _, error) = await Cli.RunAsync(
            ["cluster", "join", "--state-dir", controller.StateDirectory, "--database", _uri, "--root-key", RootKey]);
        Assert.True(exit == ExitCode.Done, error);
        await controller.StartFirstAsync();
        return controller;
    }

    static async Task<MapTrust> AcceptAsync(MapTrust trust, NodeStream stream)
    {
        var frame = await stream.ReadAsync(frame => frame.Map is not null);
        Assert.Equal(TrustRefusal.None, trust.TryAccept(frame.Map!, Mesh.Protocol.Time.WallTime.From(DateTimeOffset.UtcNow), out var next));
        return next;
    }

    static async Task<string> IdOfAsync(RunningController controller) =>
        IdLine().Match((await controller.RunAsync(["status"])).Out).Groups[1].Value;

    static async Task<(int Exit, string Error)> ExitAsync(RunningController? controller, params string[] arguments)
    {
        var (exit, _, error) = controller is null ? await Cli.RunAsync(arguments) : await controller.RunAsync(arguments);
        return (exit, error);
    }

    static async Task UntilAsync(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!condition())
            await Task.Delay(20, patience.Token);
    }

    [GeneratedRegex(@"(?m)^(network|controller|keys|rights) .*$")]
    private static partial Regex LineOf();

    [GeneratedRegex(@"(?m)^controller +(\w{16}),")]
    private static partial Regex IdLine();
}
