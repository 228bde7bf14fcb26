using System.Text.Json;
using Mesh.Node;
using Mesh.Node.Cli;
using Mesh.Node.Configuration;
using Mesh.Node.Local;
using Mesh.Node.Service;
using Mesh.Protocol.Control;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Tests.Kit.Trust;
using Mesh.Tests.Node.Control;

namespace Mesh.Tests.Node.Service;

/// <summary>A daemon with its real socket, command line, state files and TLS, against a controller that lies when it is told to.</summary>
public sealed class DaemonTests : IAsyncLifetime
{
    readonly string _directory = Directory.CreateTempSubdirectory("mesh-daemon-").FullName;
    readonly SigningNetwork _network = new(WallTime.From(DateTimeOffset.UtcNow));
    readonly List<FakeTunnel> _tunnels = [];
    readonly StringWriter _log = new();
    CancellationTokenSource _stop = new();
    bool _isSocketRelative;
    Task _daemon = Task.CompletedTask;

    string Socket => Path.Combine(_directory, "s");

    string Hosts => Path.Combine(_directory, "hosts");

    string State(string name) => Path.Combine(_directory, "state", name);

    FakeTunnel Tunnel => _tunnels[^1];

    DaemonSettings Settings => new()
    {
        StateDirectory = Path.Combine(_directory, "state"), Socket = _isSocketRelative ? Path.GetRelativePath(Environment.CurrentDirectory, Socket) : Socket, KeyDirectory = Path.Combine(_directory, "keys"), HostsFile = Hosts,
    };

    async Task StartAsync()
    {
        _stop = new CancellationTokenSource();
        _daemon = Daemon.RunAsync(Settings, (_, _, _) =>
        {
            var tunnel = new FakeTunnel();
            _tunnels.Add(tunnel);
            return Task.FromResult<ITunnel>(tunnel);
        }, _ => null, TextWriter.Synchronized(_log), _stop.Token);
        while (!_daemon.IsCompleted && (await RunAsync("status")).Code == ExitCodes.Unreachable)
            await Task.Delay(10);
        if (_daemon.IsCompleted)
            await _daemon;
    }

    async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _daemon;
        _stop.Dispose();
    }

    async Task<(int Code, string Out, string Error)> RunAsync(params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var console = new CliConsole(output, error, new StringReader(""), name => name == "MESH_SOCKET" ? Socket : null);
        return (await MeshCli.RunAsync(arguments, console), output.ToString(), error.ToString());
    }

    async Task<StatusDocument> StatusAsync() =>
        JsonSerializer.Deserialize((await RunAsync("status", "--json")).Out, LocalJson.Default.StatusDocument)!;

    string Key(params string[] controllers) => _network.Credential(controllers).Export();

    async Task EventuallyAsync(Func<StatusDocument, bool> holds)
    {
        var last = await StatusAsync();
        for (var i = 0; i < 500 && !holds(last); i++)
        {
            await Task.Delay(20);
            last = await StatusAsync();
        }
        Assert.True(holds(last), JsonSerializer.Serialize(last, LocalJson.Default.StatusDocument));
    }

    [Fact]
    public async Task A_machine_joins_shows_itself_goes_down_comes_up_and_leaves()
    {
        File.WriteAllText(Hosts, "127.0.0.1 localhost\n");
        await using var controller = await FakeController.StartAsync(_network);
        await StartAsync();

        var up = await RunAsync("up", "--auth-key", Key(controller.Address), "--hostname", "laptop");

        Assert.Equal((0, ""), (up.Code, up.Error));
        Assert.Equal($"joined network {_network.Network} as laptop: 100.64.0.2 fd00::2\n", up.Out);
        Assert.Equal("laptop", controller.Enrollments[0].Hostname);
        Assert.Contains("100.64.0.20 peer-20 peer-20.mesh.internal\n", File.ReadAllText(Hosts));
        await EventuallyAsync(status => status.Controller == controller.Address);
        var status = await RunAsync("status");
        Assert.Equal(0, status.Code);
        Assert.Equal(
            "100.64.0.2   laptop   alice  linux  -\n100.64.0.20  peer-20  bob    linux  active; direct 192.0.2.20:51820, tx 5 rx 7\n"
            + "# Tunnel backend: fake (no packet filter in its path; no packet counters; tries endpoints one after the other; "
            + "no cipher suite but WireGuard's own; no path probes; sessions end where a key is rotated and are agreed anew)\n", status.Out);
        var json = await StatusAsync();
        Assert.Equal(("Running", 10L, "key-file", 3L), (json.BackendState, json.Revision, json.KeyWrapping, json.Drops["NoRoute"]));
        Assert.Equal(("fake", "DropCounters"), (json.Tunnel!.Backend, Assert.Single(json.Tunnel.Capabilities)));
        Assert.Equal([new FeatureDocument("send-segmentation", true, "64 segments"), new FeatureDocument("multi-queue", false, "one core")], json.Tunnel.Features);
        var device = JsonSerializer.Deserialize((await RunAsync("debug", "device", "--json")).Out, LocalJson.Default.DeviceDocument)!;
        Assert.Equal(("meshtest", 51820, 2, "peer-20"), (device.Interface, device.ListenPort, device.Restarts, Assert.Single(device.Peers).Name));
        var actors = JsonSerializer.Deserialize((await RunAsync("debug", "actors", "--json")).Out, LocalJson.Default.ActorReport)!;
        Assert.Contains(actors.Types, type => type is { Type: "ControlLink", Alive: 1, Messages: > 0 });
        Assert.Matches(@"(?m)^   ├─ control +ControlLink +(idle|busy) +\d+", (await RunAsync("debug", "actors")).Out);

        Assert.Equal(0, (await RunAsync("down")).Code);
        Assert.True(Tunnel.Disposed);
        Assert.Equal((1, "mesh: there is no device: mesh status says why\n"), ((await RunAsync("debug", "device")).Code, (await RunAsync("debug", "device")).Error));
        Assert.Equal((1, "mesh: there are no actors: mesh status says why\n"), ((await RunAsync("debug", "actors")).Code, (await RunAsync("debug", "actors")).Error));
        Assert.Equal("127.0.0.1 localhost\n", File.ReadAllText(Hosts));
        Assert.Equal(1, (await RunAsync("status")).Code);
        await StopAsync();
        await StartAsync();
        Assert.Equal("Stopped", (await StatusAsync()).BackendState);

        Assert.Equal(0, (await RunAsync("up")).Code);
        Assert.Equal("Running", (await StatusAsync()).BackendState);

        Assert.Equal(0, (await RunAsync("down")).Code);
        var logout = await RunAsync("logout");
        Assert.Equal((0, $"left network {_network.Network}\n"), (logout.Code, logout.Out));
        Assert.Equal($"CN={_network.Node}", Assert.Single(controller.Logouts));
        Assert.Equal([State("lock")], Directory.GetFiles(Path.Combine(_directory, "state")));
        Assert.Equal("NeedsLogin", (await StatusAsync()).BackendState);
    }

    [Fact]
    public async Task The_socket_may_be_named_from_where_it_is_started()
    {
        _isSocketRelative = true;
        await StartAsync();
        Assert.NotEqual(ExitCodes.Unreachable, (await RunAsync("status")).Code);
    }

    [Fact]
    public async Task With_no_controller_it_starts_with_what_it_had_and_takes_back_what_it_set()
    {
        await using (var controller = await FakeController.StartAsync(_network))
        {
            await StartAsync();
            Assert.Equal(0, (await RunAsync("up", "--auth-key", Key(controller.Address))).Code);
        }
        await StopAsync();
        Assert.DoesNotContain("mesh", File.ReadAllText(Hosts));
        File.AppendAllText(Hosts, "# BEGIN mesh mesh0\n1.2.3.4 stale stale.mesh.internal\n# END mesh mesh0\n");

        await StartAsync();

        await EventuallyAsync(status => status.BackendState == "Running");
        Assert.Equal("peer-20", Assert.Single(Tunnel.InForce!.Peers).Name);
        Assert.DoesNotContain("stale", File.ReadAllText(Hosts));
        await EventuallyAsync(status => status.Health.Any(line => line.Contains("no controller reachable") && line.Contains("connection refused")));
    }

    [Theory]
    [InlineData(RefusalCodes.Used, 77, "used already")]
    [InlineData(RefusalCodes.Expired, 77, "has expired")]
    [InlineData(RefusalCodes.Revoked, 77, "was revoked")]
    [InlineData(RefusalCodes.Unknown, 77, "does not know this credential")]
    [InlineData(RefusalCodes.ClockSkew, 77, "the words of the controller")]
    [InlineData(RefusalCodes.Malformed, 64, "cannot read the request")]
    [InlineData(RefusalCodes.Limited, 75, "too many attempts")]
    [InlineData(RefusalCodes.Unavailable, 69, "no controller could be reached")]
    public async Task Every_refusal_has_its_line_and_code_and_changes_nothing(string code, int exitCode, string words)
    {
        await using var controller = await FakeController.StartAsync(_network);
        controller.Enroll = (context, _) => FakeController.RefuseAsync(context, 403, code, "the words of the controller");
        await StartAsync();

        var up = await RunAsync("up", "--auth-key", Key(controller.Address));

        Assert.Equal(exitCode, up.Code);
        Assert.Contains(words, up.Error);
        Assert.Equal(1, up.Error.Count(character => character == '\n'));
        Assert.DoesNotContain(Key(controller.Address), up.Error + _log);
        Assert.Equal("NeedsLogin", (await StatusAsync()).BackendState);
        Assert.False(File.Exists(State("network.json")));
    }

    [Fact]
    public async Task A_cut_reply_is_asked_for_again_with_the_same_keys_also_by_a_later_command()
    {
        await using var controller = await FakeController.StartAsync(_network);
        var answer = controller.Enroll;
        controller.Enroll = (context, _) =>
        {
            context.Abort();
            return Task.CompletedTask;
        };
        await StartAsync();
        var cut = await RunAsync("up", "--auth-key", Key(controller.Address));
        Assert.Equal(69, cut.Code);
        await StopAsync();

        controller.Enroll = answer;
        await StartAsync();
        var again = await RunAsync("up", "--auth-key", Key(controller.Address));

        Assert.Equal(0, again.Code);
        Assert.Equal(3, controller.Enrollments.Count);
        Assert.Single(controller.Enrollments.Select(request => (request.SigningKey, request.TunnelKey)).Distinct());
    }

    [Fact]
    public async Task An_answer_that_does_not_lead_back_to_the_root_is_not_believed()
    {
        using var thief = new SigningNetwork(_network.Now, seed: 50);
        await using var controller = await FakeController.StartAsync(_network);
        await StartAsync();
        Func<EnrollRequest, EnrollReply>[] lies =
        [
            request => new EnrollReply(_network.Network, _network.Node, "laptop", thief.Root, _network.Issue(request.Request, TimeSpan.FromDays(1)), _network.Frame(_network.Full(), 10)),
            request => new EnrollReply(_network.Network, _network.Node, "laptop", _network.Root, _network.Issue(request.Request, TimeSpan.FromDays(1)), thief.Frame(thief.Full(), 10)),
            request => new EnrollReply(_network.Network, _network.Node, "laptop", _network.Root, [_network.Authority.RawData], _network.Frame(_network.Full(), 10)),
            request => new EnrollReply(_network.Network, _network.Node, "laptop", _network.Root, [], _network.Frame(_network.Full(), 10)),
        ];
        foreach (var lie in lies)
        {
            controller.Enroll = (context, request) => FakeController.AnswerAsync(context, lie(request));
            var up = await RunAsync("up", "--auth-key", Key(controller.Address));
            Assert.Equal(77, up.Code);
            Assert.Contains("the controller's answer is not believed", up.Error);
            Assert.False(File.Exists(State("network.json")));
        }
    }

    [Fact]
    public async Task A_foreign_controller_never_sees_the_secret_and_the_next_one_is_asked()
    {
        using var thief = new SigningNetwork(_network.Now, seed: 50);
        await using var foreign = await FakeController.StartAsync(_network, presented: thief);
        await using var controller = await FakeController.StartAsync(_network);
        await StartAsync();

        var alone = await RunAsync("up", "--auth-key", Key(foreign.Address));
        Assert.Equal(77, alone.Code);
        Assert.Contains("not the network of this credential", alone.Error);

        Assert.Equal(0, (await RunAsync("up", "--auth-key", Key(foreign.Address, controller.Address))).Code);
        Assert.Empty(foreign.Enrollments);
    }

    [Fact]
    public async Task Maps_are_acknowledged_over_the_wire_and_a_removal_takes_the_tunnel_down()
    {
        await using var controller = await FakeController.StartAsync(_network);
        await StartAsync();
        await RunAsync("up", "--auth-key", Key(controller.Address));
        Assert.Equal(10, (await controller.Up.Reader.ReadAsync()).Attach!.Revision);

        await controller.Down.Writer.WriteAsync(new DownFrame(Map: _network.Frame(_network.Full(SigningNetwork.Peer(21)), 11)));
        UpFrame up;
        while ((up = await controller.Up.Reader.ReadAsync()).Ack is null)
            Assert.NotNull(up.Hint);
        Assert.Equal(11, up.Ack!.Revision);
        Assert.Equal("peer-21", Assert.Single(Tunnel.InForce!.Peers).Name);
        Assert.Contains("peer-21", File.ReadAllText(Hosts));

        await controller.Down.Writer.WriteAsync(new DownFrame(Map: _network.Frame(new MapLeaf(_network.Node, Removal: new MapRemoval("revoked")), 12)));
        await EventuallyAsync(status => status.BackendState == "Stopped");
        Assert.Null(Tunnel.InForce);
        var status = await RunAsync("status");
        Assert.Equal(1, status.Code);
        Assert.Contains("# Health check:\n#     - this node was taken out of the network (revoked)", status.Out);
        Assert.DoesNotContain("peer-21", File.ReadAllText(Hosts));
        Assert.Equal(77, (await RunAsync("up", "--auth-key", Key(controller.Address))).Code);
        Assert.Equal(77, (await RunAsync("up")).Code);
    }

    [Theory]
    [InlineData("map.json", "is damaged: remove it (rm ")]
    [InlineData("network.json", "is damaged: restore it from a backup")]
    [InlineData("identity.json", "is damaged: restore it from a backup")]
    public async Task A_damaged_file_stops_the_start_with_one_line(string name, string words)
    {
        await using (var controller = await FakeController.StartAsync(_network))
        {
            await StartAsync();
            Assert.Equal(0, (await RunAsync("up", "--auth-key", Key(controller.Address))).Code);
        }
        await StopAsync();
        var bytes = File.ReadAllBytes(State(name));
        File.WriteAllBytes(State(name), bytes[..^20]);

        var failure = await Assert.ThrowsAsync<MeshFailureException>(StartAsync);

        Assert.Equal(78, failure.ExitCode);
        Assert.Contains(words, failure.Message);
        File.WriteAllBytes(State(name), bytes);
        await StartAsync();
        await EventuallyAsync(status => status.BackendState == "Running");
    }

    [Theory, InlineData("state/identity.json"), InlineData("keys/wrapping.key")]
    public async Task A_key_that_others_can_read_stops_the_start_with_one_line(string name)
    {
        await using var controller = await FakeController.StartAsync(_network);
        await StartAsync();
        Assert.Equal(0, (await RunAsync("up", "--auth-key", Key(controller.Address))).Code);
        await StopAsync();
        File.SetUnixFileMode(Path.Combine(_directory, name), (UnixFileMode)Convert.ToInt32("644", 8));

        var failure = await Assert.ThrowsAsync<MeshFailureException>(StartAsync);

        Assert.Equal(78, failure.ExitCode);
        Assert.Contains("is open to others (mode 0644): chmod 600", failure.Message);
    }

    [Fact]
    public async Task A_second_daemon_on_the_same_state_is_refused_and_the_first_goes_on()
    {
        await StartAsync();

        var failure = await Assert.ThrowsAsync<MeshFailureException>(() => Daemon.RunAsync(
            Settings with { Socket = Socket + "2" }, (_, _, _) => throw new IOException(), _ => null, TextWriter.Null, CancellationToken.None));

        Assert.Contains("another daemon uses the state directory", failure.Message);
        Assert.Equal("NeedsLogin", (await StatusAsync()).BackendState);
    }

    [Kit.RequiresRootFact("mount")]
    public async Task On_a_full_disk_a_join_says_so_and_succeeds_once_there_is_room()
    {
        await using var controller = await FakeController.StartAsync(_network);
        Directory.CreateDirectory(State(""));
        await RunProgramAsync("mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", State(""));
        try
        {
            await StartAsync();
            var filler = new byte[4096];
            await Assert.ThrowsAsync<IOException>(async () =>
            {
                await using var file = new FileStream(State("filler"), FileMode.Create, FileAccess.Write, FileShare.None, 1);
                while (true)
                    await file.WriteAsync(filler);
            });

            var full = await RunAsync("up", "--auth-key", Key(controller.Address));

            Assert.Equal(75, full.Code);
            Assert.Contains("no space left on the device", full.Error);
            Assert.Empty(controller.Enrollments);
            File.Delete(State("filler"));
            Assert.Equal(0, (await RunAsync("up", "--auth-key", Key(controller.Address))).Code);
            await StopAsync();
        }
        finally
        {
            await RunProgramAsync("umount", "-l", State(""));
        }
    }

    static async Task RunProgramAsync(string program, params string[] arguments)
    {
        using var process = System.Diagnostics.Process.Start(program, arguments);
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (!_daemon.IsCompleted)
            await StopAsync();
        _network.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
