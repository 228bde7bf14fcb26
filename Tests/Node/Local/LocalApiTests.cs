using System.Diagnostics;
using Mesh.Node;
using Mesh.Node.Local;

namespace Mesh.Tests.Node.Local;

public sealed class LocalApiTests : IDisposable
{
    const UnixFileMode Everybody = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    readonly string _directory = Directory.CreateTempSubdirectory("mesh-local-").FullName;
    readonly Commands _commands = new();

    string Socket => Path.Combine(_directory, "s");

    public LocalApiTests() =>
        File.SetUnixFileMode(_directory, (UnixFileMode)Convert.ToInt32("755", 8));

    [Kit.RequiresRootFact("setpriv", "curl")]
    public async Task Others_may_look_where_the_socket_lets_them_and_change_nothing()
    {
        await using (await LocalApi.StartAsync(Socket, Everybody, _commands, CancellationToken.None))
        {
            Assert.Equal("200", await AskAsNobodyAsync("GET", "/v1/status"));
            Assert.Equal("200", await AskAsNobodyAsync("GET", "/v1/debug/device"));
            Assert.Equal("403", await AskAsNobodyAsync("POST", "/v1/down"));
            Assert.Equal("403", await AskAsNobodyAsync("POST", "/v1/up"));
            Assert.Equal("403", await AskAsNobodyAsync("POST", "/v1/logout"));
            Assert.Equal(0, _commands.Downs);
            using var client = new LocalClient(Socket);
            Assert.Equal("done", (await client.PostAsync("/v1/down", CancellationToken.None)).Message);
            Assert.Equal(1, _commands.Downs);
        }
        Assert.False(File.Exists(Socket));
    }

    [Fact]
    public async Task The_socket_has_the_mode_it_is_given_and_one_left_by_a_crash_makes_room()
    {
        await using (await LocalApi.StartAsync(Socket, UnixFileMode.UserRead | UnixFileMode.UserWrite, _commands, CancellationToken.None))
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Socket));
            var failure = Assert.Throws<MeshFailureException>(() => LocalSocket.Prepare(Socket));
            Assert.Contains("another daemon listens on", failure.Message);
        }
        using (var left = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, 0))
            left.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(Socket + "2"));
        LocalSocket.Prepare(Socket + "2");
        Assert.False(File.Exists(Socket + "2"));
    }

    [Theory, InlineData(0u, true), InlineData(1000u, true), InlineData(1001u, false)]
    public void Root_and_the_daemons_user_may_change_things(uint user, bool may) =>
        Assert.Equal(may, new PeerCredentials(1, user, user).MayChange(owner: 1000));

    async Task<string> AskAsNobodyAsync(string method, string path)
    {
        var start = new ProcessStartInfo("setpriv")
        {
            RedirectStandardOutput = true,
            ArgumentList =
            {
                "--reuid", "65534", "--regid", "65534", "--clear-groups", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", method,
                "--unix-socket", Socket, $"http://mesh.local{path}",
            },
        };
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output;
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    sealed class Commands : ILocalCommands
    {
        public int Downs { get; private set; }

        public Task<StatusDocument> StatusAsync(CancellationToken cancel) => Task.FromResult(new StatusDocument(
            "1", "Running", "mesh0", 1, null, null, 0, 0, null, null, null, null, [], [], new Dictionary<string, long>()));

        public Task<DeviceDocument> DeviceAsync(CancellationToken cancel) =>
            Task.FromResult(new DeviceDocument("mesh0", 1, new TunnelDocument("managed", [], [], []), 0, new Dictionary<string, long>(), []));

        public Task<ActorReport> ActorsAsync(CancellationToken cancel) => Task.FromResult(
            new ActorReport("mesh", new ActorEntry("", "Root", ActorActivity.Awaiting, 0, 0, 0, 0, 0, []), []));

        public Task<UpReply> UpAsync(UpRequest request, CancellationToken cancel) => Task.FromResult(new UpReply("a", "b", [], false));

        public Task<DoneReply> DownAsync(CancellationToken cancel)
        {
            Downs++;
            return Task.FromResult(new DoneReply("done"));
        }

        public Task<RotationReply> RotateKeysAsync(CancellationToken cancel) => Task.FromResult(new RotationReply("old", "new", true));

        public Task<DoneReply> LogoutAsync(CancellationToken cancel) => Task.FromResult(new DoneReply("done"));
    }
}
