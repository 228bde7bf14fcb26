using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Trust;
using Mesh.Tests.E2E.Lab;
using Mesh.Tests.Kit.Persistence;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>Three controllers on one database: nodes join and live at any of them, and lose one without noticing.</summary>
public sealed class ClusterTests(ITestOutputHelper output)
{
    static readonly TimeSpan AfterKill = TimeSpan.FromSeconds(3);
    static readonly TimeSpan AfterStandstill = TimeSpan.FromSeconds(6);
    static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(1);

    [ClusterFact("iperf3")]
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
        await using var stream = await StreamRun.StartAsync(ada, ben, megabits: 50);

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
        var (megabytes, silence, again) = await stream.StopAsync();
        output.Print("cluster", $"{await ping.StopWithoutLossAsync()} pings in the tunnel meanwhile, none lost; a TCP stream of {megabytes:0} MB, "
            + $"silent for {silence.TotalSeconds:0.0} s at most, {again} segments sent again");
        Assert.True(silence <= LongestSilence, $"nothing of the stream arrived for {silence}");
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
        // Whoever has this disk has everything but the root's key, which was moved away as the first start tells to.
        File.Move(stolen.RootKey, Path.Combine(lab.Folder, "root.key"));
        var thief = new Thief(lab, StolenDisk.Read(stolen.StateDir), TypedId.Parse<NodeId>((await ada.StatusAsync()).Self!.ID));
        foreach (var other in lab.Controllers.Skip(1))
            await thief.IsBelievedAsync(other);
        // A link that it opened before does not outlive it.
        using var link = await thief.OpenLinkAsync(lab.Controllers[1]);
        var answer = lab.Controllers[1].Run("cluster", "remove", id, "--yes").MustExit().Output;
        Assert.Matches($@"^withdrew {id}: \d of \d attached nodes know in \d\.\d s\n$", answer);
        Assert.Equal(77, await stolen.Server.Process.WaitForExitAsync(TimeSpan.FromSeconds(20)));
        await link.IsCutAsync();
        foreach (var node in lab.Nodes)
            await Eventually.TrueAsync($"{node.Name} is attached elsewhere", TimeSpan.FromSeconds(10), async () =>
                (await node.StatusAsync()).Controller is { } controller && controller != stolen.Endpoint);
        await lab.EverybodyKnowsEverybodyAsync();

        // What it certifies is nobody's at any other controller, and what it signs is no history.
        foreach (var other in lab.Controllers.Skip(1))
            await thief.IsRefusedAsync(other);
        var signed = await thief.SignAuditAsync(lab.Controllers[1]);
        Assert.Equal(65, signed.ExitCode);
        Assert.Contains($"controller {id} was withdrawn by an event in this very file, and signed it", signed.Error, StringComparison.Ordinal);
        output.Print("cluster", $"removed: an audit export that it signs: {signed.Error.Trim().Split(": ", 3)[^1]}");

        // The program itself does not start any more, and what does not care is not spoken to, also where nobody else is left.
        var again = stolen.Ns.Run(TimeSpan.FromSeconds(60), Programs.Controller,
            "serve", "--config", stolen.ConfigFile, "--state-dir", stolen.StateDir, "--socket", stolen.Socket, "--listen", stolen.Endpoint);
        Assert.Equal(77, again.ExitCode);
        Assert.Matches($@"mesh-controller: start refused: controller {id} was withdrawn for ever", again.Error);
        await lab.Controllers[1].Server.KillAsync();
        await lab.Controllers[2].Server.KillAsync();
        var before = await ada.StatusAsync();
        await using (await HostileController.StartAsync(stolen))
        {
            var said = await SaidAsync(ada, "DelegationWithdrawn");
            var status = await ada.StatusAsync();
            Assert.Null(status.Controller);
            Assert.Equal(before.Revision, status.Revision);
            output.Print("cluster", $"removed: {answer.Trim()}; in its place: {said}");
        }

        // Nor is what it signed believed from another's mouth, be that as hostile as it is.
        await using (var accomplice = await HostileController.StartAsync(lab.Controllers[1]))
        {
            var stream = await accomplice.AttachedAsync(thief.Victim);
            foreach (var (what, expected, frame) in thief.Forge(accomplice, before))
            {
                Assert.Equal((what, expected.ToString()), (what, (await stream.SayAsync(frame)).Refused ?? "taken in"));
                var status = await ada.StatusAsync();
                Assert.Equal((before.Epoch, before.Revision, before.AuditHead), (status.Epoch, status.Revision, status.AuditHead));
                Assert.NotNull(status.Peer("ben"));
                output.Print("cluster", $"removed: {what}: {expected}");
            }
        }
        await lab.Controllers[2].StartAsync();
        await ada.AttachedAsync();
        await ping.StopWithoutLossAsync();
    });

    [ClusterFact]
    public Task A_controller_that_the_root_did_not_delegate_is_refused_from_the_start() => RunAsync("mkf", ["ada"], async lab =>
    {
        var (ada, second) = (lab["ada"], lab.Controllers[1]);
        await ada.JoinAsync();
        // It has the network's id, a root of its own, and the password of the database.
        using SigningPrivateKey root = new(RandomNumberGenerator.GetBytes(32));
        var disk = StolenDisk.Read(second.StateDir);
        var forged = disk with { Delegation = disk.Delegate(statement => statement, by: root) };
        var delegation = Path.Combine(lab.Folder, "forged");
        await File.WriteAllBytesAsync(delegation, ProtocolJson.Encode(forged.Delegation, ProtocolJson.Default.DsseEnvelope));

        var rogue = lab.AddController();
        string[] join = ["cluster", "join", "--config", rogue.ConfigFile, "--state-dir", rogue.StateDir];
        rogue.Run([.. join, "--request", Path.Combine(lab.Folder, "rogue.request")]).MustExit();
        var refused = rogue.Run([.. join, "--delegation", delegation]);
        Assert.Equal(77, refused.ExitCode);
        Assert.Matches("is not signed by the root of network", Assert.Single(refused.Error.TrimEnd('\n').Split('\n')));
        output.Print("cluster", $"a delegation that is not the root's: {refused.Error.Trim().Split('/')[^1]}");

        // As a member at the others, ...
        using (var client = forged.Present(forged.IssueMember(), rogue.Ns, lab.Controller))
        using (var answer = await client.PostAsync("/internal/v1/link", null))
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        // ... as the program, with files that agree with each other, ...
        foreach (var controller in lab.Controllers.Take(3))
            await controller.Server.KillAsync();
        var identity = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(second.StateDir, "controller.json")))!;
        identity["root_key"] = Ed25519.ComputePublicKey(root).ToString();
        identity["delegation"] = JsonNode.Parse(await File.ReadAllTextAsync(delegation));
        await File.WriteAllTextAsync(Path.Combine(second.StateDir, "controller.json"), identity.ToJsonString());
        second.Server.Start();
        Assert.NotEqual(0, await second.Server.Process.WaitForExitAsync(TimeSpan.FromSeconds(20)));
        var why = second.Server.Process.Output.TrimEnd('\n').Split('\n')[^1];
        Assert.StartsWith("mesh-controller: ", why, StringComparison.Ordinal);
        Assert.Contains("root", why, StringComparison.Ordinal);
        output.Print("cluster", $"the program with a root of its own: {why}");
        // ... and in front of a node.
        var before = await ada.StatusAsync();
        await using (await HostileController.StartAsync(second, forged))
            output.Print("cluster", $"in front of a node: {await SaidAsync(ada, "ForeignDelegation")}");
        Assert.Equal(before.Revision, (await ada.StatusAsync()).Revision);
    });

    // Each attempt's failure shows until the next: what is looked for is among what was said.
    async Task<string> SaidAsync(LabNode node, string what)
    {
        var said = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            await Eventually.TrueAsync($"{node.Name} says {what}", TimeSpan.FromSeconds(30), async () =>
            {
                said.UnionWith((await node.StatusAsync()).Health);
                return said.Any(line => line.Contains(what, StringComparison.Ordinal));
            });
        }
        catch
        {
            output.WriteLine(string.Join('\n', said));
            throw;
        }
        return said.First(line => line.Contains(what, StringComparison.Ordinal));
    }

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

/// <summary>Marks a scenario that needs root, <c>ping</c> and PostgreSQL; it is skipped where one of them is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ClusterFactAttribute : FactAttribute
{
    /// <param name="programs">What else it needs.</param>
    public ClusterFactAttribute(params string[] programs)
    {
        if ((Mesh.Tests.Kit.Requirements.Missing(["ping", .. programs]) ?? PostgresServer.Missing) is { } reason && !Mesh.Tests.Kit.Requirements.RequireAll)
            Skip = reason;
    }
}
