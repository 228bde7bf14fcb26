using System.Text.Json;
using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>WireGuard keys that change under traffic: 20 pings a second and streams both ways, none of them lost or cut.</summary>
public sealed class KeyRotationTests(ITestOutputHelper output)
{
    const double Interval = 0.05;
    const long Stream = 8 << 20;

    [RequiresRootFact("ip", "ping", "nft")]
    public Task Keys_rotate_under_traffic_whatever_happens_to_controller_and_peers() => MeshLab.RunJoinedAsync("mkr", output, ["ada", "ben", "cleo"], async lab =>
    {
        var (ada, ben, cleo) = (lab["ada"], lab["ben"], lab["cleo"]);
        foreach (var (from, to) in new[] { (ada, ben), (ben, ada), (cleo, ada) })
            await Eventually.TrueAsync($"{from.Name} reaches {to.Name}", TimeSpan.FromSeconds(15), () => from.Ns.Ping(to.V4, 1, 1));
        var begun = DateTimeOffset.UtcNow;
        await using var there = ada.StartPing(ben.V4, Interval);
        await using var back = ben.StartPing(ada.V6, Interval);
        await using var aside = cleo.StartPing(ada.V4, Interval);
        using var over = new CancellationTokenSource();
        var streams = Task.WhenAll(StreamAsync(ada, ben, 1), StreamAsync(ben, ada, 2));

        await RotateAsync(ada);
        await RotateAsync(ben);
        for (var round = 0; round < Lengths.Of(2, 20); round++)
            await Task.WhenAll(RotateAsync(ada), RotateAsync(ben));

        // A peer that is cut off from the controller hears of it afterwards, and goes on with what it has until then.
        cleo.Ns.Run("nft", "add table inet cut; add chain inet cut in { type filter hook input priority 0; }; add rule inet cut in tcp sport 8443 drop").MustExit();
        var known = (await cleo.StatusAsync()).Peer("ada")!.PublicKey;
        await RotateAsync(ada);
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.Equal(known, (await cleo.StatusAsync()).Peer("ada")!.PublicKey);
        cleo.Ns.Run("nft", "delete table inet cut").MustExit();
        await AgreedAsync(cleo, ada);

        // The controller is killed while it is asked, before it has read: the node finds out what counts once it is back.
        lab.Controller.Server.Process.Signal("STOP");
        var cut = Task.Run(() => ada.Mesh("rotate-keys"));
        await Eventually.TrueAsync("the next key is kept", TimeSpan.FromSeconds(5), () => File.Exists(NextKey(ada)));
        Assert.Equal("600", Convert.ToString((int)File.GetUnixFileMode(NextKey(ada)), 8));
        await lab.Controller.Server.KillAsync();
        Assert.Contains((await cut).ExitCode, new[] { 69, 75 });
        // Killed itself on top of that, it still has both keys.
        var before = (await ada.StatusAsync()).Self!.PublicKey;
        await lab.Controller.StartAsync();
        await Eventually.TrueAsync("the rotation is settled", TimeSpan.FromSeconds(10), async () =>
            !File.Exists(NextKey(ada)) && (await ada.StatusAsync()).Self!.PublicKey != before);
        await AgreedAsync(ben, ada);
        await AgreedAsync(cleo, ada);

        await over.CancelAsync();
        var transferred = (await streams).Sum();
        var pings = await there.StopWithoutLossAsync() + await back.StopWithoutLossAsync() + await aside.StopWithoutLossAsync();
        var audit = lab.Controller.Run("audit", "list").MustExit().Output;
        var rotations = audit.Split('\n').Count(line => line.Contains("node.rotated", StringComparison.Ordinal));
        Assert.Equal(4 + 2 * Lengths.Of(2, 20), rotations);
        output.Print("key rotation", $"{rotations} rotations in {(DateTimeOffset.UtcNow - begun).TotalSeconds:0.0} s: {pings} pings, none lost; {transferred} streams of {Stream >> 20} MiB, each whole");

        // A daemon that is killed with a next key on its disk settles it when it starts.
        lab.Controller.Server.Process.Signal("STOP");
        cut = Task.Run(() => ben.Mesh("rotate-keys"));
        await Eventually.TrueAsync("the next key is kept", TimeSpan.FromSeconds(5), () => File.Exists(NextKey(ben)));
        var old = (await ben.StatusAsync()).Self!.PublicKey;
        await ben.Daemon.KillAsync();
        await cut;
        lab.Controller.Server.Process.Signal("CONT");
        await ben.StartAsync();
        await ben.AttachedAsync();
        await Eventually.TrueAsync("the rotation is settled", TimeSpan.FromSeconds(10), () => !File.Exists(NextKey(ben)));
        Assert.NotEqual(old, (await ben.StatusAsync()).Self!.PublicKey);
        await Eventually.TrueAsync("ben is reached", TimeSpan.FromSeconds(10), () => ada.Ns.Ping(ben.V4, 1, 1));

        async Task<int> StreamAsync(LabNode from, LabNode to, ulong seed)
        {
            var count = 0;
            for (; !over.IsCancellationRequested; count++)
                await ContentTransfer.TcpAsync(from.Ns, to.Ns, to.V4, Stream, seed);
            return count;
        }

        async Task RotateAsync(LabNode node)
        {
            var former = (await node.StatusAsync()).Self!.PublicKey;
            var done = (await Task.Run(() => node.Mesh("rotate-keys", "--json"))).MustExit();
            var reply = JsonDocument.Parse(done.Output).RootElement;
            Assert.Equal(former, reply.GetProperty("FormerKey").GetString());
            Assert.True(reply.GetProperty("SessionsGoOn").GetBoolean());
            Assert.Equal(reply.GetProperty("PublicKey").GetString(), (await node.StatusAsync()).Self!.PublicKey);
            Assert.NotEqual(former, reply.GetProperty("PublicKey").GetString());
            await AgreedAsync(node == ada ? ben : ada, node);
        }

        // The peer knows the new key, and a session was agreed under it.
        static async Task AgreedAsync(LabNode peer, LabNode node)
        {
            var key = (await node.StatusAsync()).Self!.PublicKey;
            await Eventually.TrueAsync($"{peer.Name} knows the key of {node.Name}", TimeSpan.FromSeconds(10),
                async () => (await peer.StatusAsync()).Peer(node.Name)!.PublicKey == key);
            var since = DateTimeOffset.UtcNow - TimeSpan.FromSeconds(8);
            await Eventually.TrueAsync($"{peer.Name} has agreed with {node.Name} anew", TimeSpan.FromSeconds(8),
                async () => (await peer.StatusAsync()).Peer(node.Name)!.LastHandshake > since);
        }

        static string NextKey(LabNode node) => Path.Combine(node.StateDir, "identity-next.json");
    });

    [RequiresRootFact("ip", "ping")]
    public Task Without_a_controller_the_verb_changes_nothing_and_says_so() => MeshLab.RunAsync("mkd", output, ["ada"], async lab =>
    {
        var ada = lab["ada"];
        var alone = ada.Mesh("rotate-keys");
        Assert.Equal((1, "mesh: this machine belongs to no network: it has no key to rotate"), (alone.ExitCode, alone.Error.Trim()));
        lab.Controller.SetPolicy(MeshLab.AllowAll);
        await ada.JoinAsync();
        var key = (await ada.StatusAsync()).Self!.PublicKey;
        // Whose time is over is refused by the controller.
        lab.Controller.Run("node", "expire", "ada").MustExit();
        await Eventually.TrueAsync("ada has expired", TimeSpan.FromSeconds(5), async () => (await ada.StatusAsync()).BackendState == "NeedsLogin");
        Assert.Equal(77, ada.Mesh("rotate-keys").ExitCode);
        await lab.Controller.Server.KillAsync();
        await Eventually.TrueAsync("ada is detached", TimeSpan.FromSeconds(10), async () => (await ada.StatusAsync()).Controller is null);
        var detached = ada.Mesh("rotate-keys");
        Assert.Equal((69, ""), (detached.ExitCode, detached.Output));
        Assert.StartsWith("mesh: no controller is attached", detached.Error, StringComparison.Ordinal);
        Assert.Equal(key, (await ada.StatusAsync()).Self!.PublicKey);
        Assert.False(File.Exists(Path.Combine(ada.StateDir, "identity-next.json")));
    });
}
