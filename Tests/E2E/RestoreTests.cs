using System.Diagnostics;
using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>The controller's machine is lost, and comes back from a backup while everybody goes on talking.</summary>
public sealed class RestoreTests(ITestOutputHelper output)
{
    [RequiresRootFact("ip", "ping")]
    public Task Nodes_come_back_to_a_restored_controller_by_themselves() => MeshLab.RunJoinedAsync("mrs", output, ["ada", "ben", "cleo"], async lab =>
    {
        var (ada, ben, cleo) = (lab["ada"], lab["ben"], lab["cleo"]);
        Assert.True(ada.Ns.Ping(ben.V4, 3) && cleo.Ns.Ping(ada.V4, 3));
        await using var steady = ada.StartPing(ben.V4);
        await using var steady6 = cleo.StartPing(ada.V6);

        // A backup under traffic; what is decided after it is lost.
        var unused = lab.Controller.CreateCredential();
        var file = Path.Combine(lab.Folder, "mesh.backup");
        lab.Controller.Run("backup", "-o", file).MustExit();
        var nodes = lab.Controller.Run("node", "list").MustExit().Output;
        for (var i = 0; i < 5; i++)
            lab.Controller.SetPolicy(MeshLab.AllowAll + $"# change {i}\n");
        var late = lab.AddNode("late");
        await late.StartAsync();
        await late.JoinAsync();
        var before = new Dictionary<LabNode, NodeStatus>();
        foreach (var node in lab.Nodes)
        {
            await Eventually.TrueAsync($"{node.Name} has the newest map", TimeSpan.FromSeconds(10), async () => (await node.StatusAsync()).Peers.Count == 3);
            before[node] = await node.StatusAsync();
        }

        // The root key was moved away as the first start tells to; everything else is gone.
        var root = Path.Combine(lab.Folder, "root.key");
        File.Move(Path.Combine(lab.Controller.StateDir, "root.key"), root);
        await lab.Controller.Server.KillAsync();
        Directory.Delete(lab.Controller.StateDir, recursive: true);
        var gone = Stopwatch.StartNew();

        // What was tampered with is refused, whatever it is, and nothing comes of it.
        foreach (var (what, bytes) in Tampered(await File.ReadAllBytesAsync(file)))
        {
            var bad = Path.Combine(lab.Folder, "tampered.backup");
            await File.WriteAllBytesAsync(bad, bytes);
            var refused = Restore(lab, bad, root);
            Assert.True(refused.ExitCode == 65 && refused.Error.Contains("nothing was changed", StringComparison.Ordinal), $"{what}: {refused}");
            Assert.False(Directory.Exists(lab.Controller.StateDir));
        }
        var restored = Restore(lab, file, root).MustExit().Output;
        Assert.Contains("epoch 2 begins", restored, StringComparison.Ordinal);
        await lab.Controller.StartAsync();
        var back = Stopwatch.StartNew();

        // With nothing enrolled anew: same ids, keys and addresses, in the new epoch.
        LabNode[] known = [ada, ben, cleo];
        foreach (var node in known)
        {
            await Eventually.TrueAsync($"{node.Name} is attached in the new epoch", TimeSpan.FromSeconds(60),
                async () => await node.TryStatusAsync() is { IsAttached: true, Epoch: 2 });
        }
        var attached = back.Elapsed;
        foreach (var node in known)
        {
            var status = await node.StatusAsync();
            Assert.Equal(before[node].Self!.ID, status.Self!.ID);
            Assert.Equal(before[node].Self!.PublicKey, status.Self!.PublicKey);
            Assert.Equal(before[node].Self!.Addresses, status.Self!.Addresses);
            Assert.Null(status.Peer("late"));
        }
        await Eventually.TrueAsync("all are online", TimeSpan.FromSeconds(10),
            () => Task.FromResult(Names(lab.Controller.Run("node", "list").MustExit().Output, "online").SequenceEqual(Names(nodes, "online"))));

        // The machine that joined after the backup is unknown, and told so; the credential that was open is no longer.
        await Eventually.TrueAsync("the late one is told", TimeSpan.FromSeconds(60),
            async () => (await late.StatusAsync()).Health.Any(line => line.Contains("does not know such a node", StringComparison.Ordinal)));
        var eve = lab.AddNode("eve");
        await eve.StartAsync();
        var refusal = await eve.UpAsync(unused);
        Assert.True(refusal.ExitCode != 0 && refusal.Error.Contains("revoked", StringComparison.Ordinal), refusal.ToString());
        Assert.Contains("network.restored", lab.Controller.Run("audit", "list").MustExit().Output, StringComparison.Ordinal);

        var (lost, lost6) = (await steady.StopWithoutLossAsync(), await steady6.StopWithoutLossAsync());

        // The restored controller decides, and its nodes follow.
        lab.Controller.SetPolicy("version: 1\n");
        await Eventually.TrueAsync("the change arrives", TimeSpan.FromSeconds(10), async () => (await ben.StatusAsync()).Peers.Count == 0);
        lab.Controller.SetPolicy(MeshLab.AllowAll);
        await Eventually.TrueAsync("the change back arrives", TimeSpan.FromSeconds(10), async () => (await ben.StatusAsync()).Peers.Count == 2);
        output.Print("controller restored", $"{lost} and {lost6} pings, none lost; all of 3 attached in epoch 2 {attached.TotalSeconds:0.0} s after the restored controller answered, {gone.Elapsed.TotalSeconds:0} s after the old one was lost");
    });

    // One of each kind: a bit, a line less, a line twice, cut, something more.
    static IEnumerable<(string What, byte[] Bytes)> Tampered(byte[] whole)
    {
        var text = System.Text.Encoding.UTF8.GetString(whole);
        var lines = text.TrimEnd('\n').Split('\n');
        var flipped = whole.ToArray();
        flipped[whole.Length / 2] ^= 1;
        yield return ("a bit", flipped);
        yield return ("a line less", Join([.. lines[..4], .. lines[5..]]));
        yield return ("a line twice", Join([.. lines[..5], lines[4], .. lines[5..]]));
        yield return ("cut", whole[..(whole.Length * 2 / 3)]);
        yield return ("without its signature", Join(lines[..^1]));
        yield return ("something behind it", [.. whole, .. "\n"u8]);

        static byte[] Join(IEnumerable<string> lines) => System.Text.Encoding.UTF8.GetBytes(string.Join('\n', lines) + "\n");
    }

    static ProcessResult Restore(MeshLab lab, string file, string root) => lab.Record(lab.Controller.Ns.Run(
        TimeSpan.FromSeconds(60), Programs.Controller, ["restore", file, "--new-epoch", "--root-key", root, "--state-dir", lab.Controller.StateDir]));

    static IEnumerable<string> Names(string list, string state) =>
        list.Split('\n').Where(line => line.Contains($" {state} ", StringComparison.Ordinal)).Select(line => line.Split(' ')[0]).Order(StringComparer.Ordinal);
}
