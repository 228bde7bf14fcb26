using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Node.Device;

/// <summary>
/// A thread that authenticates initiations: two key agreements each, away from the packet threads. Its queue is fixed; what finds it full is
/// dropped and counted. It also sends the gate's cookie replies, so that the receiving thread never blocks on a full send buffer.
/// </summary>
sealed class HandshakeWorker : IDisposable
{
    const int Capacity = 1024;

    readonly DataPlane _plane;
    readonly Item[] _items = new Item[Capacity];
    readonly Thread _thread;
    readonly Lock _lock = new();
    readonly SemaphoreSlim _waiting = new(0);
    int _head;
    int _count;
    volatile bool _stopping;

    public HandshakeWorker(DataPlane plane)
    {
        _plane = plane;
        for (var i = 0; i < Capacity; i++)
            _items[i].Message = new byte[TunnelMessage.MaximumHandshakeSize];
        _thread = new Thread(Run) { Name = "mesh-handshake", IsBackground = true };
    }

    /// <summary>Starts the thread.</summary>
    public void Start() => _thread.Start();

    /// <summary>Leaves an initiation that passed the gate of one of the device's keys; of the receiving thread.</summary>
    public void Enqueue(ReadOnlySpan<byte> initiation, in RawEndpoint source, DeviceIdentity identity, Instant now)
    {
        if (!TryAdd(initiation, source, identity, out var waiting))
            _plane.Drops.Count(DropReason.HandshakeQueueFull);
        var keys = _plane.DeviceKeys;
        keys.Own?.Gate.ReportBacklog(waiting, now);
        keys.Alternate?.Gate.ReportBacklog(waiting, now);
    }

    /// <summary>Leaves a cookie reply to be sent; of the receiving thread.</summary>
    public void Reply(ReadOnlySpan<byte> reply, in RawEndpoint to)
    {
        if (!TryAdd(reply, to, identity: null, out _))
            _plane.Drops.Count(DropReason.HandshakeQueueFull);
    }

    /// <summary>Ends the thread and waits for it.</summary>
    public void Dispose()
    {
        _stopping = true;
        _waiting.Release();
        if (_thread.IsAlive)
            _thread.Join();
        _waiting.Dispose();
    }

    bool TryAdd(ReadOnlySpan<byte> message, in RawEndpoint endpoint, DeviceIdentity? identity, out int waiting)
    {
        lock (_lock)
        {
            waiting = _count;
            if (_count == Capacity)
                return false;
            ref var item = ref _items[(_head + _count) % Capacity];
            message.CopyTo(item.Message);
            item.Length = message.Length;
            item.Endpoint = endpoint;
            item.Identity = identity;
            waiting = ++_count;
        }

        _waiting.Release();
        return true;
    }

    void Run()
    {
        var message = new byte[TunnelMessage.MaximumHandshakeSize];
        while (true)
        {
            _waiting.Wait();
            if (_stopping)
                return;
            int length;
            RawEndpoint endpoint;
            DeviceIdentity? identity;
            lock (_lock)
            {
                if (_count == 0)
                    continue;
                ref var item = ref _items[_head];
                item.Message.AsSpan(0, item.Length).CopyTo(message);
                (length, endpoint, identity) = (item.Length, item.Endpoint, item.Identity);
                item.Identity = null;
                _head = (_head + 1) % Capacity;
                _count--;
            }

            if (identity is null)
                _plane.TrySend(message.AsSpan(0, length), endpoint);
            else
                Open(message.AsSpan(0, length), endpoint, identity);
        }
    }

    void Open(ReadOnlySpan<byte> message, in RawEndpoint source, DeviceIdentity identity)
    {
        if (!identity.Opener.TryOpen(message, _plane.PeerKeys, out var initiation, out var reason))
        {
            _plane.Drops.Count(reason);
            return;
        }

        if (_plane.FindPeer(initiation.Peer) is { } peer)
        {
            peer.Deliver(initiation, source);
            return;
        }

        initiation.Dispose();
        _plane.Drops.Count(DropReason.UnknownPeer);
    }

    struct Item
    {
        public byte[] Message;
        public int Length;
        public RawEndpoint Endpoint;
        // Whose initiation it is; null where the message is a reply to send.
        public DeviceIdentity? Identity;
    }
}
