using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Mesh.Controller.Hosting;

/// <summary>
/// Tells the service manager how the service is doing, by the datagrams of sd_notify(3); does nothing where none listens. Failing to
/// notify never fails the service.
/// </summary>
sealed class SystemdNotifier : IDisposable
{
    readonly Socket? _socket;
    readonly UnixDomainSocketEndPoint? _target;

    /// <summary>Reads <c>NOTIFY_SOCKET</c>, <c>WATCHDOG_USEC</c> and <c>WATCHDOG_PID</c>.</summary>
    public SystemdNotifier(Func<string, string?> environment)
    {
        var path = environment("NOTIFY_SOCKET");
        // '@' stands for the zero byte that begins a name in the abstract namespace.
        if (path is not { Length: > 1 } || path[0] is not ('/' or '@'))
            return;
        _socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        _target = new UnixDomainSocketEndPoint(path[0] == '@' ? "\0" + path[1..] : path);
        if (long.TryParse(environment("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture, out var microseconds)
            && microseconds > 0
            && (environment("WATCHDOG_PID") is not { Length: > 0 } pid
                || pid == Environment.ProcessId.ToString(CultureInfo.InvariantCulture)))
            WatchdogInterval = TimeSpan.FromMicroseconds(microseconds / 2.0);
    }

    /// <summary>Gets how often <see cref="Alive"/> is wanted: half of what the manager waits; null: not at all.</summary>
    public TimeSpan? WatchdogInterval { get; }

    /// <summary>Says that the service is up.</summary>
    public void Ready(string status) => Send($"READY=1\nSTATUS={status}\n");

    /// <summary>Says that the service is going down on purpose.</summary>
    public void Stopping() => Send("STOPPING=1\nSTATUS=stopping\n");

    /// <summary>Says that the service still works.</summary>
    public void Alive() => Send("WATCHDOG=1\n");

    /// <inheritdoc/>
    public void Dispose() => _socket?.Dispose();

    void Send(string state)
    {
        if (_socket is null || _target is null)
            return;
        try
        {
            _socket.SendTo(Encoding.UTF8.GetBytes(state), _target);
        }
        catch (SocketException)
        {
            // A manager that went away is no reason to go too.
        }
    }
}
