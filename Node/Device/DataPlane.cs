using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Security.Cryptography;
using Mesh.Actors.Device;
using Mesh.Node.Configuration;
using Mesh.Node.Runtime;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Node.Device;

/// <summary>
/// The tables of the data path: peers, routes, session indexes, flows, drop counters. Actors publish into them, packet threads read them without
/// locks. They outlive every opening of the device, so that a device that had to be reopened goes on with the sessions it had.
/// </summary>
sealed partial class DataPlane : IDataPlane, IDisposable
{
    /// <summary>Held packets of all peers together: what nobody outside can exceed.</summary>
    public const int MaxHeldPackets = 1024;

    const int FlowCapacity = 16384;

    // Prefixes in a table whose making leaves megabytes behind, and a change that is made by many peers coming or going.
    const int LargeTable = 10_000, LargeChange = 200;

    // Bits of an int say in which release queues a peer is.
    const int MaxLanes = DaemonSettings.MaximumQueues;

    readonly ReleaseQueue[] _releases;
    readonly Dictionary<TunnelPublicKey, PeerSlot> _peers = [];
    readonly Lock _peersLock = new();
    volatile DeviceKeys _deviceKeys = DeviceKeys.None;
    volatile RouteSnapshot _routes = RouteSnapshot.Empty;
    volatile FrozenSet<TunnelPublicKey> _keys = FrozenSet<TunnelPublicKey>.Empty;
    volatile FrozenDictionary<TunnelPublicKey, PeerSlot> _byKey = FrozenDictionary<TunnelPublicKey, PeerSlot>.Empty;
    volatile IDatagramPort? _datagrams;
    volatile int _mtu;
    RouteSource? _routeSource;
    int _nextNumber;

    /// <param name="configuration">The device's name and MTU.</param>
    /// <param name="clock">Time of the packets.</param>
    /// <param name="entropy">Session indexes and cookie secrets.</param>
    public DataPlane(TunnelConfiguration configuration, ITunnelClock clock, IEntropy entropy)
    {
        Configuration = configuration;
        Clock = clock;
        Entropy = entropy;
        _mtu = configuration.Mtu;
        _releases = [.. Enumerable.Range(0, LanesFor(configuration)).Select(i => new ReleaseQueue(i))];
        Sessions = new SessionIndexTable<PeerSlot>(entropy);
        Filter = new PacketFilter(new FlowTable(FlowCapacity, BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8))));
    }

    /// <summary>Name of the interface, what is managed, which offloads may be used.</summary>
    public TunnelConfiguration Configuration { get; }

    /// <summary>Bytes of the largest inner packet now, up to which packets are padded. Follows the interface where others manage it.</summary>
    public int Mtu { get => _mtu; set => _mtu = value; }

    /// <summary>Time of the packets.</summary>
    public ITunnelClock Clock { get; }

    /// <summary>Session indexes and cookie secrets.</summary>
    IEntropy Entropy { get; }

    /// <summary>The device's key and what was made for it; null while it has none. Read it once per message.</summary>
    public DeviceIdentity? Identity => _deviceKeys.Own;

    /// <summary>That key and the one that is answered to beside it. Read it once per message.</summary>
    public DeviceKeys DeviceKeys => _deviceKeys;

    /// <inheritdoc/>
    public X25519? DeviceKey => _deviceKeys.Own?.Key;

    /// <summary>Sessions by the index in arriving messages.</summary>
    public SessionIndexTable<PeerSlot> Sessions { get; }

    /// <summary>Decides on inner packets.</summary>
    public PacketFilter Filter { get; }

    /// <inheritdoc/>
    public DropCounters Drops { get; } = new();

    /// <summary>Packet threads that the device has at most.</summary>
    public int Lanes => _releases.Length;

    /// <summary>The routes now.</summary>
    public RouteSnapshot Routes => _routes;

    /// <summary>Keys of present peers.</summary>
    public FrozenSet<TunnelPublicKey> PeerKeys => _keys;

    /// <summary>Finds a present peer.</summary>
    public PeerSlot? FindPeer(TunnelPublicKey key) => _byKey.GetValueOrDefault(key);

    /// <inheritdoc/>
    public KeyChange SetPrivateKey(TunnelPrivateKey? key, TunnelPrivateKey? alternate = null)
    {
        lock (_peersLock)
        {
            var before = _deviceKeys;
            var own = Identify(key, before.Own, before.Alternate);
            var second = Identify(alternate, before.Own, before.Alternate, own);
            _deviceKeys = new DeviceKeys(own, second == own ? null : second);
            if (before.Own != own && before.Own != second)
                before.Own?.Dispose();
            if (before.Alternate != own && before.Alternate != second)
                before.Alternate?.Dispose();
            return own == before.Own ? KeyChange.None
                : own is not null && before.Own is not null && (own == before.Alternate || second == before.Own) ? KeyChange.Rotated
                : KeyChange.Replaced;
        }
    }

    // The one that was made for a key before, sessions and cookies and all; else a new one.
    DeviceIdentity? Identify(TunnelPrivateKey? key, params DeviceIdentity?[] known)
    {
        if (key is null)
            return null;
        var fresh = new DeviceIdentity(key, Entropy, Configuration.Suites);
        if (Array.Find(known, one => one?.Key.PublicKey == fresh.Key.PublicKey) is not { } same)
            return fresh;
        fresh.Dispose();
        return same;
    }

    /// <inheritdoc/>
    public IPeerPort AddPeer(TunnelPeer peer)
    {
        lock (_peersLock)
        {
            if (!_peers.TryGetValue(peer.Key, out var slot))
            {
                slot = new PeerSlot(this, ++_nextNumber, peer.Key);
                _peers.Add(peer.Key, slot);
                PublishKeys();
            }

            return slot;
        }
    }

    /// <inheritdoc/>
    public void RemovePeer(IPeerPort peer)
    {
        var slot = (PeerSlot)peer;
        lock (_peersLock)
        {
            if (!_peers.Remove(slot.Key))
                return;
            PublishKeys();
        }

        slot.Remove();
    }

    /// <inheritdoc/>
    public void RekeyPeer(IPeerPort peer, TunnelPublicKey key)
    {
        var slot = (PeerSlot)peer;
        lock (_peersLock)
        {
            if (_peers.GetValueOrDefault(slot.Key) != slot || !_peers.TryAdd(key, slot))
                throw new ArgumentException("the peer is not present, or another one has the key", nameof(key));
            _peers.Remove(slot.Key);
            slot.Rekey(key);
            PublishKeys();
        }
    }

    /// <inheritdoc/>
    public void ForgetPeer(IPeerPort peer)
    {
        var slot = (PeerSlot)peer;
        slot.Forget();
        Filter.Flows.Forget(slot.Number);
    }

    /// <inheritdoc/>
    public void Publish(ImmutableArray<InterfaceAddress> own, bool anyDestination, IReadOnlyCollection<(IPeerPort Port, TunnelPeer Peer)> peers)
    {
        // Rules first: a peer must not receive a packet under the new routes and the old rules.
        foreach (var (port, peer) in peers)
            ((PeerSlot)port).Rules = peer.Rules;
        // Building a table of many prefixes takes its time; most changes touch none of them.
        RouteSource source = new(own, anyDestination, [.. peers.Select(p => ((PeerSlot)p.Port, p.Peer.AllowedIps))]);
        if (source.IsSameAs(_routeSource))
            return;
        _routeSource = source;
        RouteSnapshot routes = new(own, anyDestination, source.Peers);
        var change = Math.Abs(routes.Count - _routes.Count);
        _routes = routes;
        if (routes.Count >= LargeTable || change >= LargeChange)
            HeapTrim.Soon();
    }

    /// <inheritdoc/>
    public ImmutableArray<IPeerPort> Ports
    {
        get
        {
            lock (_peersLock)
                return [.. _peers.Values];
        }
    }

    /// <inheritdoc/>
    public ImmutableArray<TunnelPeerStatistics> ReadPeers()
    {
        lock (_peersLock)
            return [.. _peers.Values.Select(Read)];
    }

    /// <summary>Asks the sending threads to send or drop what the peer has held.</summary>
    public void RequestRelease(PeerSlot slot)
    {
        foreach (var queue in _releases)
        {
            if (slot.TryQueueRelease(queue.Number))
                queue.Add(slot);
        }
    }

    /// <summary>Peers whose held packets one sending thread is to send or drop.</summary>
    public ReleaseQueue Releases(int lane) => _releases[lane];

    /// <summary>Sends one datagram from any thread; false when the device is closed or the system refuses.</summary>
    public bool TrySend(ReadOnlySpan<byte> datagram, SocketEndpoint endpoint) => _datagrams is { } port && port.TrySend(datagram, endpoint) == 0;

    /// <inheritdoc cref="TrySend(ReadOnlySpan{byte}, SocketEndpoint)"/>
    public bool TrySend(ReadOnlySpan<byte> datagram, in RawEndpoint endpoint) => _datagrams is { } port && port.TrySend(datagram, endpoint) == 0;

    /// <summary>Asks the system how narrow the path to a peer is, after a datagram was too long for it.</summary>
    public void LearnPathMtu(PeerSlot slot, SocketEndpoint endpoint)
    {
        if (_datagrams?.PathMtu(endpoint) is > 0 and var mtu)
            slot.NotePathMtu(endpoint, mtu, Clock.Now);
    }

    /// <summary>Connects the tables with an open port and what wakes the sending threads; null and none disconnect.</summary>
    public void Connect(IDatagramPort? datagrams, IReadOnlyList<WakeEvent> wakes)
    {
        _datagrams = datagrams;
        for (var i = 0; i < _releases.Length; i++)
            _releases[i].Wake = i < wakes.Count ? wakes[i] : null;
    }

    /// <inheritdoc/>
    public ITunnelDevice Open(TunnelState state) => LinuxTunnelDevice.Open(this, state);

    /// <summary>Zeroes all keys; the device must be closed.</summary>
    public void Dispose()
    {
        lock (_peersLock)
        {
            foreach (var slot in _peers.Values)
            {
                slot.Remove();
                slot.Forget();
            }

            _peers.Clear();
            PublishKeys();
        }

        SetPrivateKey(null);
    }

    // One for every two processors: the kernel's share and the programs that talk need the others.
    static int LanesFor(TunnelConfiguration configuration) => (configuration.Disabled & OffloadFeatures.MultiQueue) != 0
        ? 1
        : Math.Clamp(configuration.Queues > 0 ? configuration.Queues : Environment.ProcessorCount / 2, 1, MaxLanes);

    // What the routes were made from. Lists are compared by reference: a peer that did not change keeps its list.
    sealed record RouteSource(ImmutableArray<InterfaceAddress> Own, bool AnyDestination, (PeerSlot Slot, ImmutableArray<IpPrefix> Prefixes)[] Peers)
    {
        public bool IsSameAs(RouteSource? other) => other is not null && Own == other.Own && AnyDestination == other.AnyDestination
            && Peers.AsSpan().SequenceEqual(other.Peers);
    }

    void PublishKeys()
    {
        _byKey = _peers.ToFrozenDictionary();
        _keys = _peers.Keys.ToFrozenSet();
    }

    TunnelPeerStatistics Read(PeerSlot slot)
    {
        WallTime? received = slot.Continuity.Activity.LastReceived is { } at ? Clock.WallNow - (Clock.Now - at) : null;
        return new TunnelPeerStatistics(slot.Key, slot.Endpoint, slot.LastHandshake, received,
            Volatile.Read(ref slot.Received.Bytes), Volatile.Read(ref slot.Sent.Bytes),
            Volatile.Read(ref slot.Received.Packets), Volatile.Read(ref slot.Sent.Packets))
        {
            Suite = slot.Session?.Suite,
            SuiteFellBack = slot.Continuity.SuiteFellBack,
        };
    }
}
