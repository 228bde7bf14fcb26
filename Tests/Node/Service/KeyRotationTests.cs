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

/// <summary>A daemon that changes its tunnel key: its command line, files and requests, cut short at every point.</summary>
public sealed class KeyRotationTests : IAsyncLifetime
{
    readonly string _directory = Directory.CreateTempSubdirectory("mesh-rotate-").FullName;
    readonly SigningNetwork _network = new(WallTime.From(DateTimeOffset.UtcNow));
    readonly StringWriter _log = new();
    FakeController _controller = null!;
    FakeTunnel _tunnel = null!;
    CancellationTokenSource _stop = new();
    Task _daemon = Task.CompletedTask;
    long _revision = 10;

    string Socket => Path.Combine(_directory, "s");

    string Next => Path.Combine(_directory, "state", "identity-next.json");

    public async Task InitializeAsync()
    {
        _controller = await FakeController.StartAsync(_network);
        await StartAsync();
        Assert.Equal(0, (await RunAsync("up", "--auth-key", _network.Credential(_controller.Address).Export())).Code);
        await BeHeardAsync();
    }

    public async Task DisposeAsync()
    {
        await StopAsync();
        await _controller.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task The_verb_changes_the_key_and_answers_under_both_before_and_after()
    {
        var before = await KeyAsync();
        (string, string?)? during = null;
        _controller.RotateKey = (_, _) =>
        {
            during = (Text(_tunnel.Keys!.Value.Key), Text(_tunnel.Keys.Value.Alternate));
            Assert.Equal("600", Convert.ToString((int)File.GetUnixFileMode(Next), 8));
            return Task.CompletedTask;
        };
        var rotated = await RunAsync("rotate-keys", "--json");
        Assert.Equal((0, ""), (rotated.Code, rotated.Error));
        var reply = JsonSerializer.Deserialize(rotated.Out, LocalJson.Default.RotationReply)!;
        Assert.Equal((before, false), (reply.FormerKey, reply.SessionsGoOn));
        Assert.NotEqual(before, reply.PublicKey);
        Assert.Equal((before, reply.PublicKey), during);
        Assert.Equal((reply.PublicKey, before), (Text(_tunnel.Keys!.Value.Key), Text(_tunnel.Keys.Value.Alternate)));
        Assert.Equal(reply.PublicKey, await KeyAsync());
        Assert.False(File.Exists(Next));
        var request = Assert.Single(_controller.Rotations);
        Assert.Equal((before, reply.PublicKey), (Text(request.FormerKey), Text(request.TunnelKey)));

        var again = await RunAsync("rotate-keys");
        Assert.Equal(0, again.Code);
        Assert.StartsWith($"rotated {reply.PublicKey} to ", again.Out);
        var last = await KeyAsync();
        await RestartAsync();
        Assert.Equal(last, await KeyAsync());
        Assert.DoesNotContain("PRIVATE", _log.ToString());
        Assert.Contains($"the tunnel key {before} was rotated: it is {reply.PublicKey} now", _log.ToString());
    }

    [Fact]
    public async Task Detached_down_and_unenrolled_each_have_their_line_and_change_nothing()
    {
        var before = await KeyAsync();
        await _controller.DisposeAsync();
        await EventuallyAsync(status => status.Controller is null);
        await AssertRefusedAsync(69, "no controller is attached, so peers cannot be told: nothing was changed; mesh status says why");
        Assert.Equal((before, false), (await KeyAsync(), File.Exists(Next)));
        await RunAsync("down");
        await AssertRefusedAsync(1, "the tunnel is down: mesh up, then mesh rotate-keys");
        await RunAsync("logout");
        await AssertRefusedAsync(1, "this machine belongs to no network: it has no key to rotate");
    }

    [Fact]
    public async Task A_refusal_leaves_everything_as_it_was()
    {
        var before = await KeyAsync();
        _controller.RotateKey = (context, _) => FakeController.RefuseAsync(context, 403, "node-expired", "its time is over");
        await AssertRefusedAsync(77, "the controller refuses (node-expired): its time is over; the key is the same as before");
        Assert.Equal((before, null), (Text(_tunnel.Keys!.Value.Key), _tunnel.Keys.Value.Alternate));
        Assert.Equal((before, false), (await KeyAsync(), File.Exists(Next)));
        _controller.RotateKey = null;
        Assert.Equal(0, (await RunAsync("rotate-keys")).Code);
    }

    [Fact]
    public async Task An_answer_that_was_lost_is_asked_for_again_with_the_same_key()
    {
        var before = await KeyAsync();
        var lost = 2;
        _controller.RotateKey = (context, _) =>
        {
            if (Interlocked.Decrement(ref lost) >= 0)
                context.Abort();
            return Task.CompletedTask;
        };
        var open = await RunAsync("rotate-keys");
        Assert.Equal(75, open.Code);
        Assert.Contains("the node goes on with it by itself", open.Error);
        // Whichever of the two the peers know, it is answered.
        Assert.Equal(before, Text(_tunnel.Keys!.Value.Key));
        Assert.Equal(Text(_controller.Rotations[0].TunnelKey), Text(_tunnel.Keys.Value.Alternate));
        await EventuallyAsync(status => status.Self!.PublicKey != before);
        Assert.Single(_controller.Rotations.Distinct());
        Assert.Equal(Text(_controller.Rotations[0].TunnelKey), await KeyAsync());
        Assert.False(File.Exists(Next));
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Killed_before_or_after_the_controller_had_it_the_next_start_settles_on_the_controllers_key(bool committed)
    {
        var before = await KeyAsync();
        TaskCompletionSource reached = new();
        _controller.RotateKey = (context, _) =>
        {
            reached.SetResult();
            return Task.Delay(Timeout.Infinite, context.RequestAborted);
        };
        var cut = RunAsync("rotate-keys");
        await reached.Task;
        // What a kill at this moment leaves: the files as they are now.
        var kept = File.ReadAllBytes(Next);
        var identity = File.ReadAllBytes(Path.Combine(_directory, "state", "identity.json"));
        await StopAsync();
        await cut;
        File.WriteAllBytes(Next, kept);
        File.SetUnixFileMode(Next, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllBytes(Path.Combine(_directory, "state", "identity.json"), identity);

        _controller.RotateKey = null;
        if (!committed)
            _controller.RotateKey = (context, _) => FakeController.RefuseAsync(context, 409, "key-changed", "no");
        var asked = _controller.Rotations.Count;
        await StartAsync();
        // Before anybody was asked both are answered.
        Assert.Equal((before, Text(_controller.Rotations[0].TunnelKey)), (Text(_tunnel.Keys!.Value.Key), Text(_tunnel.Keys.Value.Alternate)));
        Assert.Null((await AttachedAsync()).TunnelKey);
        await BeHeardAsync();
        await EventuallyAsync(_ => !File.Exists(Next));
        Assert.Equal(_controller.Rotations[0], _controller.Rotations[asked]);
        var settled = committed ? Text(_controller.Rotations[0].TunnelKey) : before;
        Assert.Equal(settled, await KeyAsync());
        await RestartAsync();
        Assert.Equal(settled, await KeyAsync());
        Assert.Equal(settled, Text((await AttachedAsync()).TunnelKey));
    }

    [Fact]
    public async Task Killed_between_the_two_files_it_starts_with_the_new_key_and_asks_nobody()
    {
        Assert.Equal(0, (await RunAsync("rotate-keys")).Code);
        var key = await KeyAsync();
        await StopAsync();
        File.Copy(Path.Combine(_directory, "state", "identity.json"), Next);
        await StartAsync();
        await BeHeardAsync();
        Assert.Equal(key, await KeyAsync());
        Assert.False(File.Exists(Next));
        Assert.Single(_controller.Rotations);
    }

    [Fact]
    public async Task A_next_key_that_cannot_be_read_is_given_up_and_the_controller_hears_which_one_there_is()
    {
        var before = await KeyAsync();
        await StopAsync();
        File.WriteAllText(Next, "{}");
        File.SetUnixFileMode(Next, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await StartAsync();
        Assert.Equal(before, Text((await AttachedAsync()).TunnelKey));
        Assert.Equal((before, false), (await KeyAsync(), File.Exists(Next)));
        Assert.Contains("the next tunnel key cannot be used and is given up", _log.ToString());
    }

    [Theory]
    [InlineData("off", null)]
    [InlineData("1m", 60)]
    [InlineData("12h", 12 * 3600)]
    [InlineData("30d", 30 * 86_400)]
    public void An_interval_is_off_or_a_time(string text, int? seconds) =>
        Assert.Equal(seconds, (int?)new DaemonSettings().With("key-rotation", text).KeyRotation?.TotalSeconds);

    [Theory, InlineData(""), InlineData("30"), InlineData("59s"), InlineData("0m"), InlineData("-1d"), InlineData("99999d"), InlineData("1.5h")]
    public void Any_other_interval_is_refused(string text) =>
        Assert.Throws<FormatException>(() => new DaemonSettings().With("key-rotation", text));

    static string Text(Protocol.Identity.TunnelPublicKey? key) => key?.ToString()!;

    async Task AssertRefusedAsync(int code, string line)
    {
        var refused = await RunAsync("rotate-keys");
        Assert.Equal((code, $"mesh: {line}\n", ""), (refused.Code, refused.Error, refused.Out));
    }

    async Task<string> KeyAsync() => (await StatusAsync()).Self!.PublicKey!;

    async Task<AttachFrame> AttachedAsync()
    {
        AttachFrame? last = null;
        while (last is null || _controller.Up.Reader.Count > 0)
            last = (await _controller.Up.Reader.ReadAsync()).Attach ?? last;
        return last;
    }

    // Until the controller has said something on the stream, the node does not take it that it has been heard.
    async Task BeHeardAsync()
    {
        await EventuallyAsync(status => status.Controller is not null);
        await _controller.Down.Writer.WriteAsync(new DownFrame(Map: _network.Frame(_network.Full(SigningNetwork.Peer(20)), ++_revision)));
        await EventuallyAsync(status => status.Revision == _revision);
    }

    async Task RestartAsync()
    {
        await StopAsync();
        while (_controller.Up.Reader.TryRead(out _))
        {
            // What earlier starts said.
        }
        await StartAsync();
    }

    async Task StartAsync()
    {
        while (_controller.Up.Reader.TryRead(out _))
        {
            // What earlier starts said.
        }
        _stop = new CancellationTokenSource();
        _daemon = Daemon.RunAsync(
            new DaemonSettings
            {
                StateDirectory = Path.Combine(_directory, "state"), Socket = Socket, KeyDirectory = Path.Combine(_directory, "keys"),
                HostsFile = Path.Combine(_directory, "hosts"),
            },
            (_, _, _) => Task.FromResult<ITunnel>(_tunnel = new FakeTunnel()), _ => null, TextWriter.Synchronized(_log), _stop.Token);
        while (!_daemon.IsCompleted && (await RunAsync("status")).Code == ExitCodes.Unreachable)
            await Task.Delay(10);
        if (_daemon.IsCompleted)
            await _daemon;
        await EventuallyAsync(status => status.BackendState is not "Starting");
    }

    async Task StopAsync()
    {
        if (_stop.IsCancellationRequested)
            return;
        await _stop.CancelAsync();
        await _daemon;
    }

    async Task<(int Code, string Out, string Error)> RunAsync(params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var console = new CliConsole(output, error, new StringReader(""), name => name == "MESH_SOCKET" ? Socket : null);
        return (await MeshCli.RunAsync(arguments, console), output.ToString(), error.ToString());
    }

    async Task<StatusDocument> StatusAsync() =>
        JsonSerializer.Deserialize((await RunAsync("status", "--json")).Out, LocalJson.Default.StatusDocument)!;

    async Task EventuallyAsync(Func<StatusDocument, bool> holds)
    {
        var last = await StatusAsync();
        for (var i = 0; i < 500 && !holds(last); i++)
        {
            await Task.Delay(20);
            last = await StatusAsync();
        }
        Assert.True(holds(last), JsonSerializer.Serialize(last, LocalJson.Default.StatusDocument) + _log);
    }
}
