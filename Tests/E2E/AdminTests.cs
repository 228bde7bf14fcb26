using System.Text;
using Mesh.Protocol.Admin;
using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>The network is administered from another machine, with a token, and from a shell.</summary>
public sealed class AdminTests(ITestOutputHelper output)
{
    const string Url = "https://10.98.1.1:8443";

    [RequiresRootFact("ip")]
    public Task A_token_does_from_elsewhere_what_the_socket_does_at_home() => MeshLab.RunAsync("mea", output, [], async lab =>
    {
        var (desk, _) = lab.AddStranger();
        var token = CreateToken(lab, "desk", "admin");
        ProcessResult Run(params string[] arguments) => lab.Record(desk.Run(Programs.Controller, [.. arguments, "--server", Url, "--token-file", token]));

        Assert.Equal("created user bob\n", Run("user", "create", "bob").MustExit().Output);
        Assert.Equal(lab.Controller.Run("user", "list").MustExit().Output, Run("user", "list").MustExit().Output);
        Assert.Matches(@"user\.created +user-bob +token:desk", Run("audit", "list").MustExit().Output);
        Run("credential", "create", "--user", "bob").MustExit();

        // The same script at home and elsewhere, by either way in.
        var script = Path.Combine(lab.Folder, "script");
        await File.WriteAllTextAsync(script, "user list\nnode list\nuser create bob\nuser create never\n");
        foreach (var (where, flags) in new (Netns, string)[] { (lab.Controller.Ns, $"--socket {lab.Controller.Socket}"), (desk, $"--server {Url} --token-file {token}") })
        {
            var result = lab.Record(where.Run("sh", "-c", $"exec {Programs.Controller} shell {flags} < {script}"));
            Assert.Equal(1, result.ExitCode);
            Assert.Contains("alice", result.Output);
            Assert.Equal("mesh-controller: line 3: there is a user 'bob' already\n", result.Error);
        }
        Assert.DoesNotContain("never", Run("user", "list").MustExit().Output);

        // Somebody else's controller hears nothing, whatever it says it is.
        var (elsewhere, address) = lab.AddStranger();
        var foreign = elsewhere.Start(Programs.Controller,
            "serve", "--state-dir", Path.Combine(lab.Folder, "foreign"), "--socket", Path.Combine(lab.Folder, "foreign.sock"), "--listen", $"{address}:8443");
        await foreign.WaitForLineAsync("listening on", TimeSpan.FromSeconds(30));
        var refused = lab.Record(desk.Run(Programs.Controller, "user", "list", "--server", $"https://{address}:8443", "--token-file", token));
        Assert.Equal(77, refused.ExitCode);
        Assert.Matches("belongs to another network than the token", Assert.Single(refused.Error.TrimEnd('\n').Split('\n')));
        Assert.Equal(69, desk.Run(Programs.Controller, "user", "list", "--server", "https://10.98.1.1:1", "--token-file", token).ExitCode);
        Assert.DoesNotContain(await File.ReadAllTextAsync(token), lab.Output + foreign.Output);
    });

    [RequiresRootFact("ip")]
    public Task An_open_shell_is_refused_at_once_when_its_token_is_revoked() => MeshLab.RunAsync("med", output, [], async lab =>
    {
        var (desk, _) = lab.AddStranger();
        using var shell = new Typed(desk, lab.Folder, $"{Programs.Controller} shell --server {Url} --token-file {CreateToken(lab, "desk", "users:write")}");
        shell.Type("user create bob\n");
        await shell.Process.WaitForLineAsync("created user bob", TimeSpan.FromSeconds(20));
        lab.Controller.Run("token", "revoke", "desk").MustExit();
        shell.Type("user create never\n");
        Assert.Equal(77, await shell.Process.WaitForExitAsync(TimeSpan.FromSeconds(20)));
        Assert.Contains("line 2: token desk was revoked", shell.Process.Output);
        Assert.DoesNotContain("never", lab.Controller.Run("user", "list").MustExit().Output);
    });

    static string CreateToken(MeshLab lab, string name, string scope)
    {
        var text = lab.Controller.Run("token", "create", "--name", name, "--scope", scope).MustExit().Output;
        Assert.True(TokenString.TryParse(text, out _), "token create prints the token alone");
        lab.Secret(text.Trim());
        var file = Path.Combine(lab.Folder, name + ".token");
        File.WriteAllText(file, text);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return file;
    }

    // A program whose standard input stays open for what a test types.
    sealed class Typed : IDisposable
    {
        readonly FileStream _keys;

        public Typed(Netns where, string folder, string command)
        {
            var pipe = Path.Combine(folder, Guid.NewGuid().ToString("N"));
            ProcessRun.Run("mkfifo", [pipe]).MustExit();
            Process = where.Start("sh", "-c", $"exec {command} < {pipe}");
            _keys = new FileStream(pipe, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 1);
        }

        public RunningProcess Process { get; }

        public void Type(string text)
        {
            _keys.Write(Encoding.UTF8.GetBytes(text));
            _keys.Flush();
        }

        public void Dispose() => _keys.Dispose();
    }
}
