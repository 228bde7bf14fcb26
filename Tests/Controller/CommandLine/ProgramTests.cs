using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Controller;
using Mesh.Controller.Hosting;
using Mesh.Tests.Controller.Api;
using Mesh.Tests.Kit;

namespace Mesh.Tests.Controller.CommandLine;

/// <summary>Runs the whole program, <c>serve</c> included, by its command line.</summary>
public sealed class ProgramTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    string State => _directory.File("state");

    string Socket => _directory.File("admin.sock");

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("unknown word 'frobnicate'", "frobnicate")]
    [InlineData("unknown flag '--nope'", "user", "list", "--nope")]
    [InlineData("unknown word 'extra'", "user", "list", "extra")]
    [InlineData("'user create' wants NAME", "user", "create")]
    [InlineData("--file", "policy", "set")]
    [InlineData("--listen 'nowhere'", "serve", "--listen", "nowhere")]
    [InlineData("--advertise 'nowhere'", "serve", "--advertise", "nowhere")]
    [InlineData("--log-level 'loud'", "serve", "--log-level", "loud")]
    public async Task What_the_program_does_not_know_is_one_line_and_64(string expected, params string[] arguments)
    {
        var (exit, output, error) = await Cli.RunAsync(arguments);
        Assert.Equal((ExitCode.Usage, ""), (exit, output));
        Assert.Contains(expected, error);
        VerbTests.AssertOneLine(error);
    }

    [Theory]
    [InlineData]
    [InlineData("serve")]
    [InlineData("user")]
    [InlineData("user", "create")]
    [InlineData("user", "list")]
    [InlineData("credential", "create")]
    [InlineData("credential", "list")]
    [InlineData("credential", "revoke")]
    [InlineData("node", "list")]
    [InlineData("node", "show")]
    [InlineData("node", "revoke")]
    [InlineData("policy", "get")]
    [InlineData("policy", "set")]
    [InlineData("policy", "check")]
    [InlineData("audit", "list")]
    [InlineData("status")]
    [InlineData("debug", "actors")]
    [InlineData("shell")]
    [InlineData("token", "create")]
    [InlineData("token", "list")]
    [InlineData("token", "revoke")]
    [InlineData("version")]
    public async Task Every_verb_has_help_with_an_example(params string[] verb)
    {
        var (exit, output, _) = await Cli.RunAsync([.. verb, "--help"]);
        Assert.Equal(ExitCode.Done, exit);
        Assert.Contains("Example:\n    mesh-controller " + string.Join(' ', verb), output);
    }

    [Fact]
    public async Task Without_a_controller_admin_verbs_say_so_and_exit_69()
    {
        var (exit, _, error) = await Cli.RunAsync(["user", "list", "--socket", Socket]);
        Assert.Equal(ExitCode.Unreachable, exit);
        Assert.Contains("mesh-controller serve", error);
        VerbTests.AssertOneLine(error);
    }

    [Fact]
    public async Task Serve_starts_says_what_to_type_next_and_stops_in_order()
    {
        await using (var serving = await ServeAsync())
        {
            Assert.Contains("mesh-controller user create NAME --socket " + Socket, serving.Output);
            var second = await Cli.RunAsync(
                ["serve", "--state-dir", State, "--socket", _directory.File("b.sock"), "--listen", "127.0.0.1:0"]);
            Assert.Equal(ExitCode.Usage, second.Exit);
            second = await Cli.RunAsync(["serve", "--state-dir", State, "--socket", _directory.File("b.sock"), "--listen", FreePort()]);
            Assert.Equal(ExitCode.BadConfiguration, second.Exit);
            Assert.Contains("another mesh-controller runs on", second.Error);
            VerbTests.AssertOneLine(second.Error);
            var sameSocket = await Cli.RunAsync(
                ["serve", "--state-dir", _directory.File("other"), "--socket", Socket, "--listen", FreePort()]);
            Assert.Equal(ExitCode.BadConfiguration, sameSocket.Exit);
            Assert.Contains("another mesh-controller answers on", sameSocket.Error);
        }
        Assert.False(File.Exists(Socket));
        await using var again = await ServeAsync();
        Assert.Empty(again.Output);
    }

    [Fact]
    public async Task Flags_win_over_the_environment_and_that_over_the_file()
    {
        var config = _directory.File("controller.hocon");
        await File.WriteAllTextAsync(config,
            $"mesh.controller {{ socket = \"{_directory.File("file.sock")}\", state-dir = \"{State}\", listen = [\"{FreePort()}\"] }}");
        var environment = new Dictionary<string, string>
        {
            ["MESH_CONTROLLER_SOCKET"] = _directory.File("env.sock"),
            ["MESH_CONTROLLER_CONFIG"] = config,
        };
        await using (await ServeAsync(["serve"], environment))
            Assert.Equal(0, (await Cli.RunAsync(["status", "--socket", _directory.File("env.sock")])).Exit);
        await using (await ServeAsync(["serve", "--config", config], []))
            Assert.Equal(0, (await Cli.RunAsync(["status", "--config", config])).Exit);
        await using (await ServeAsync(["serve", "--socket", _directory.File("flag.sock")], environment))
            Assert.Equal(0, (await Cli.RunAsync(["status", "--socket", _directory.File("flag.sock")])).Exit);
    }

    [Theory]
    [InlineData("mesh.controller.sokcet = x", "sokcet")]
    [InlineData("mesh.controller { listen = [\"nowhere\"] }", "nowhere")]
    [InlineData("mesh.controller { map-valid-for = soon }", "map-valid-for")]
    [InlineData("mesh { controller {", "")]
    public async Task A_wrong_configuration_file_is_one_line_and_78(string text, string expected)
    {
        var config = _directory.File("controller.hocon");
        await File.WriteAllTextAsync(config, text);
        var (exit, _, error) = await Cli.RunAsync(["serve", "--config", config, "--state-dir", State]);
        Assert.Equal(ExitCode.BadConfiguration, exit);
        Assert.Contains(expected, error);
        VerbTests.AssertOneLine(error);
        Assert.False(Directory.Exists(State));
    }

    [Fact]
    public async Task Damaged_or_missing_state_is_one_line_and_78_and_nothing_is_touched()
    {
        await using (var serving = await ServeAsync())
            Assert.Equal(0, (await Cli.RunAsync(["user", "create", "alice", "--socket", Socket])).Exit);
        var journal = Path.Combine(State, "journal.db");
        var whole = await File.ReadAllBytesAsync(journal);

        await File.WriteAllBytesAsync(journal, whole[..(whole.Length / 2)]);
        await AssertRefusedAsync("journal.db");
        Assert.Equal(whole.Length / 2, new FileInfo(journal).Length);

        File.Delete(journal);
        await AssertRefusedAsync("journal.db is missing");
        Assert.False(File.Exists(journal));

        await File.WriteAllBytesAsync(journal, whole);
        var identity = Path.Combine(State, "controller.json");
        var kept = await File.ReadAllBytesAsync(identity);
        File.Delete(identity);
        await AssertRefusedAsync("controller.json is missing");
        Mesh.Controller.Keys.PrivateFile.Write(identity, kept);

        File.SetUnixFileMode(Path.Combine(State, "signing.key"), (UnixFileMode)0b110_100_100);
        await AssertRefusedAsync("chmod 600");
        File.SetUnixFileMode(Path.Combine(State, "signing.key"), (UnixFileMode)0b110_000_000);

        await using (await ServeAsync())
            Assert.Contains("alice", (await Cli.RunAsync(["user", "list", "--socket", Socket])).Out);

        async Task AssertRefusedAsync(string expected)
        {
            var (exit, _, error) = await Cli.RunAsync(["serve", "--state-dir", State, "--socket", Socket, "--listen", FreePort()]);
            Assert.Equal(ExitCode.BadConfiguration, exit);
            Assert.Contains(expected, error);
            VerbTests.AssertOneLine(error);
        }
    }

    [RequiresRootFact("setpriv", "curl")]
    public async Task Another_user_is_refused_by_the_file_and_then_by_who_the_kernel_says_it_is()
    {
        await using var serving = await ServeAsync();
        File.SetUnixFileMode(_directory.Path, (UnixFileMode)0b111_101_101);
        string[] ask =
        [
            "--reuid=65534", "--regid=65534", "--clear-groups", "curl", "-sS", "--unix-socket", Socket, "-w", "%{http_code}", "http://a/v1/users",
        ];
        Assert.NotEqual(0, ProcessRun.Run("setpriv", ask).ExitCode);
        File.SetUnixFileMode(Socket, (UnixFileMode)0b110_110_110);
        var answer = ProcessRun.Run("setpriv", ask).MustExit().Output;
        Assert.Contains("permission denied", answer);
        Assert.EndsWith("403", answer.TrimEnd());
    }

    [RequiresRootFact("mount", "umount")]
    public async Task A_full_disk_is_told_loses_nothing_and_is_over_when_there_is_room_again()
    {
        Directory.CreateDirectory(State);
        ProcessRun.Run("mount", ["-t", "tmpfs", "-o", "size=400k", "mesh-test", State]).MustExit();
        try
        {
            var filler = Path.Combine(State, "filler");
            Fill(filler);
            await AssertDiskFullAsync("serve", "--state-dir", State, "--socket", Socket, "--listen", FreePort());
            foreach (var file in Directory.GetFiles(State))
                File.Delete(file);
            await using (await ServeAsync())
            {
                Assert.Equal(0, (await Cli.RunAsync(["user", "create", "alice", "--socket", Socket])).Exit);
                Fill(filler);
                await AssertDiskFullAsync("user", "create", "bob", "--socket", Socket);
                Assert.Contains("is full", (await Cli.RunAsync(["status", "--socket", Socket])).Out);
                File.Delete(filler);
                Assert.Equal(0, (await Cli.RunAsync(["user", "create", "carol", "--socket", Socket])).Exit);
            }
            Fill(filler);
            await AssertDiskFullAsync("serve", "--state-dir", State, "--socket", Socket, "--listen", FreePort());
            File.Delete(filler);
            await using (await ServeAsync())
            {
                var users = (await Cli.RunAsync(["user", "list", "--socket", Socket])).Out;
                Assert.Contains("alice", users);
                Assert.Contains("carol", users);
                Assert.DoesNotContain("bob", users);
            }
        }
        finally
        {
            ProcessRun.Run("umount", [State]).MustExit();
        }

        static void Fill(string path)
        {
            using var file = File.Create(path);
            var block = new byte[4096];
            try
            {
                while (true)
                {
                    file.Write(block);
                    file.Flush();
                }
            }
            catch (IOException)
            {
                // Full.
            }
        }

        static async Task AssertDiskFullAsync(params string[] arguments)
        {
            var (exit, _, error) = await Cli.RunAsync(arguments);
            Assert.Equal((ExitCode.TryAgain, 1), (exit, error.Count(c => c == '\n')));
            Assert.Contains("is full", error);
        }
    }

    [Fact]
    public async Task An_encrypted_root_key_is_not_readable_in_the_state_directory()
    {
        var passphrase = _directory.File("passphrase");
        Mesh.Controller.Keys.PrivateFile.Write(passphrase, "correct horse\n");
        await using (await ServeAsync(
            ["serve", "--state-dir", State, "--socket", Socket, "--listen", FreePort(), "--root-passphrase-file", passphrase], []))
            Assert.Contains("mesh-root-key-encrypted-v1", await File.ReadAllTextAsync(Path.Combine(State, "root.key")));
        File.SetUnixFileMode(passphrase, (UnixFileMode)0b110_100_100);
        var open = await Cli.RunAsync(["serve", "--state-dir", State, "--socket", Socket, "--root-passphrase-file", passphrase]);
        Assert.Equal(ExitCode.BadConfiguration, open.Exit);
    }

    [Fact]
    public async Task The_service_manager_hears_ready_alive_and_stopping()
    {
        var path = _directory.File("notify");
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint(path));
        var environment = new Dictionary<string, string> { ["NOTIFY_SOCKET"] = path, ["WATCHDOG_USEC"] = "200000" };
        var serving = await ServeAsync(["serve", "--state-dir", State, "--socket", Socket, "--listen", FreePort()], environment);
        Assert.StartsWith("READY=1\n", await HearAsync());
        Assert.Equal("WATCHDOG=1\n", await HearAsync());
        Assert.Equal("WATCHDOG=1\n", await HearAsync());
        await serving.DisposeAsync();
        string last;
        while ((last = await HearAsync()) == "WATCHDOG=1\n")
        {
        }
        Assert.StartsWith("STOPPING=1\n", last);

        async Task<string> HearAsync()
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            var datagram = new byte[512];
            return Encoding.UTF8.GetString(datagram, 0, await manager.ReceiveAsync(datagram, patience.Token));
        }
    }

    [Fact]
    public async Task A_notify_socket_may_be_abstract()
    {
        var name = $"mesh-notify-{Guid.NewGuid():N}";
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint("\0" + name));
        using var notifier = new SystemdNotifier(variable => variable == "NOTIFY_SOCKET" ? "@" + name : null);
        notifier.Ready("up");
        var datagram = new byte[64];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        Assert.Equal("READY=1\nSTATUS=up\n", Encoding.UTF8.GetString(datagram, 0, await manager.ReceiveAsync(datagram, patience.Token)));
        Assert.Null(notifier.WatchdogInterval);
    }

    Task<Serving> ServeAsync() => ServeAsync(["serve", "--state-dir", State, "--socket", Socket, "--listen", FreePort()], []);

    static async Task<Serving> ServeAsync(string[] arguments, Dictionary<string, string> environment)
    {
        // READY is what says that it is up, as a service manager would wait for it; the test's own socket is used where it brings one.
        var serving = new Serving(arguments, environment);
        await serving.ReadyAsync();
        return serving;
    }

    // A port that was free a moment ago, as --listen takes it.
    static string FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return probe.LocalEndpoint.ToString()!;
    }

    sealed class Serving : IAsyncDisposable
    {
        readonly CancellationTokenSource _stop = new();
        readonly Socket? _manager;
        readonly Task<(int Exit, string Out, string Error)> _running;
        readonly StringWriter _output = new();

        public Serving(string[] arguments, Dictionary<string, string> environment)
        {
            var variables = new Dictionary<string, string>(environment);
            if (!variables.ContainsKey("NOTIFY_SOCKET"))
            {
                var name = $"mesh-test-{Guid.NewGuid():N}";
                _manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
                _manager.Bind(new UnixDomainSocketEndPoint("\0" + name));
                variables["NOTIFY_SOCKET"] = "@" + name;
            }
            _running = Task.Run(() =>
                Cli.RunAsync(arguments, environment: variables.GetValueOrDefault, output: _output, cancellationToken: _stop.Token));
        }

        public string Output => _output.ToString();

        public async Task ReadyAsync()
        {
            if (_manager is null)
                return;
            var heard = _manager.ReceiveAsync(new byte[512]);
            if (await Task.WhenAny(heard, _running) == _running)
                Assert.Fail((await _running).Error);
            await heard;
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            Assert.Equal(ExitCode.Done, (await _running).Exit);
            _manager?.Dispose();
            _stop.Dispose();
        }
    }
}
