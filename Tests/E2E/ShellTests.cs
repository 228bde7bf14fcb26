using System.Text.RegularExpressions;
using Mesh.Protocol.Admin;
using Mesh.Protocol.Enrollment;
using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>An admin at a terminal, with the shell on it: <c>MESH_TRANSCRIPT=FILE</c> keeps what stood on the screen.</summary>
public sealed class ShellTests(ITestOutputHelper output)
{
    const string Prompt = "mesh.internal>";
    const int Width = 120;
    const string Morning = "version: 1\napproval: required\ntags:\n  server: { owners: [\"user:alice\"] }\nallow:\n  - { from: [\"user:alice\"], to: [\"user:alice\"] }\n";
    const string Evening = "version: 1\napproval: required\ntags:\n  server: { owners: [\"user:alice\"] }\nallow:\n  - { from: [\"user:alice\"], to: [\"tag:server\"] }\n";

    [RequiresRootFact("ip", "script", "stty")]
    public Task A_days_work_at_the_terminal() => MeshLab.RunAsync("msh", output, ["ada", "build"], async lab =>
    {
        lab.Controller.SetPolicy(Morning);
        await File.WriteAllTextAsync(Path.Combine(lab.Folder, "policy.yaml"), Evening);
        (await lab["ada"].UpAsync(lab.Controller.CreateCredential("alice", "--approved"))).MustExit();
        await lab["ada"].AttachedAsync();
        using var shell = new LabTerminal(
            lab.Controller.Ns, lab.Folder, $"sh -c \"cd {lab.Folder} && exec {Programs.Controller} shell --socket {lab.Controller.Socket}\"", Width);
        await shell.ShowsAsync($@"^network mesh\.internal at .*\n(.*\n)?{Prompt}$");
        Task<string> AskAsync(string line) => shell.AskAsync(Prompt, line);

        Assert.Matches(@"(?m)^node \.\.\. +Lists, shows and changes nodes\.$", await AskAsync("help"));
        // A credential; the machine it lets in waits for somebody to look at it.
        var made = await AskAsync("credential create --user alice --ttl 15m");
        var credential = Regex.Match(made.ReplaceLineEndings(""), "mk1_[A-Za-z0-9_-]+").Value;
        credential = credential[..(credential.Length - Enumerable.Range(0, credential.Length).First(cut => CredentialString.TryParse(credential[..^cut], out _)))];
        lab.Secret(credential);
        Assert.Contains("not yet approved", (await lab["build"].UpAsync(credential)).ToString() + lab["build"].Mesh("status"), StringComparison.Ordinal);
        Assert.Matches(@"(?m)^ada +online .* \w{16}\nbuild +waiting ", await AskAsync("node list"));
        // Only one waits.
        shell.Type("node app\t\t\r");
        await shell.ShowsAsync($@"(?m)^{Prompt} node approve build\nbuild is in the network\n{Prompt}$");
        await lab["build"].AttachedAsync();
        // Nobody has the tag yet; the policy knows it.
        shell.Type("node tag bu\t--add se\t\r");
        await shell.ShowsAsync($@"(?m)^{Prompt} node tag build --add server\nbuild belongs to tag:server\n{Prompt}$");

        shell.Type("policy diff -f po\t\r");
        await shell.ShowsAsync($@"(?s)\+  - \{{ from: \[""user:alice""\], to: \[""tag:server""\] \}}\n\n.*nodes that get access: 1 pair\n  \+ ada -> build\n.*\n{Prompt}$");
        Assert.Equal("the policy is in force", await AskAsync("policy set -f policy.yaml"));
        await Eventually.TrueAsync("the machines hear of it", TimeSpan.FromSeconds(10), async () => (await lab["ada"].StatusAsync()).Peer("build") is not null);
        Assert.Matches(@"(?m)^\d+ +20.* admin:root +1 rule, 0 groups, 1 tag; lines \+1 -1$", await AskAsync("policy history"));

        // What is wrong says what to do, and ends nothing.
        Assert.Equal("mesh-controller: unknown word 'reovke': see 'help node'", await AskAsync("node reovke build"));
        Assert.Equal("mesh-controller: 'node revoke' wants NAME: see 'help node revoke'", await AskAsync("node revoke"));
        Assert.Equal("mesh-controller: there is no file polcy.yaml", await AskAsync("policy set -f polcy.yaml"));
        Assert.Equal("mesh-controller: there is no node 'biuld': 'mesh-controller node list' shows them", await AskAsync("node revoke biuld"));

        Assert.Matches(@"^revoked build: 1 of 1 peers acknowledged in \d+\.\d s$", await AskAsync("node revoke build"));
        Assert.Matches(@"(?m)^build +revoked ", await AskAsync("node list"));
        // The journal has it all, cut into lines that fit.
        var audit = await AskAsync("audit list --since 1h");
        foreach (var what in new[] { "credential.created", "credential.used", "node.approved", "node.tagged", "policy.set", "node.revoked" })
            Assert.Contains(what, audit, StringComparison.Ordinal);
        Assert.All(audit.Split('\n'), line => Assert.InRange(line.Length, 0, Width));
        Assert.Equal(
            ["node.approved", "node.tagged", "node.revoked"],
            Regex.Matches(await AskAsync("audit list --since 1h --by admin:root --type node"), @"node\.\w+").Select(match => match.Value));
        var set = Regex.Match(await AskAsync("policy history"), @"(?m)^(\d+) .*-1$").Groups[1].Value;
        Assert.Matches(@"(?m)^build +present .* tag:server ", await AskAsync($"at @{set} node list"));

        // A controller that dies under the shell is missed for as long as it is away.
        await lab.Controller.Server.KillAsync();
        Assert.StartsWith("mesh-controller: no controller answers on ", await AskAsync("user list"), StringComparison.Ordinal);
        await lab.Controller.StartAsync();
        Assert.Contains("alice", await AskAsync("user list"), StringComparison.Ordinal);

        // Ctrl-C gives up a line, or the verb that runs; what was typed ahead is not lost, and a narrower window is drawn in.
        shell.Type("user create nev\x03");
        await shell.ShowsAsync($@"(?m)^{Prompt} user create nev\^C\n{Prompt}$");
        shell.Type("audit list --follow --since 1h\r");
        await shell.ShowsAsync(@"(?m)^20\S+ \S+  node\.revoked  node-\w{16}  admin:root$");
        shell.Type("\x03");
        await shell.ShowsAsync($@"(?m)^interrupted\n{Prompt}$");
        shell.Resize(60);
        var narrow = await AskAsync("node list");
        Assert.All(narrow.Split('\n'), line => Assert.InRange(line.Length, 1, 60));
        shell.Type("\x04");
        Assert.Equal(0, await shell.Process.WaitForExitAsync(TimeSpan.FromSeconds(20)));
        Assert.True(shell.IsPainted);

        Keep(lab, shell.Screen);
        var history = await File.ReadAllTextAsync(Path.Combine(lab.Folder, ".mesh-controller_history"));
        Assert.Contains("node tag build --add server\npolicy diff -f policy.yaml\n", history, StringComparison.Ordinal);
        Assert.DoesNotContain("nev", history, StringComparison.Ordinal);
        Assert.Equal("alice\n", Regex.Replace(lab.Controller.Run("user", "list").MustExit().Output, @"(?m)^NAME.*\n| .*$", ""));
    });

    [RequiresRootFact("ip", "script", "stty")]
    public Task An_admin_elsewhere_has_the_same_shell_and_loses_the_controller_for_a_while() => MeshLab.RunAsync("mse", output, [], async lab =>
    {
        var (desk, _) = lab.AddStranger();
        var text = lab.Controller.Run("token", "create", "--name", "desk", "--scope", "admin").MustExit().Output.Trim();
        Assert.True(TokenString.TryParse(text, out _), "token create prints the token alone");
        lab.Secret(text);
        var file = Path.Combine(lab.Folder, "desk.token");
        await File.WriteAllTextAsync(file, text + "\n");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using var shell = new LabTerminal(
            desk, lab.Folder, $"{Programs.Controller} shell --server https://{lab.Controller.Endpoint} --token-file {file}");
        await shell.ShowsAsync($@"^network mesh\.internal at {lab.Controller.Endpoint};.*\n(.*\n)?{Prompt}$");
        Assert.StartsWith("created user bob", await shell.AskAsync(Prompt, "user create bob"), StringComparison.Ordinal);
        shell.Type("credential create --user b\t--ttl 5m\r");
        await shell.ShowsAsync($@"(?s)--user bob --ttl 5m\nmk1_.*joins one machine until .*\n{Prompt}$");
        await lab.Controller.Server.KillAsync();
        Assert.Matches($@"^mesh-controller: no controller answers at {lab.Controller.Endpoint} \(connection refused\)$", await shell.AskAsync(Prompt, "user list"));
        await lab.Controller.StartAsync();
        Assert.Matches(@"(?m)^bob +20.* token:desk$", await shell.AskAsync(Prompt, "user list"));
        // Neither a credential nor a token that somebody pasted is kept.
        await shell.AskAsync(Prompt, text);
        await shell.AskAsync(Prompt, "exit now");
        shell.Type("exit\r");
        Assert.Equal(0, await shell.Process.WaitForExitAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal(
            ["user create bob", "credential create --user bob --ttl 5m", "user list", "exit now", "exit"],
            await File.ReadAllLinesAsync(Path.Combine(lab.Folder, ".mesh-controller_history")));
    });

    // Without what joins a machine.
    void Keep(MeshLab lab, string screen)
    {
        foreach (var secret in lab.Secrets)
            screen = Regex.Replace(screen, string.Join(@"\n?", secret.Select(c => Regex.Escape(c.ToString()))), secret[..8] + "...");
        output.WriteLine(screen);
        if (Environment.GetEnvironmentVariable("MESH_TRANSCRIPT") is { Length: > 0 } file)
            File.WriteAllText(file, screen.TrimEnd() + "\n");
    }
}
