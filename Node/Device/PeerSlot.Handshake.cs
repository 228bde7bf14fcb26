using Mesh.Actors.Device;
using Mesh.Protocol.Tunnel;

namespace Mesh.Node.Device;

// Handshake messages on their way to the peer's actor: at most one initiation and one answer wait, so nobody can fill memory with them.
sealed partial class PeerSlot
{
    volatile SocketEndpoint? _handshakeFrom;

    /// <summary>Leaves an authenticated initiation for the actor; one that still waited is replaced by this newer one.</summary>
    public void Deliver(AuthenticatedInitiation initiation, in RawEndpoint source)
    {
        _handshakeFrom = new SocketEndpoint(source);
        var displaced = Interlocked.Exchange(ref _initiation, new PendingInitiation(initiation, Endpoints.ToAddress(source)));
        if (displaced is not null)
        {
            displaced.Initiation.Dispose();
            _plane.Drops.Count(DropReason.HandshakeQueueFull);
        }

        if (_removed)
            Interlocked.Exchange(ref _initiation, null)?.Initiation.Dispose();
        Signal(PeerSignals.Initiation);
    }

    /// <summary>Leaves a response or cookie reply for the actor; while one waits, others are dropped and counted.</summary>
    public void DeliverAnswer(ReadOnlySpan<byte> message, EndpointAddress from)
    {
        lock (_answerLock)
        {
            if (_answerLength != 0)
            {
                _plane.Drops.Count(DropReason.HandshakeQueueFull);
                return;
            }

            message.CopyTo(_answer);
            _answerLength = message.Length;
            _answerFrom = from;
        }

        Signal(PeerSignals.Answer);
    }

    /// <inheritdoc/>
    public AuthenticatedInitiation? TakeInitiation(out EndpointAddress from)
    {
        var pending = Interlocked.Exchange(ref _initiation, null);
        from = pending?.From ?? default;
        return pending?.Initiation;
    }

    /// <inheritdoc/>
    public bool TryTakeAnswer(Span<byte> buffer, out int length, out EndpointAddress from)
    {
        lock (_answerLock)
        {
            length = _answerLength;
            from = _answerFrom;
            _answer.AsSpan(0, length).CopyTo(buffer);
            _answerLength = 0;
            return length != 0;
        }
    }

    // The answer to an initiation leaves from the address that the initiation reached, or a firewall on the way would not know it.
    SocketEndpoint? FromHandshake(in RawEndpoint remote) => _handshakeFrom is { } from && from.Raw.SameRemote(remote) ? from : null;

    sealed record PendingInitiation(AuthenticatedInitiation Initiation, EndpointAddress From);
}
