using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Mesh.Node.Uapi;

/// <summary>
/// The listening socket <c>/var/run/wireguard/IFNAME.sock</c>, mode 0600, where tools look for userspace devices. Disposing removes it.
/// </summary>
sealed partial class UapiSocket : IDisposable
{
    /// <summary>The folder that tools look in.</summary>
    public const string StandardFolder = "/var/run/wireguard";

    readonly FileSystemWatcher _watcher;
    readonly TaskCompletionSource _deleted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly string _path;
    bool _disposed;

    UapiSocket(Socket listener, string path)
    {
        (Listener, _path) = (listener, path);
        _watcher = new FileSystemWatcher(Path.GetDirectoryName(path)!, Path.GetFileName(path)) { NotifyFilter = NotifyFilters.FileName };
        _watcher.Deleted += (_, _) => _deleted.TrySetResult();
        _watcher.Renamed += (_, _) => NoteMissing();
        _watcher.Error += (_, _) => NoteMissing();
        _watcher.EnableRaisingEvents = true;
        NoteMissing();
    }

    /// <summary>Accepts connections.</summary>
    public Socket Listener { get; }

    /// <summary>Completes when somebody deletes the socket: the way to ask a device to end.</summary>
    public Task Deleted => _deleted.Task;

    /// <summary>Listens; a socket that a crash left is replaced.</summary>
    /// <exception cref="MeshFailureException">Somebody listens there, or the system refuses.</exception>
    public static UapiSocket Bind(string folder, string interfaceName)
    {
        var path = Path.Combine(folder, interfaceName + ".sock");
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            Directory.CreateDirectory(folder, (UnixFileMode)0b111_101_101);
            RemoveStale(path);
            // The mode is right from the first moment on: nobody may connect before it is set.
            var mask = umask(0b001_111_111);
            try
            {
                listener.Bind(new BareUnixEndPoint(path));
            }
            finally
            {
                _ = umask(mask);
            }

            listener.Listen();
            return new UapiSocket(listener, path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or SocketException)
        {
            listener.Dispose();
            throw new MeshFailureException(ExitCodes.Failed, $"cannot listen on {path}: {failure.Message}", failure);
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _watcher.Dispose();
        Listener.Dispose();
        // Deleted by somebody else, the name may by now be another device's.
        if (!_deleted.Task.IsCompleted)
            File.Delete(_path);
    }

    void NoteMissing()
    {
        if (!File.Exists(_path))
            _deleted.TrySetResult();
    }

    static void RemoveStale(string path)
    {
        if (!File.Exists(path))
            return;
        using Socket probe = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException refused) when (refused.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }

        throw new MeshFailureException(ExitCodes.Failed, $"another program serves {path}: end it, or choose another interface name");
    }

    [LibraryImport("libc")]
    private static partial uint umask(uint mask);
}

/// <summary>
/// A path that a socket is bound to and that stays when the socket is closed. The class library deletes what was bound by its own type, even
/// when the name has become somebody else's meanwhile.
/// </summary>
sealed class BareUnixEndPoint(string path) : EndPoint
{
    /// <inheritdoc/>
    public override AddressFamily AddressFamily => AddressFamily.Unix;

    /// <inheritdoc/>
    public override SocketAddress Serialize() => new UnixDomainSocketEndPoint(path).Serialize();

    /// <inheritdoc/>
    public override EndPoint Create(SocketAddress socketAddress) => this;
}
