using System.Runtime.InteropServices;
using Mesh.Actors.Device;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Node.Device;

/// <summary>
/// A peer as the packet threads see it: what they need to send and receive, published by the peer's actor, and what they have to tell it.
/// Fields that are read per packet are volatile references to immutable or concurrent objects.
/// </summary>
sealed partial class PeerSlot : IPeerPort
{
    readonly DataPlane _plane;
    readonly Lock _answerLock = new();
    readonly byte[] _answer = new byte[TunnelMessage.MaximumHandshakeSize];
    volatile TransportSession? _session;
    volatile SocketEndpoint? _endpoint;
    volatile PeerRules _rules = PeerRules.None;
    volatile Action? _wake;
    volatile TransportSession? _rekey;
    volatile TransportSession? _activity;
    volatile TransportSession? _confirmed;
    volatile bool _removed;
    volatile HeldKey _key;
    int _signals;
    int _answerLength;
    EndpointAddress _answerFrom;
    PendingInitiation? _initiation;
    long _lastHandshake;

    /// <summary>Counters written by the thread that sends.</summary>
    public TrafficCounters Sent;

    /// <summary>Counters written by the thread that receives.</summary>
    public TrafficCounters Received;

    public PeerSlot(DataPlane plane, int number, TunnelPublicKey key)
    {
        _plane = plane;
        Number = number;
        _key = new HeldKey(key);
        Indexes = plane.Sessions.For(this);
        _lanes = new HeldLane?[plane.Lanes];
    }

    /// <inheritdoc/>
    public int Number { get; }

    /// <inheritdoc/>
    public TunnelPublicKey Key => _key.Key;

    /// <inheritdoc/>
    public ISessionIndexes Indexes { get; }

    /// <inheritdoc/>
    public PeerContinuity Continuity { get; } = new();

    /// <summary>The session to send with.</summary>
    public TransportSession? Session => _session;

    /// <summary>Where to send, in the kernel's form.</summary>
    public SocketEndpoint? SocketEndpoint => _endpoint;

    /// <summary>What each side may open.</summary>
    public PeerRules Rules { get => _rules; set => _rules = value; }

    /// <summary>Whether the peer was removed: nothing is sent to it or taken from it any more.</summary>
    public bool Removed => _removed;

    /// <summary>When the last handshake completed.</summary>
    public WallTime? LastHandshake => Volatile.Read(ref _lastHandshake) is var at and not 0 ? new WallTime(at) : null;

    /// <inheritdoc/>
    public EndpointAddress Endpoint => _endpoint is { } endpoint ? Endpoints.ToAddress(endpoint.Raw) : default;

    /// <inheritdoc/>
    public void Attach(Action? wake)
    {
        _wake = wake;
        if (wake is null)
            return;
        // What an earlier incarnation took and did not finish would never be told again: packets still held ask anew.
        if (HasHeld)
            Interlocked.Or(ref _signals, (int)PeerSignals.SessionWanted);
        if (Volatile.Read(ref _signals) != 0)
            wake();
    }

    /// <inheritdoc/>
    public PeerSignals TakeSignals() => (PeerSignals)Interlocked.Exchange(ref _signals, 0);

    /// <summary>Tells the actor. Costs nothing when it was told already and has not looked yet.</summary>
    public void Signal(PeerSignals signals)
    {
        if (((PeerSignals)Volatile.Read(ref _signals) & signals) == signals)
            return;
        if (Interlocked.Or(ref _signals, (int)signals) == 0)
            _wake?.Invoke();
    }

    /// <summary>Tells the actor what a session raised.</summary>
    public void Signal(TransportSession session, SessionSignals signals)
    {
        var told = PeerSignals.None;
        if ((signals & SessionSignals.Rekey) != 0)
        {
            _rekey = session;
            told |= PeerSignals.Rekey;
        }

        if ((signals & SessionSignals.Activity) != 0)
        {
            _activity = session;
            told |= PeerSignals.Activity;
        }

        if ((signals & SessionSignals.Confirmed) != 0)
        {
            _confirmed = session;
            told |= PeerSignals.Confirmed;
        }

        Signal(told);
    }

    /// <inheritdoc/>
    public TransportSession? RaisedBy(SessionSignals signal) => signal switch
    {
        SessionSignals.Rekey => _rekey,
        SessionSignals.Activity => _activity,
        SessionSignals.Confirmed => _confirmed,
        _ => null,
    };

    /// <inheritdoc/>
    public void SetSendSession(TransportSession? session)
    {
        if (_removed)
            return;
        _session = session;
        if (session is not null)
            _plane.RequestRelease(this);
    }

    /// <inheritdoc/>
    public void SetEndpoint(EndpointAddress endpoint)
    {
        if (endpoint.IsNone)
        {
            _endpoint = null;
            return;
        }

        var raw = Endpoints.ToRaw(endpoint);
        // The same address again must not forget the local address that the peer reached us on.
        if (_endpoint is not { } known || !known.Raw.SameRemote(raw))
            _endpoint = FromHandshake(raw) ?? new SocketEndpoint(raw);
    }

    /// <summary>Follows a peer whose authenticated packet came from elsewhere or reached another address of ours.</summary>
    public void FollowEndpoint(in RawEndpoint source)
    {
        var known = _endpoint;
        if (known is not null && known.Raw.SameRemote(source))
        {
            if (known.Raw.SameLocal(source) || known.LocalUnusable)
                return;
            _endpoint = new SocketEndpoint(source);
            return;
        }

        _endpoint = new SocketEndpoint(source);
        Signal(PeerSignals.EndpointMoved);
    }

    /// <inheritdoc/>
    public void Transmit(ReadOnlySpan<byte> datagram, EndpointAddress to)
    {
        if (to.IsNone || _removed)
            return;
        var known = _endpoint;
        var raw = Endpoints.ToRaw(to);
        var endpoint = known is not null && known.Raw.SameRemote(raw) ? known : FromHandshake(raw) ?? new SocketEndpoint(raw);
        if (_plane.TrySend(datagram, endpoint))
            Interlocked.Add(ref Sent.Bytes, datagram.Length);
        else
            _plane.Drops.Count(DropReason.Io);
    }

    /// <inheritdoc/>
    public void NoteReceived(int bytes) => Interlocked.Add(ref Received.Bytes, bytes);

    /// <inheritdoc/>
    public void NoteHandshake(WallTime at) => Volatile.Write(ref _lastHandshake, at.UnixMilliseconds);

    /// <summary>Goes on under another key.</summary>
    public void Rekey(TunnelPublicKey key) => _key = new HeldKey(key);

    /// <summary>Takes the peer out of use; its actor may still be running.</summary>
    public void Remove()
    {
        _removed = true;
        _wake = null;
        _session = null;
        DropHeld(DropReason.Down);
    }

    /// <summary>Zeroes what the peer leaves; its actor has stopped.</summary>
    public void Forget()
    {
        Interlocked.Exchange(ref _initiation, null)?.Initiation.Dispose();
        Continuity.Clear(Indexes);
        (_rekey, _activity, _confirmed) = (null, null, null);
    }

    // 32 bytes are not read at once; a reference is.
    sealed record HeldKey(TunnelPublicKey Key);
}

/// <summary>Traffic in one direction, on a cache line of its own.</summary>
[StructLayout(LayoutKind.Sequential, Size = 128)]
struct TrafficCounters
{
    public long Bytes;
    public long Packets;
}
