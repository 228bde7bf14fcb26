using System.Collections.Immutable;
using Mesh.Actors.Device;
using Mesh.Node.Device.Native;
using Mesh.Node.Os;
using Mesh.Protocol.Tunnel;

namespace Mesh.Node.Device;

/// <summary>
/// An open TUN device and UDP port with their threads: a lane for each queue, which carries its packets both ways, and one thread for
/// handshakes. Disposing wakes and joins them, then closes; the interface disappears with its descriptors. A thread that cannot go on faults
/// <see cref="Failure"/>. <see cref="Configure"/> and <see cref="Dispose"/> are for one caller at a time.
/// </summary>
/// <remarks>
/// One thread carries both directions because the answer to what it wrote to the device often waits there when the write returns: it is sent
/// without waking anybody. The kernel keeps the packets of a flow on the queue where the flow was written, so that a peer stays on one lane.
/// </remarks>
sealed unsafe class LinuxTunnelDevice : ITunnelDevice
{
    readonly DataPlane _plane;
    readonly TunDevice _tun;
    readonly InterfaceConfiguration _interface;
    readonly WakeEvent[] _wakes;
    readonly HandshakeWorker _worker;
    readonly OutboundPump[] _outbound;
    readonly InboundPump[] _inbound;
    readonly TaskCompletionSource _failure = new(TaskCreationOptions.RunContinuationsAsynchronously);
    Thread[] _threads = [];
    UdpPort _udp;
    int _wantedPort;
    volatile TunnelDeviceInfo _info;
    volatile bool _stopping;
    int _disposed;

    LinuxTunnelDevice(DataPlane plane, TunDevice tun, UdpPort udp, int wantedPort)
    {
        (_plane, _tun, _udp, _wantedPort) = (plane, tun, udp, wantedPort);
        _interface = new InterfaceConfiguration(tun.Name);
        _info = new TunnelDeviceInfo(tun.Name, udp.LocalPort);
        _worker = new HandshakeWorker(plane);
        _wakes = [.. tun.Queues.Select(_ => new WakeEvent())];
        _outbound = [.. tun.Queues.Select((queue, i) => new OutboundPump(plane, queue, plane.Releases(i)))];
        _inbound = [.. tun.Queues.Select(queue => new InboundPump(plane, queue, _worker))];
    }

    /// <inheritdoc/>
    public TunnelDeviceInfo Info => _info;

    /// <inheritdoc/>
    public ImmutableArray<FeatureState> Features => [.. _tun.Features, .. _udp.Features];

    /// <summary>A descriptor of the interface, for what can only be asked by it.</summary>
    public int TunDescriptor => _tun.Queues[0].Descriptor;

    /// <inheritdoc/>
    public Task Failure => _failure.Task;

    /// <summary>Opens device and port and starts the threads.</summary>
    /// <exception cref="IOException">Either cannot be opened.</exception>
    public static LinuxTunnelDevice Open(DataPlane plane, TunnelState state)
    {
        var configuration = plane.Configuration;
        // As many segments as one send carries, so that a packet from the stack is one send.
        var segments = Math.Clamp(UdpPort.MaxPayload / (configuration.Mtu + TransportMessage.Overhead), 1, UdpPort.MaxSegments);
        var tun = TunDevice.Open(configuration.Interface, plane.Lanes, configuration.Disabled, segments);
        UdpPort? udp = null;
        try
        {
            udp = UdpPort.Open(state.ListenPort, tun.Queues.Length, state.FirewallMark, configuration.Disabled);
            LinuxTunnelDevice device = new(plane, tun, udp, state.ListenPort);
            device._worker.Start();
            device.StartThreads();
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
        if (state.ListenPort != _wantedPort && state.ListenPort != _udp.LocalPort)
            Rebind(state);
        _wantedPort = state.ListenPort;
        _udp.SetMark(state.FirewallMark);
        if (_plane.Configuration.ManageInterface)
            _interface.Apply(_plane.Configuration.Mtu, state.Addresses, state.Routes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        StopThreads();
        _worker.Dispose();
        _interface.Revert();
        _tun.Dispose();
        _udp.Dispose();
        foreach (var wake in _wakes)
            wake.Dispose();
    }

    // The new port is had before the old one is given up: a port that is taken changes nothing.
    void Rebind(TunnelState state)
    {
        var udp = UdpPort.Open(state.ListenPort, _tun.Queues.Length, state.FirewallMark, _plane.Configuration.Disabled);
        StopThreads();
        var before = _udp;
        _udp = udp;
        _info = new TunnelDeviceInfo(_tun.Name, udp.LocalPort);
        StartThreads();
        before.Dispose();
    }

    void StartThreads()
    {
        _stopping = false;
        List<Thread> threads = [];
        for (var i = 0; i < _tun.Queues.Length; i++)
        {
            var queue = i;
            _outbound[i].Sender = _udp.CreateSender(i);
            _inbound[i].Datagrams = _udp;
            threads.Add(new Thread(() => Guard(() => Run(queue))) { Name = $"mesh-lane-{i}", IsBackground = true });
        }

        _plane.Connect(_udp, _wakes);
        _threads = [.. threads];
        foreach (var thread in _threads)
            thread.Start();
    }

    void StopThreads()
    {
        _plane.Connect(null, []);
        _stopping = true;
        foreach (var wake in _wakes)
            wake.Set();
        foreach (var thread in _threads)
            thread.Join();
        _threads = [];
    }

    void Run(int queue)
    {
        const int Tun = 0, Wake = 1, FirstSocket = 2;
        var (outbound, inbound) = (_outbound[queue], _inbound[queue]);
        var wake = _wakes[queue];
        var sockets = _udp.Descriptors(queue);
        var count = FirstSocket + sockets.Count;
        var fds = stackalloc LibC.PollFd[FirstSocket + 2];
        fds[Tun] = new LibC.PollFd { Fd = _tun.Queues[queue].Descriptor, Events = LibC.POLLIN };
        fds[Wake] = new LibC.PollFd { Fd = wake.Descriptor, Events = LibC.POLLIN };
        for (var i = 0; i < sockets.Count; i++)
            fds[FirstSocket + i] = new LibC.PollFd { Fd = sockets[i], Events = LibC.POLLIN };
        while (!_stopping)
        {
            Poll(fds, count, wake, Wake);
            bool any;
            do
            {
                any = false;
                for (var i = FirstSocket; i < count; i++)
                {
                    // A socket that gave nothing is asked again after the next wait.
                    if (fds[i].Returned == 0)
                        continue;
                    if (inbound.RunOnce(fds[i].Fd, out var failed))
                        any = true;
                    else
                        fds[i].Returned = 0;
                    if (failed != 0)
                        throw LibC.Failure($"receiving on UDP port {Info.ListenPort}", failed);
                }

                any |= outbound.RunOnce(out var errno);
                if (errno != 0)
                    throw LibC.Failure($"reading from {Info.Interface}", errno);
            }
            while (any && !_stopping);
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
