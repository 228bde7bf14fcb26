using System.Diagnostics;
using Mesh.Tests.E2E.Lab;
using Mesh.Tests.Kit.Persistence;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>Three controllers on one database: nodes join and live at any of them, and lose one without noticing.</summary>
public sealed class ClusterTests(ITestOutputHelper output)
{
    static readonly TimeSpan AfterKill = TimeSpan.FromSeconds(3);
    static readonly TimeSpan AfterStandstill = TimeSpan.FromSeconds(6);

    [ClusterFact]
    public Task Nodes_live_at_any_controller_and_lose_one_without_noticing() => RunAsync("mku", ["ada", "ben", "cleo"], async lab =>
    {
        var (ada, ben) = (lab["ada"], lab["ben"]);
        var joined = 0;
        foreach (var node in lab.Nodes)
        {
            // Each by a credential of another controller, whichever the string then names first.
            var up = await node.UpAsync(lab.Controllers[joined++ % lab.Controllers.Count].CreateCredential());
            up.MustExit();
            await node.AttachedAsync();
        }
        await lab.EverybodyKnowsEverybodyAsync();
        foreach (var (from, to) in lab.Nodes.SelectMany(from => lab.Nodes.Where(to => to != from).Select(to => (from, to))))
            await Eventually.TrueAsync($"{from.Name} reaches {to.Name}", TimeSpan.FromSeconds(10), () => from.Ns.Ping(to.V4, 1, 1));
        await using var ping = ada.StartPing(ben.V4);
        await ping.AnsweredAfterAsync(DateTimeOffset.UnixEpoch, 5);

        for (var round = 0; round < Lengths.Of(1, 5); round++)
        {
            var lost = await ControllerOfAsync(lab, ada);
            var watch = Stopwatch.StartNew();
            await lost.Server.KillAsync();
            var killed = await MovedAsync(ada, lost, watch, AfterKill);
            await lost.StartAsync();

            lost = await ControllerOfAsync(lab, ada);
            watch.Restart();
            lost.Server.Process.Signal("STOP");
            var stopped = await MovedAsync(ada, lost, watch, AfterStandstill);
            lost.Server.Process.Signal("CONT");
            output.Print("cluster", $"attached elsewhere {killed.TotalSeconds:0.00} s after SIGKILL, {stopped.TotalSeconds:0.00} s after SIGSTOP of the controller");
        }
        output.Print("cluster", $"{await ping.StopWithoutLossAsync()} pings in the tunnel meanwhile, none lost");
    });

    [ClusterFact]
    public Task A_removed_controller_is_believed_by_nobody_whoever_has_its_disk() => RunAsync("mkr", ["ada", "ben"], async lab =>
    {
        var (ada, ben, stolen) = (lab["ada"], lab["ben"], lab.Controller);
        // They join at the one that will be stolen, so that it is that one's certificate which they have.
        foreach (var node in lab.Nodes)
        {
            (await node.UpAsync(stolen.CreateCredential("alice", "--controller", stolen.Endpoint))).MustExit();
            await node.AttachedAsync();
        }
        await lab.EverybodyKnowsEverybodyAsync();
        // Where a peer is, a node may hear a moment after it has heard of the peer.
        await Eventually.TrueAsync("ada reaches ben", TimeSpan.FromSeconds(10), () => ada.Ns.Ping(ben.V4, 1, 1));
        await using var ping = ada.StartPing(ben.V4);
        await ping.AnsweredAfterAsync(DateTimeOffset.UnixEpoch, 5);
        var id = stolen.Id;
        var answer = lab.Controllers[1].Run("cluster", "remove", id, "--yes").MustExit().Output;
        Assert.Matches($@"^withdrew {id}: \d of \d attached nodes know in \d\.\d s\n$", answer);
        Assert.Equal(77, await stolen.Server.Process.WaitForExitAsync(TimeSpan.FromSeconds(20)));
        foreach (var node in lab.Nodes)
            await Eventually.TrueAsync($"{node.Name} is attached elsewhere", TimeSpan.FromSeconds(10), async () =>
                (await node.StatusAsync()).Controller is { } controller && controller != stolen.Endpoint);
        await lab.EverybodyKnowsEverybodyAsync();

        // The program itself does not start any more, and what does not care is not spoken to, also where nobody else is left.
        var again = stolen.Ns.Run(TimeSpan.FromSeconds(60), Programs.Controller,
            "serve", "--config", stolen.ConfigFile, "--state-dir", stolen.StateDir, "--socket", stolen.Socket, "--listen", stolen.Endpoint);
        Assert.Equal(77, again.ExitCode);
        Assert.Matches($@"mesh-controller: start refused: controller {id} was withdrawn for ever", again.Error);
        await using (await HostileController.StartAsync(stolen))
        {
            await lab.Controllers[1].Server.KillAsync();
            await lab.Controllers[2].Server.KillAsync();
            var before = (await ada.StatusAsync()).Revision;
            // Each attempt's failure shows until the next: what is looked for is among what was said.
            var said = new HashSet<string>(StringComparer.Ordinal);
            try
            {
                await Eventually.TrueAsync("ada has tried it", TimeSpan.FromSeconds(30), async () =>
                {
                    said.UnionWith((await ada.StatusAsync()).Health);
                    return said.Any(line => line.Contains("DelegationWithdrawn", StringComparison.Ordinal));
                });
            }
            catch
            {
                output.WriteLine(string.Join('\n', said));
                throw;
            }
            var status = await ada.StatusAsync();
            Assert.Null(status.Controller);
            Assert.Equal(before, status.Revision);
            output.Print("cluster", $"removed: {answer.Trim()}; in its place: {said.First(line => line.Contains("DelegationWithdrawn", StringComparison.Ordinal))}");
        }
        await lab.Controllers[2].StartAsync();
        await ada.AttachedAsync();
        await ping.StopWithoutLossAsync();
    });

    static async Task<LabController> ControllerOfAsync(MeshLab lab, LabNode node)
    {
        var address = (await node.StatusAsync()).Controller;
        return lab.Controllers.Single(controller => controller.Endpoint == address);
    }

    static async Task<TimeSpan> MovedAsync(LabNode node, LabController from, Stopwatch since, TimeSpan limit)
    {
        await Eventually.TrueAsync($"{node.Name} is attached elsewhere", limit, async () =>
            (await node.StatusAsync()).Controller is { } controller && controller != from.Endpoint);
        return since.Elapsed;
    }

    Task RunAsync(string prefix, string[] nodes, Func<MeshLab, Task> scenario)
    {
        var uri = PostgresServer.Instance.CreateDatabase();
        return MeshLab.RunAsync(prefix, output, nodes, async lab =>
        {
            lab.Controller.SetPolicy(MeshLab.AllowAll);
            var (second, third) = (lab.AddController(), lab.AddController());
            string[] join = ["cluster", "join", "--config", second.ConfigFile, "--state-dir", second.StateDir];
            second.Run([.. join, "--root-key", lab.Controller.RootKey]).MustExit();
            await second.StartAsync();

            // The third gets the root's word on a stick.
            join = ["cluster", "join", "--config", third.ConfigFile, "--state-dir", third.StateDir];
            var (request, delegation) = (Path.Combine(lab.Folder, "request"), Path.Combine(lab.Folder, "delegation"));
            third.Run([.. join, "--request", request]).MustExit();
            var (offline, _) = lab.AddStranger();
            await File.WriteAllTextAsync(delegation, offline.Run(
                TimeSpan.FromSeconds(60), Programs.Controller, "cluster", "sign", request, "--root-key", lab.Controller.RootKey).MustExit().Output);
            third.Run([.. join, "--delegation", delegation]).MustExit();
            await third.StartAsync();
            await scenario(lab);
        }, $"mesh.controller.database = \"{uri}\"\n");
    }
}

/// <summary>Marks a scenario that needs root, <c>ping</c> and PostgreSQL.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ClusterFactAttribute : FactAttribute
{
    /// <summary>Skips it where one of them is missing.</summary>
    public ClusterFactAttribute()
    {
        if ((Mesh.Tests.Kit.Requirements.Missing("ping") ?? PostgresServer.Missing) is { } reason && !Mesh.Tests.Kit.Requirements.RequireAll)
            Skip = reason;
    }
}
