using Mesh.Node.Device.Native;

namespace Mesh.Node.Device;

/// <summary>
/// A descriptor (eventfd) that makes a thread blocked in <c>poll</c> return. Setting is safe from any thread and costs a system call only
/// when it is not already set; allocates nothing.
/// </summary>
sealed unsafe class WakeEvent : IDisposable
{
    int _fd;
    int _set;

    /// <exception cref="IOException">The process has no descriptor left.</exception>
    public WakeEvent()
    {
        _fd = LibC.EventFd(0, LibC.EFD_CLOEXEC | LibC.EFD_NONBLOCK);
        if (_fd < 0)
            throw LibC.Failure("eventfd");
    }

    /// <summary>The descriptor to poll for readability.</summary>
    public int Descriptor => _fd;

    /// <summary>Makes the waiter return, now or at its next wait.</summary>
    public void Set()
    {
        if (Interlocked.Exchange(ref _set, 1) != 0)
            return;
        ulong one = 1;
        LibC.Write(_fd, &one, sizeof(ulong));
    }

    /// <summary>Called by the waiter before it looks at what it was woken for, so that a later <see cref="Set"/> is not lost.</summary>
    public void Reset()
    {
        ulong count;
        LibC.Read(_fd, &count, sizeof(ulong));
        Volatile.Write(ref _set, 0);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // A late Set must not write into a descriptor that somebody else has been given meanwhile.
        Volatile.Write(ref _set, 1);
        var fd = Interlocked.Exchange(ref _fd, -1);
        if (fd >= 0)
            LibC.Close(fd);
    }
}
