using System.Net.Sockets;
using System.Text;
using Mesh.Node;
using Mesh.Node.Uapi;
using Mesh.Protocol.Uapi;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mesh.Tests.Node.Uapi;

/// <summary>The socket and what is said on it, with a device that only keeps the configuration.</summary>
public sealed class UapiServerTests : IAsyncLifetime
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    readonly DirectoryInfo _parent = Directory.CreateTempSubdirectory("uapi-");
    readonly CancellationTokenSource _stop = new();
    readonly KeepingDevice _device = new();
    UapiSocket _socket = null!;
    Task _serving = Task.CompletedTask;

    string Folder => Path.Combine(_parent.FullName, "wireguard");

    string SocketPath => Path.Combine(Folder, "wg7.sock");

    public Task InitializeAsync()
    {
        _socket = UapiSocket.Bind(Folder, "wg7");
        _serving = new UapiServer(_socket.Listener, _device, UapiScopes.Numeric, NullLogger.Instance).RunAsync(_stop.Token);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving.WaitAsync(Patience);
        _socket.Dispose();
        _parent.Delete(recursive: true);
        _stop.Dispose();
    }

    [Fact]
    public async Task SeveralRequestsAreAnsweredOnOneConnection()
    {
        using var connection = await ConnectAsync();
        Assert.Equal("errno=0\n\n", await AskAsync(connection, "get=1\n\n"));
        Assert.Equal("errno=0\n\n", await AskAsync(connection, "set=1\nlisten_port=51820\n\n"));
        Assert.Equal("errno=-22\n\n", await AskAsync(connection, "set=1\nfwmark=7\nlisten_port=x\n\n"));
        Assert.Equal("listen_port=51820\nfwmark=7\nerrno=0\n\n", await AskAsync(connection, "get=1\n\n"));
        Assert.Equal("errno=0\n\n" + "listen_port=51820\nfwmark=8\nerrno=0\n\n",
            await AskAsync(connection, "set=1\nfwmark=8\n\nget=1\n\n", answers: 2));
    }

    [Fact]
    public async Task ARequestMayArriveInPieces()
    {
        using var connection = await ConnectAsync();
        foreach (var piece in new[] { "se", "t=1\nlisten_", "port=5\n" })
            await connection.SendAsync(Encoding.Latin1.GetBytes(piece));
        Assert.Equal("errno=0\n\n", await AskAsync(connection, "\n"));
        Assert.Equal(5, _device.Configuration.ListenPort);
    }

    [Fact]
    public async Task ARequestThatIsCutOffChangesNothing()
    {
        using (var connection = await ConnectAsync())
        {
            await connection.SendAsync("set=1\nlisten_port=5\n"u8.ToArray());
            connection.Shutdown(SocketShutdown.Send);
            Assert.Equal("", await ReadAsync(connection, 1));
        }

        Assert.Equal(0, _device.Configuration.ListenPort);
    }

    [Theory]
    [InlineData("get=2\n\n")]
    [InlineData("nonsense\n")]
    [InlineData("\n")]
    public async Task WhatIsNoRequestClosesTheConnection(string text)
    {
        using var connection = await ConnectAsync();
        Assert.Equal("", await AskAsync(connection, text));
    }

    [Fact]
    public async Task ALargeRequestFits()
    {
        StringBuilder lines = new("set=1\npublic_key=" + new string('a', 64) + "\n");
        for (var i = 0; i < 130_560; i++)
            lines.Append($"allowed_ip={i >> 8:x}:{i & 255:x}::/32\n");
        using var connection = await ConnectAsync();
        Assert.Equal("errno=0\n\n", await AskAsync(connection, lines.Append('\n').ToString()));
        Assert.Equal(130_560, _device.Configuration.Peers[0].AllowedIps.Length);
        var answer = await AskAsync(connection, "get=1\n\n");
        Assert.Equal(130_560, answer.Split("allowed_ip=").Length - 1);
    }

    [Fact]
    public void OnlyTheOwnerMayConnect()
    {
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SocketPath));
        Assert.Equal((UnixFileMode)0, File.GetUnixFileMode(Folder) & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite));
    }

    [Fact]
    public void ALiveSocketIsRefusedAndStaysAndAStaleOneIsReplaced()
    {
        var failure = Assert.Throws<MeshFailureException>(() => UapiSocket.Bind(Folder, "wg7"));
        Assert.Equal(ExitCodes.Failed, failure.ExitCode);
        Assert.Contains(SocketPath, failure.Message);
        Assert.True(File.Exists(SocketPath));

        var stale = Path.Combine(Folder, "wg8.sock");
        using (Socket crashed = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
            crashed.Bind(new BareUnixEndPoint(stale));
        Assert.True(File.Exists(stale));
        using (UapiSocket.Bind(Folder, "wg8"))
            Assert.True(File.Exists(stale));
        Assert.False(File.Exists(stale));
    }

    [Fact]
    public async Task DeletingTheSocketIsNoticedAndTheNextOwnersNameIsLeftAlone()
    {
        File.Delete(SocketPath);
        await _socket.Deleted.WaitAsync(Patience);
        using var next = UapiSocket.Bind(Folder, "wg7");
        _socket.Dispose();
        Assert.True(File.Exists(SocketPath));
    }

    async Task<Socket> ConnectAsync()
    {
        Socket connection = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await connection.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath));
        return connection;
    }

    static async Task<string> AskAsync(Socket connection, string request, int answers = 1)
    {
        var bytes = Encoding.Latin1.GetBytes(request);
        for (var sent = 0; sent < bytes.Length;)
            sent += await connection.SendAsync(bytes.AsMemory(sent));
        return await ReadAsync(connection, answers);
    }

    // Up to the empty line of the last answer, or the end.
    static async Task<string> ReadAsync(Socket connection, int answers)
    {
        using CancellationTokenSource patience = new(Patience);
        StringBuilder text = new();
        var buffer = new byte[65536];
        var lines = 0;
        while (lines < answers)
        {
            var read = await connection.ReceiveAsync(buffer, patience.Token);
            if (read == 0)
                break;
            text.Append(Encoding.Latin1.GetString(buffer, 0, read));
            if (text.Length >= 2 && text[^1] == '\n' && text[^2] == '\n')
                lines = text.ToString().Split("\n\n").Length - 1;
        }

        return text.ToString();
    }

    sealed class KeepingDevice : IUapiDevice
    {
        public UapiConfiguration Configuration { get; private set; } = UapiConfiguration.Empty;

        public Task<int> SetAsync(UapiSetRequest request)
        {
            Configuration = Configuration.Apply(request.Operations);
            return Task.FromResult(request.Errno);
        }

        public UapiDevice Get() => new(null, Configuration.ListenPort, Configuration.FirewallMark,
            [.. Configuration.Peers.Select(p => new UapiPeerStatus { Key = p.Key, AllowedIps = p.AllowedIps })]);
    }
}
