using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>What becomes of nodes after they joined: approval, tags, names, expiry, joining again, deletion, and ephemeral ones.</summary>
public sealed class LifecycleTests(ITestOutputHelper output)
{
    const string Approval = MeshLab.AllowAll + "tags:\n  server:\n  ci:\napproval: required\n";

    [RequiresRootFact("ip", "ping")]
    public Task A_node_waits_is_let_in_changes_under_traffic_expires_and_joins_again() => MeshLab.RunAsync("mly", output, ["ada", "ben"], async lab =>
    {
        var (ada, ben) = (lab["ada"], lab["ben"]);
        lab.Controller.SetPolicy(Approval);
        (await ada.UpAsync(lab.Controller.CreateCredential("alice", "--approved"))).MustExit();
        await ada.AttachedAsync();

        var waits = await ben.UpAsync(lab.Controller.CreateCredential());
        Assert.Equal(1, waits.ExitCode);
        Assert.Contains("node approve ben", waits.Error, StringComparison.Ordinal);
        var status = ben.Mesh("status");
        Assert.Equal(1, status.ExitCode);
        Assert.Contains("not yet approved", status.Output, StringComparison.Ordinal);
        Assert.Equal("NeedsMachineAuth", (await ben.StatusAsync()).BackendState);
        Assert.Empty((await ben.StatusAsync()).Peers);
        Assert.Empty((await ada.StatusAsync()).Peers);
        lab.Controller.Run("node", "approve", "ben").MustExit();
        await ben.AttachedAsync();
        await lab.EverybodyKnowsEverybodyAsync();
        var (id, address) = ((await ben.StatusAsync()).Self!.ID, ben.V4);

        // The first packet waits for the handshake and may be late: it is not what is counted.
        await Eventually.TrueAsync("ada reaches ben", TimeSpan.FromSeconds(15), () => ada.Ns.Ping(address, 1, 1));
        await using (var ping = ada.StartPing(address))
        {
            await ping.AnsweredAfterAsync(DateTimeOffset.UnixEpoch, 10);
            lab.Controller.Run("node", "tag", "ben", "--set", "server").MustExit();
            lab.Controller.Run("node", "tag", "ben", "--add", "ci").MustExit();
            lab.Controller.Run("node", "rename", "ben", "db").MustExit();
            Assert.Equal(1, lab.Controller.Run("node", "rename", "db", "ada").ExitCode);
            Assert.NotEqual(0, lab.Controller.Run("node", "tag", "db", "--set", "unknown").ExitCode);
            await Eventually.TrueAsync("ada sees name and tags", TimeSpan.FromSeconds(5),
                async () => (await ada.StatusAsync()).Peer("db") is { Tags: ["ci", "server"], Owner: "tag:ci,tag:server" });
            Assert.Equal(["ci", "server"], (await ben.StatusAsync()).Self!.Tags!);
            Assert.True(ada.Ns.Ping("db", 1), "the new name resolves");
            await ping.StopWithoutLossAsync();
        }

        // An admin's tags and name hold when the machine joins again; it stays the same node.
        (await ben.UpAsync(lab.Controller.CreateCredential(), "--force-reauth")).MustExit();
        await ben.AttachedAsync();
        var again = (await ben.StatusAsync()).Self!;
        Assert.Equal((id, "db", address), (again.ID, again.HostName, again.V4));
        Assert.Equal(["ci", "server"], again.Tags!);
        Assert.Equal(1, lab.Controller.Run("node", "expire", "db").ExitCode);
        lab.Controller.Run("node", "tag", "db", "--user", "alice").MustExit();

        // When it has to join again stays as it is, however often it starts.
        lab.Controller.Run("node", "expire", "db", "--in", "1h").MustExit();
        await Eventually.TrueAsync("ben knows when", TimeSpan.FromSeconds(5), async () => (await ben.StatusAsync()).Self!.KeyExpiry is not null);
        var expiry = (await ben.StatusAsync()).Self!.KeyExpiry;
        await ben.Daemon.KillAsync();
        await ben.StartAsync();
        await ben.AttachedAsync();
        Assert.Equal(expiry, (await ben.StatusAsync()).Self!.KeyExpiry);

        // Expired: peers see it and drop it, the node says what to do, and a new credential brings the same node back.
        lab.Controller.Run("node", "expire", "db").MustExit();
        await Eventually.TrueAsync("ada sees that it has expired", TimeSpan.FromSeconds(5), async () => (await ada.StatusAsync()).Peer("db") is { Expired: true });
        await Eventually.TrueAsync("ben knows", TimeSpan.FromSeconds(5), async () => (await ben.StatusAsync()).BackendState == "NeedsLogin");
        Assert.False(ada.Ns.Ping(address, 1, 1), "an expired node is not reached");
        var up = ben.Mesh("up");
        Assert.Equal(1, up.ExitCode);
        Assert.Contains("mesh up --auth-key", up.Error, StringComparison.Ordinal);
        Assert.Contains("; expired", ada.Mesh("status").Output, StringComparison.Ordinal);
        (await ben.UpAsync(lab.Controller.CreateCredential())).MustExit();
        await ben.AttachedAsync();
        Assert.Equal((id, address), ((await ben.StatusAsync()).Self!.ID, ben.V4));
        await Eventually.TrueAsync("ada reaches it", TimeSpan.FromSeconds(10), () => ada.Ns.Ping(address, 1, 1));

        // Another user's credential makes another node of the machine and keeps the old one.
        lab.Controller.CreateUser("bob");
        (await ben.UpAsync(lab.Controller.CreateCredential("bob", "--approved"), "--force-reauth")).MustExit();
        await ben.AttachedAsync();
        Assert.NotEqual(id, (await ben.StatusAsync()).Self!.ID);
        Assert.Equal("bob", (await ben.StatusAsync()).Self!.Owner);
        var list = lab.Controller.Run("node", "list").MustExit().Output;
        Assert.Contains(id, list, StringComparison.Ordinal);
        await Eventually.TrueAsync("the new node is reached", TimeSpan.FromSeconds(10), () => ada.Ns.Ping(ben.V4, 1, 1));

        Assert.Equal(1, lab.Controller.Run("node", "delete", "db").ExitCode);
        lab.Controller.Run("node", "delete", "db", "--force").MustExit();
        Assert.DoesNotContain(id, lab.Controller.Run("node", "list").MustExit().Output, StringComparison.Ordinal);
        Assert.Contains(id, lab.Controller.Run("audit", "list").MustExit().Output, StringComparison.Ordinal);
    });

    [RequiresRootFact("ip", "ping")]
    public Task A_copied_identity_is_told_to_both_machines_and_to_the_admin_and_does_not_flap() => MeshLab.RunAsync("mlc", output, ["ada", "eve"], async lab =>
    {
        var (ada, eve) = (lab["ada"], lab["eve"]);
        lab.Controller.SetPolicy(MeshLab.AllowAll);
        await ada.JoinAsync();
        await eve.Daemon.KillAsync();
        foreach (var (from, to) in new[] { (ada.StateDir, eve.StateDir), (ada.KeyDir, eve.KeyDir) })
        {
            if (Directory.Exists(to))
                Directory.Delete(to, recursive: true);
            ada.Ns.Run(TimeSpan.FromSeconds(10), "cp", "-a", from, to).MustExit();
        }
        await eve.StartAsync();
        // The copy takes the stream, the original takes it back and is noticed to live: the copy is told and waits.
        await Eventually.TrueAsync("the copy is told", TimeSpan.FromSeconds(20), () => TellsOfACopy(eve));
        var list = lab.Controller.Run("node", "list").MustExit().Output;
        Assert.Matches("ada +online, copied", list);
        Assert.Contains($"two machines have the identity of ada, at {ada.Underlay} and {eve.Underlay}", lab.Controller.Run("status").MustExit().Output, StringComparison.Ordinal);
        Assert.Contains("two machines have the identity of node ada", lab.Controller.Server.Output, StringComparison.Ordinal);
        output.Print("copied identity", "told to the copy and to the admin");
        if (!Requirements.Full)
            return;
        // After its pause, of up to a minute, the copy is back, and the original hears of it.
        await Eventually.TrueAsync("the original is told", TimeSpan.FromSeconds(90), () => TellsOfACopy(ada));
        output.Print("copied identity", "told to both machines");

        static async Task<bool> TellsOfACopy(LabNode node) =>
            (await node.StatusAsync()).Health.Any(line => line.Contains("another machine has this node's identity", StringComparison.Ordinal));
    });

    [RequiresRootFact("ip", "ping")]
    public Task Ephemeral_nodes_stay_while_they_come_back_and_go_when_they_do_not() => MeshLab.RunAsync("mle", output, ["ada", "ben", "cleo"], async lab =>
    {
        lab.Controller.SetPolicy(MeshLab.AllowAll);
        var credential = lab.Controller.CreateCredential("alice", "--reusable", "--uses", "5", "--ephemeral");
        foreach (var node in lab.Nodes)
        {
            (await node.UpAsync(credential)).MustExit();
            await node.AttachedAsync();
        }
        await lab.EverybodyKnowsEverybodyAsync();
        var ids = await IdsAsync();
        for (var round = 0; round < Lengths.Of(2, 5); round++)
        {
            await Task.WhenAll(lab.Nodes.Select(node => Task.Run(() => node.Mesh("down").MustExit())));
            await Task.WhenAll(lab.Nodes.Select(node => Task.Run(() => node.Mesh("up").MustExit())));
            await lab.EverybodyKnowsEverybodyAsync();
        }
        Assert.Equal(ids, await IdsAsync());
        foreach (var to in lab.Nodes.Skip(1))
            await Eventually.TrueAsync($"ada reaches {to.Name}", TimeSpan.FromSeconds(15), () => lab["ada"].Ns.Ping(to.V4, 1, 1));

        // A start of the controller deletes nobody: it has just not heard of them yet.
        await lab.Controller.Server.KillAsync();
        // Nor is anybody's time over sooner or later where the controller's clock shows another hour than the machines'.
        lab.Controller.Server.Environment["TZ"] = "Pacific/Kiritimati";
        await lab.Controller.StartAsync();
        foreach (var node in lab.Nodes)
            await node.AttachedAsync();

        lab["cleo"].Mesh("down").MustExit();
        await Eventually.TrueAsync("cleo is deleted", TimeSpan.FromSeconds(20),
            () => !lab.Controller.Run("node", "list").MustExit().Output.Contains("cleo", StringComparison.Ordinal));
        Assert.Equal(2, lab.Controller.Run("node", "list").MustExit().Output.Trim().Split('\n')[1..].Length);
        await Eventually.TrueAsync("ada knows", TimeSpan.FromSeconds(5), async () => (await lab["ada"].StatusAsync()).Peer("cleo") is null);
        Assert.Equal(ids[..2], (await IdsAsync())[..2]);

        // It is out; with the same credential it comes back as another node. That the credential is revoked then puts nobody out.
        lab["cleo"].Mesh("up");
        lab["cleo"].Mesh("logout").MustExit();
        (await lab["cleo"].UpAsync(credential)).MustExit();
        await lab["cleo"].AttachedAsync();
        Assert.NotEqual(ids[2], (await IdsAsync())[2]);
        Assert.True(Mesh.Protocol.Enrollment.CredentialString.TryParse(credential, out var parsed));
        lab.Controller.Run("credential", "revoke", parsed.Id.ToString()).MustExit();
        await lab["ben"].Daemon.KillAsync();
        await lab["ben"].StartAsync();
        await lab["ben"].AttachedAsync();

        async Task<string[]> IdsAsync()
        {
            var all = new List<string>();
            foreach (var node in lab.Nodes)
                all.Add((await node.StatusAsync()).Self!.ID);
            return [.. all];
        }
    }, "mesh.controller.ephemeral-timeout = 6 s\n");
}
