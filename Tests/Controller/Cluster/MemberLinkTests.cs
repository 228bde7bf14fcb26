using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Mesh.Controller;
using Mesh.Controller.Journal;
using Mesh.Protocol.Control;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol;
using Mesh.Protocol.Trust;
using Mesh.Tests.Controller.Api;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Controller.Cluster;

/// <summary>Two whole controllers on one database, linked over loopback.</summary>
[NeedsPostgres]
public sealed class MemberLinkTests : IAsyncLifetime
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    readonly PostgresPlace _database = PostgresPlace.Parse(PostgresServer.Instance.CreateDatabase());
    readonly List<IDisposable> _machines = [];
    RunningController _first = null!;
    RunningController _second = null!;

    public async Task InitializeAsync()
    {
        _first = await RunningController.StartAsync(_database);
        _second = await SecondController.StartAsync(_first, _database);
    }

    public async Task DisposeAsync()
    {
        _machines.ForEach(one => one.Dispose());
        await _second.DisposeAsync();
        await _first.DisposeAsync();
    }

    [SpecFact]
    public async Task A_node_that_is_attached_to_one_controller_is_online_at_the_other_also_right_after_its_start()
    {
        await _first.AllowAllAsync();
        var one = await AttachAsync(_first, "one");
        await UntilAsync(async () => await StateAsync(_second, "one") == "online");

        await _second.RestartAsync();
        Assert.Equal("online", await StateAsync(_second, "one"));
        var members = JsonDocument.Parse((await _second.RunAsync(["cluster", "status", "--json"])).Out).RootElement.GetProperty("members");
        Assert.Equal(["alive", "alive"], members.EnumerateArray().Select(member => member.GetProperty("state").GetString()));
        Assert.Contains("1 attached", (await _first.RunAsync(["status"])).Out, StringComparison.Ordinal);
        Assert.Contains("0 attached", (await _second.RunAsync(["status"])).Out, StringComparison.Ordinal);

        one.Stream.Dispose();
        await UntilAsync(async () => await StateAsync(_first, "one") == "offline" && await StateAsync(_second, "one") == "offline");
    }

    [SpecFact]
    public async Task Revoking_at_one_controller_counts_the_peers_of_both()
    {
        await _first.AllowAllAsync();
        var (near, far) = (await AttachAsync(_first, "near"), await AttachAsync(_second, "far"));
        var bad = await AttachAsync(_second, "bad");
        await UntilAsync(async () => await StateAsync(_first, "far") == "online");
        _ = AcknowledgeAsync(near.Stream, near.Trust);
        _ = AcknowledgeAsync(far.Stream, far.Trust);
        var (exit, output, error) = await _first.RunAsync(["node", "revoke", "bad"]);
        Assert.True(exit == ExitCode.Done, error);
        Assert.Matches(@"^revoked bad: 2 of 2 peers acknowledged in \d+\.\d s\n$", output);
        Assert.Equal("revoked", await bad.Stream.ReadCloseAsync());
    }

    [SpecFact]
    public async Task Only_controllers_of_the_network_find_something_behind_internal()
    {
        using var stranger = new Machine(_first, await _first.CreateCredentialAsync());
        using (var answer = await stranger.PostAsync("/internal/v1/link", []))
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Null(await stranger.EnrollAsync());
        using (var answer = await stranger.PostAsync("/internal/v1/link", []))
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    async Task<Attached> AttachAsync(RunningController controller, string name)
    {
        var machine = new Machine(controller, await controller.CreateCredentialAsync(), name);
        _machines.Add(machine);
        Assert.Null(await machine.EnrollAsync());
        var stream = await NodeStream.OpenAsync(machine);
        _machines.Add(stream);
        await stream.AttachAsync();
        var trust = new MapTrust { Network = machine.Reply!.Network, Node = machine.Reply.Node, Root = machine.Reply.RootKey };
        await stream.ReadAsync(frame => frame.Map is not null && Take(ref trust, frame));
        return new Attached(stream, trust);
    }

    // Takes every map in and says so, as a node does.
    static async Task AcknowledgeAsync(NodeStream stream, MapTrust trust)
    {
        try
        {
            while (true)
            {
                await stream.ReadAsync(frame => frame.Map is not null && Take(ref trust, frame));
                await stream.SendAsync(new UpFrame(Ack: new AckFrame(trust.Epoch, trust.Revision, MapChange.Hash(trust.Body!))));
            }
        }
        catch (Exception e) when (e is EndOfStreamException or OperationCanceledException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The test is over.
        }
    }

    static bool Take(ref MapTrust trust, DownFrame frame)
    {
        Assert.Equal(TrustRefusal.None, trust.TryAccept(frame.Map!, Mesh.Protocol.Time.WallTime.From(DateTimeOffset.UtcNow), out var next));
        trust = next;
        return true;
    }

    static async Task<string?> StateAsync(RunningController controller, string name)
    {
        var (exit, output, error) = await controller.RunAsync(["node", "show", name, "--json"]);
        // A controller that follows the journal may not know of it yet.
        Assert.True(exit == ExitCode.Done || error.Contains("there is no node", StringComparison.Ordinal), error);
        return exit != ExitCode.Done ? null : JsonDocument.Parse(output).RootElement.GetProperty("state").GetString();
    }

    static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!await condition())
            await Task.Delay(50, patience.Token);
    }

    sealed record Attached(NodeStream Stream, MapTrust Trust);
}
