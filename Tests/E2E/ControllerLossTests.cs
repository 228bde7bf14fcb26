using System.Diagnostics;
using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>The network outlives its controller, and a node outlives its daemon without one.</summary>
[Collection(Waiting.Scenarios)]
public sealed class ControllerLossTests(ITestOutputHelper output)
{
    // The full length crosses two rekeys (every 120 s); the short form leaves those to the interoperation tests, which cross one next to others.
    static readonly TimeSpan Outage = Lengths.Seconds(40, 300);

    [RequiresRootFact("ip", "ping")]
    public Task Traffic_outlives_a_killed_controller() => MeshLab.RunJoinedAsync("mec", output, ["ada", "ben", "cleo"], async lab =>
    {
        var (ada, ben, cleo) = (lab["ada"], lab["ben"], lab["cleo"]);
        Assert.True(ada.Ns.Ping(ben.V4, 3) && cleo.Ns.Ping(ada.V4, 3));
        var before = new Dictionary<LabNode, NodeStatus>();
        foreach (var node in lab.Nodes)
            before[node] = await node.StatusAsync();
        var revisions = new RevisionWatch(lab.Nodes);

        var watch = Stopwatch.StartNew();
        await using var steady = ada.StartPing(ben.V4);
        await using var steady6 = ben.StartPing(ada.V6);
        await lab.Controller.Server.KillAsync();

        // A third node loses its daemon while no controller answers.
        await cleo.Daemon.KillAsync();
        var restarted = DateTimeOffset.UtcNow;
        await cleo.StartAsync();
        await cleo.RunningAsync(5);
        await using var resumed = cleo.StartPing(ada.V4);
        await using var resumed6 = cleo.StartPing(ben.V6);
        var resumption = await resumed.AnsweredAfterAsync(restarted, 5);
        var resumption6 = await resumed6.AnsweredAfterAsync(restarted, 5);
        Assert.True(resumption < TimeSpan.FromSeconds(5) && resumption6 < TimeSpan.FromSeconds(5), $"resumed after {resumption} and {resumption6}");
        var reborn = await cleo.StatusAsync();
        Assert.Equal(before[cleo].Self!.ID, reborn.Self!.ID);
        Assert.Equal(before[cleo].Self!.PublicKey, reborn.Self!.PublicKey);
        Assert.Equal(before[cleo].Self!.Addresses, reborn.Self!.Addresses);
        Assert.Null(reborn.Controller);
        // Its traffic may be back before its first attempt to attach has failed; then it says so.
        await Eventually.TrueAsync("the status says that no controller answers", TimeSpan.FromSeconds(5), async () =>
            (await cleo.StatusAsync()).Health.Any(line => line.Contains("no controller reachable", StringComparison.Ordinal)));

        while (watch.Elapsed < Outage)
        {
            await revisions.SampleAsync();
            await Task.Delay(TimeSpan.FromSeconds(1));
        }
        if (Outage > TimeSpan.FromSeconds(130))
            Assert.True((await ada.StatusAsync()).Peer("ben")!.LastHandshake > before[ada].Peer("ben")!.LastHandshake, "the session was not rekeyed meanwhile");

        await lab.Controller.StartAsync();
        var back = Stopwatch.StartNew();
        await Task.WhenAll(lab.Nodes.Select(node => node.AttachedAsync(5)));
        var attached = back.Elapsed;
        await revisions.SampleAsync();

        // The controller can still change things, and nothing went back.
        lab.Controller.CreateUser("bob");
        lab.Controller.SetPolicy(MeshLab.AllowAll + "  - from: [\"user:bob\"]\n    to: [\"user:alice\"]\n");
        await revisions.SampleAsync();
        var (lost, lost6) = (await steady.StopWithoutLossAsync(), await steady6.StopWithoutLossAsync());
        await resumed.StopAsync();
        await resumed6.StopAsync();
        output.Print("controller killed", $"{lost} and {lost6} pings over {watch.Elapsed.TotalSeconds:0} s, none lost; daemon restarted without controller: "
            + $"pings resumed in {resumption.TotalSeconds:0.00} s (v4) and {resumption6.TotalSeconds:0.00} s (v6); all attached {attached.TotalSeconds:0.00} s after the controller answered again");
    });

    [RequiresRootFact("ip", "ping")]
    public Task A_restarted_controller_keeps_what_it_acknowledged() => MeshLab.RunJoinedAsync("mer", output, ["ada", "ben"], async lab =>
    {
        var nodes = lab.Controller.Run("node", "list", "--json").MustExit().Output;
        var audit = Audit();
        lab.Controller.CreateUser("carol");
        await lab.Controller.Server.KillAsync();
        await lab.Controller.StartAsync();
        Assert.Equal(audit, Audit()[..audit.Count]);
        Assert.Contains("carol", lab.Controller.Run("user", "list").MustExit().Output, StringComparison.Ordinal);
        foreach (var node in lab.Nodes)
        {
            Assert.Contains(node.V4, nodes, StringComparison.Ordinal);
            Assert.Contains(node.V4, lab.Controller.Run("node", "list", "--json").MustExit().Output, StringComparison.Ordinal);
            await node.AttachedAsync(5);
        }
        Assert.Equal(0, await lab.Controller.Server.StopAsync());

        List<AuditLine> Audit() => AuditLine.Parse(lab.Controller.Run("audit", "list", "--json").MustExit().Output);
    });

    sealed class RevisionWatch(IReadOnlyList<LabNode> nodes)
    {
        readonly Dictionary<LabNode, (int Epoch, long Revision)> _newest = [];

        public async Task SampleAsync()
        {
            foreach (var node in nodes)
            {
                if (await node.TryStatusAsync() is not { } status)
                    continue;
                if (_newest.TryGetValue(node, out var newest))
                    Assert.True((status.Epoch, status.Revision).CompareTo(newest) >= 0, $"{node.Name}: {status.Epoch}/{status.Revision} after {newest}");
                _newest[node] = (status.Epoch, status.Revision);
            }
        }
    }
}
