using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Mesh.Node.Service;

/// <summary>
/// Tells the service manager how the daemon is (sd_notify(3)): one datagram to the socket in <c>NOTIFY_SOCKET</c>; without one,
/// nothing. Safe for concurrent use.
/// </summary>
sealed class ServiceManager : IDisposable
{
    readonly Socket? _socket;

    /// <summary>Reads <c>NOTIFY_SOCKET</c>, <c>WATCHDOG_USEC</c> and <c>WATCHDOG_PID</c>.</summary>
    public ServiceManager(Func<string, string?> environment)
    {
        if (environment("NOTIFY_SOCKET") is not { Length: > 1 } path)
            return;
        _socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        try
        {
            // A leading @ stands for the zero byte of an abstract name (unix(7)).
            _socket.Connect(new UnixDomainSocketEndPoint(path[0] == '@' ? string.Concat("\0", path.AsSpan(1)) : path));
        }
        catch (SocketException)
        {
            _socket.Dispose();
            _socket = null;
            return;
        }
        var forUs = environment("WATCHDOG_PID") is not { } pid || pid == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        if (forUs && long.TryParse(environment("WATCHDOG_USEC"), CultureInfo.InvariantCulture, out var microseconds) && microseconds > 0)
            WatchdogInterval = TimeSpan.FromMicroseconds(microseconds / 2.0);
    }

    /// <summary>Gets how often a sign of life is due: half of what the service manager waits; null: never.</summary>
    public TimeSpan? WatchdogInterval { get; }

    /// <summary>Says that the daemon serves.</summary>
    public void Ready() => Send("READY=1");

    /// <summary>Says that the daemon goes.</summary>
    public void Stopping() => Send("STOPPING=1");

    /// <summary>Gives a sign of life.</summary>
    public void Alive() => Send("WATCHDOG=1");

    /// <summary>Says in one line how things are.</summary>
    public void Status(string line) => Send($"STATUS={line}");

    /// <inheritdoc/>
    public void Dispose() => _socket?.Dispose();

    void Send(string state)
    {
        try
        {
            _socket?.Send(Encoding.UTF8.GetBytes(state));
        }
        catch (SocketException gone)
        {
            // A service manager that is gone needs no notice.
            _ = gone;
        }
    }
}
