using System.Collections.Concurrent;
using Mesh.Actors.Device;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Tests.Actors.Peers;

/// <summary>A peer's place in a data path that only remembers what its actor asked for.</summary>
sealed class FakePeerPort(TunnelPublicKey key, SessionIndexTable<string> table) : IPeerPort
{
    volatile Action? _wake;
    int _signals;
    EndpointAddress _endpoint;

    public TunnelPublicKey Key => key;

    public int Number => 1;

    public ISessionIndexes Indexes { get; } = table.For("peer");

    public PeerContinuity Continuity { get; } = new();

    public EndpointAddress Endpoint => _endpoint;

    public BlockingCollection<(byte[] Datagram, EndpointAddress To)> Transmitted { get; } = [];

    public BlockingCollection<DropReason> Dropped { get; } = [];

    public int Attachments;

    public bool IsAttached => _wake is not null;

    public void Attach(Action? wake)
    {
        _wake = wake;
        if (wake is not null)
            Interlocked.Increment(ref Attachments);
    }

    public void Signal(PeerSignals signals)
    {
        if (Interlocked.Or(ref _signals, (int)signals) == 0)
            _wake?.Invoke();
    }

    public PeerSignals TakeSignals() => (PeerSignals)Interlocked.Exchange(ref _signals, 0);

    public TransportSession? RaisedBy(SessionSignals signal) => null;

    public AuthenticatedInitiation? TakeInitiation(out EndpointAddress from)
    {
        from = default;
        return null;
    }

    public bool TryTakeAnswer(Span<byte> buffer, out int length, out EndpointAddress from)
    {
        length = 0;
        from = default;
        return false;
    }

    public void SetSendSession(TransportSession? session)
    {
    }

    public void SetEndpoint(EndpointAddress endpoint) => _endpoint = endpoint;

    public void DropHeld(DropReason reason) => Dropped.Add(reason);

    public void Transmit(ReadOnlySpan<byte> datagram, EndpointAddress to) => Transmitted.Add((datagram.ToArray(), to));

    public long ReceivedBytes;

    public void NoteReceived(int bytes) => Interlocked.Add(ref ReceivedBytes, bytes);

    public void NoteHandshake(WallTime at)
    {
    }
}
