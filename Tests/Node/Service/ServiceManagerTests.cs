using System.Net.Sockets;
using System.Text;
using Mesh.Node.Service;

namespace Mesh.Tests.Node.Service;

public sealed class ServiceManagerTests : IDisposable
{
    readonly string _directory = Directory.CreateTempSubdirectory("mesh-notify-").FullName;

    [Theory, InlineData(false), InlineData(true)]
    public void It_says_ready_alive_and_stopping_by_datagram(bool isAbstract)
    {
        var path = isAbstract ? $"@{_directory}" : Path.Combine(_directory, "notify");
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint(isAbstract ? "\0" + _directory : path));
        var environment = new Dictionary<string, string> { ["NOTIFY_SOCKET"] = path, ["WATCHDOG_USEC"] = "60000000" };
        using var service = new ServiceManager(environment.GetValueOrDefault);

        service.Ready();
        service.Alive();
        service.Stopping();

        var buffer = new byte[100];
        foreach (var expected in new[] { "READY=1", "WATCHDOG=1", "STOPPING=1" })
            Assert.Equal(expected, Encoding.ASCII.GetString(buffer, 0, manager.Receive(buffer)));
        Assert.Equal(TimeSpan.FromSeconds(30), service.WatchdogInterval);
    }

    [Fact]
    public void A_watchdog_for_another_process_and_a_missing_manager_are_left_alone()
    {
        using var none = new ServiceManager(_ => null);
        none.Ready();
        Assert.Null(none.WatchdogInterval);
        var gone = new Dictionary<string, string> { ["NOTIFY_SOCKET"] = Path.Combine(_directory, "gone"), ["WATCHDOG_USEC"] = "1000000", ["WATCHDOG_PID"] = "1" };
        using var deaf = new ServiceManager(gone.GetValueOrDefault);
        deaf.Ready();
        Assert.Null(deaf.WatchdogInterval);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
