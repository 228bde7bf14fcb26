using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>What is wrong with a file is said in one line, with the right exit code, before anything else goes wrong.</summary>
public sealed class FileTests(ITestOutputHelper output)
{
    [RequiresRootFact("ip")]
    public Task A_node_refuses_files_that_it_cannot_trust() => MeshLab.RunJoinedAsync("men", output, ["ada"], async lab =>
    {
        var ada = lab["ada"];
        Assert.Equal(0, await ada.Daemon.StopAsync());
        Assert.False(File.Exists(ada.Socket), "the socket is removed");
        Assert.Equal("127.0.0.1 localhost\n::1 localhost\n", await File.ReadAllTextAsync(ada.HostsFile));
        Assert.DoesNotContain("mesh0", ada.Ns.Ip("link").Output, StringComparison.Ordinal);

        var identity = Path.Combine(ada.StateDir, "identity.json");
        var wrapping = Directory.EnumerateFiles(ada.KeyDir).Single();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(identity));
        Assert.Equal(UnixFileMode.UserRead, File.GetUnixFileMode(wrapping));
        foreach (var (what, file) in new[] { ("key file at 0644", identity), ("wrapping key at 0644", wrapping) })
        {
            var mode = File.GetUnixFileMode(file);
            File.SetUnixFileMode(file, mode | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
            await RefusedAsync(what, ada.Daemon, 78, "0644.*chmod 600");
            File.SetUnixFileMode(file, mode);
        }
        foreach (var name in new[] { "map.json", "identity.json", "network.json" })
        {
            var file = Path.Combine(ada.StateDir, name);
            var good = await File.ReadAllBytesAsync(file);
            var mode = File.GetUnixFileMode(file);
            foreach (var (how, bad) in new[] { ("cut", good[..(good.Length / 2)]), ("with a flipped bit", Flipped(good)), ("empty", []) })
            {
                await File.WriteAllBytesAsync(file, bad);
                File.SetUnixFileMode(file, mode);
                await RefusedAsync($"{name} {how}", ada.Daemon, 78, System.Text.RegularExpressions.Regex.Escape(name));
                Assert.Equal(bad, await File.ReadAllBytesAsync(file));
            }
            await File.WriteAllBytesAsync(file, good);
            File.SetUnixFileMode(file, mode);
        }
        // Nothing of all that did harm.
        await ada.StartAsync();
        await ada.AttachedAsync();
    });

    [RequiresRootFact("ip", "mount", "umount")]
    public Task A_full_disk_keeps_the_state_as_it_was() => MeshLab.RunAsync("meu", output, ["ada"], async lab =>
    {
        var ada = lab["ada"];
        await ada.Daemon.StopAsync();
        ProcessRun.Run("mount", ["-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", ada.StateDir]).MustExit();
        try
        {
            await ada.StartAsync();
            var filler = Path.Combine(ada.StateDir, "filler");
            Fill(filler);
            var credential = lab.Controller.CreateCredential();
            var full = await ada.UpAsync(credential);
            Assert.True(full.ExitCode == 75 && full.Error.Contains("space", StringComparison.OrdinalIgnoreCase), full.ToString());
            Assert.Single(full.Error.TrimEnd('\n').Split('\n'));
            output.Print("files", $"full disk: exit 75: {full.Error.Trim()}");
            File.Delete(filler);
            // The credential is not lost by it.
            (await ada.UpAsync(credential)).MustExit();
            await ada.AttachedAsync();

            // Full again: changes cannot be kept, but the node goes on and says so, and what is on the disk stays whole.
            Fill(filler);
            lab.Controller.CreateUser("bob");
            lab.Controller.SetPolicy(MeshLab.AllowAll);
            var other = lab.AddNode("ben");
            await other.StartAsync();
            await other.JoinAsync();
            await Eventually.TrueAsync("the map is in force though it cannot be kept", TimeSpan.FromSeconds(5),
                async () => (await ada.StatusAsync()).Peer("ben") is not null);
            Assert.True(other.Ns.Ping(ada.V4, 3), "the node goes on");
            await Eventually.TrueAsync("the status says that the disk is full", TimeSpan.FromSeconds(5),
                async () => (await ada.StatusAsync()).Health.Any(line => line.Contains("space", StringComparison.OrdinalIgnoreCase)));
            output.Print("files", $"full disk while attached: {string.Join(" / ", (await ada.StatusAsync()).Health)}");
            await ada.Daemon.KillAsync();
            File.Delete(filler);
            await ada.StartAsync();
            await ada.AttachedAsync();
        }
        finally
        {
            if (ada.Daemon.IsRunning)
                await ada.Daemon.KillAsync();
            ProcessRun.Run("umount", ["-l", ada.StateDir]);
        }
    });

    [RequiresRootFact("ip")]
    public Task A_controller_refuses_a_damaged_journal() => MeshLab.RunJoinedAsync("meq", output, ["ada"], async lab =>
    {
        var server = lab.Controller.Server;
        var journal = Path.Combine(lab.Controller.StateDir, "journal.db");
        Assert.Equal(0, await server.StopAsync());
        foreach (var key in Directory.EnumerateFiles(lab.Controller.StateDir, "*.key"))
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(key));
            File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
            await RefusedAsync($"{Path.GetFileName(key)} at 0644", server, 78, "0644.*chmod 600");
            File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        var good = await File.ReadAllBytesAsync(journal);
        await File.WriteAllBytesAsync(journal, good[..(good.Length / 4096 / 2 * 4096)]);
        await RefusedAsync("journal cut in the middle", server, 78, "journal");
        await File.WriteAllBytesAsync(journal, good[..^100]);
        await RefusedAsync("journal cut by 100 bytes", server, 78, "journal");
        await File.WriteAllBytesAsync(journal, good);
        await lab.Controller.StartAsync();
        await lab["ada"].AttachedAsync();
    });

    async Task RefusedAsync(string what, LabProgram program, int code, string pattern)
    {
        var process = program.Start();
        Assert.Equal(code, await process.WaitForExitAsync(TimeSpan.FromSeconds(15)));
        var line = Assert.Single(process.Output.TrimEnd('\n').Split('\n'));
        Assert.Matches(pattern, line);
        output.Print("files", $"{what}: exit {code}: {line}");
    }

    static byte[] Flipped(byte[] content)
    {
        var flipped = (byte[])content.Clone();
        flipped[content.Length * 2 / 3] ^= 1;
        return flipped;
    }

    static void Fill(string file)
    {
        using var stream = new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        var block = new byte[512];
        try
        {
            while (true)
                stream.Write(block);
        }
        catch (IOException)
        {
            // That was the purpose: nothing fits any more.
            stream.Flush();
        }
    }
}
