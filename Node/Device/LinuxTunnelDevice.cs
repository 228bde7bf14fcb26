using System.Collections.Immutable;
using Mesh.Actors.Device;
using Mesh.Node.Device.Native;
using Mesh.Node.Os;

namespace Mesh.Node.Device;

/// <summary>
/// An open TUN device and UDP port with their three threads: device to network, network to device, handshakes. Disposing wakes and joins them,
/// then closes; the interface disappears with its descriptor. A thread that cannot go on faults <see cref="Failure"/>.
/// </summary>
sealed unsafe class LinuxTunnelDevice : ITunnelDevice
{
    readonly DataPlane _plane;
    readonly TunDevice _tun;
    readonly UdpPort _udp;
    readonly InterfaceConfiguration _interface;
    readonly WakeEvent _outboundWake = new();
    readonly WakeEvent _inboundWake = new();
    readonly HandshakeWorker _worker;
    readonly OutboundPump _outbound;
    readonly InboundPump _inbound;
    readonly Thread[] _threads;
    readonly TaskCompletionSource _failure = new(TaskCreationOptions.RunContinuationsAsynchronously);
    volatile bool _stopping;
    int _disposed;

    LinuxTunnelDevice(DataPlane plane, TunDevice tun, UdpPort udp)
    {
        _plane = plane;
        _tun = tun;
        _udp = udp;
        _interface = new InterfaceConfiguration(tun.Name);
        Info = new TunnelDeviceInfo(tun.Name, udp.LocalPort);
        _worker = new HandshakeWorker(plane, udp);
        _outbound = new OutboundPump(plane, tun, udp.CreateSender());
        _inbound = new InboundPump(plane, tun, udp, _worker);
        _threads =
        [
            new Thread(() => Guard(RunOutbound)) { Name = "mesh-out", IsBackground = true },
            new Thread(() => Guard(RunInbound)) { Name = "mesh-in", IsBackground = true },
        ];
    }

    /// <inheritdoc/>
    public TunnelDeviceInfo Info { get; }

    /// <inheritdoc/>
    public ImmutableArray<FeatureState> Features => [];

    /// <summary>A descriptor of the interface, for what can only be asked by it.</summary>
    public int TunDescriptor => _tun.Descriptor;

    /// <inheritdoc/>
    public Task Failure => _failure.Task;

    /// <summary>Opens device and port and starts the threads.</summary>
    /// <exception cref="IOException">Either cannot be opened.</exception>
    public static LinuxTunnelDevice Open(DataPlane plane, TunnelState state)
    {
        var tun = TunDevice.Open(plane.Configuration.Interface);
        UdpPort? udp = null;
        try
        {
            udp = UdpPort.Open(state.ListenPort);
            LinuxTunnelDevice device = new(plane, tun, udp);
            device.Start();
            return device;
        }
        catch
        {
            udp?.Dispose();
            tun.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Configure(TunnelState state)
    {
        if (_plane.Configuration.ManageInterface)
            _interface.Apply(_plane.Configuration.Mtu, state.Addresses, state.Routes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _plane.Connect(null, null);
        _stopping = true;
        _outboundWake.Set();
        _inboundWake.Set();
        foreach (var thread in _threads)
            thread.Join();
        _worker.Dispose();
        _interface.Revert();
        _tun.Dispose();
        _udp.Dispose();
        _outboundWake.Dispose();
        _inboundWake.Dispose();
    }

    void Start()
    {
        _plane.Connect(_udp, _outboundWake);
        _worker.Start();
        foreach (var thread in _threads)
            thread.Start();
    }

    void RunOutbound()
    {
        var fds = stackalloc LibC.PollFd[2];
        fds[0] = new LibC.PollFd { Fd = _tun.Descriptor, Events = LibC.POLLIN };
        fds[1] = new LibC.PollFd { Fd = _outboundWake.Descriptor, Events = LibC.POLLIN };
        while (!_stopping)
        {
            Poll(fds, 2, _outboundWake, 1);
            bool any;
            do
            {
                any = _outbound.RunOnce(out var errno);
                if (errno != 0)
                    throw LibC.Failure($"reading from {Info.Interface}", errno);
            }
            while (any && !_stopping);
        }
    }

    void RunInbound()
    {
        var descriptors = _udp.Descriptors;
        var fds = stackalloc LibC.PollFd[3];
        for (var i = 0; i < descriptors.Count; i++)
            fds[i] = new LibC.PollFd { Fd = descriptors[i], Events = LibC.POLLIN };
        fds[descriptors.Count] = new LibC.PollFd { Fd = _inboundWake.Descriptor, Events = LibC.POLLIN };
        while (!_stopping)
        {
            Poll(fds, descriptors.Count + 1, _inboundWake, descriptors.Count);
            for (var i = 0; i < descriptors.Count; i++)
            {
                if (fds[i].Returned == 0)
                    continue;
                _inbound.RunOnce(descriptors[i], out var errno);
                if (errno != 0)
                    throw LibC.Failure($"receiving on UDP port {Info.ListenPort}", errno);
            }
        }
    }

    static void Poll(LibC.PollFd* fds, int count, WakeEvent wake, int wakeIndex)
    {
        if (LibC.Poll(fds, (nuint)count, -1) < 0)
        {
            if (LibC.Errno != LibC.EINTR)
                throw LibC.Failure("poll");
            for (var i = 0; i < count; i++)
                fds[i].Returned = 0;
        }

        if (fds[wakeIndex].Returned != 0)
            wake.Reset();
    }

    void Guard(Action run)
    {
        try
        {
            run();
        }
#pragma warning disable CA1031 // Whatever ends a packet thread must reach the device's actor instead of ending the process.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _failure.TrySetException(e);
        }
    }
}
