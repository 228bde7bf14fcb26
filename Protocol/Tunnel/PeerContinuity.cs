using Mesh.Protocol.Time;

namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Is what outlives a <see cref="PeerMachine"/> that crashed: sessions, endpoint, and the newest timestamps, without which old initiations
/// could be replayed. The machine writes it as it goes, and a new machine that is given it carries on; sessions go on carrying traffic in
/// between. It lives as long as the peer is configured; <see cref="Clear"/> when the peer is removed. One machine at a time.
/// </summary>
public sealed class PeerContinuity
{
    bool _suiteFellBack;

    /// <summary>Gets when traffic was last sent and received; shared by all sessions of the peer.</summary>
    public PeerActivity Activity { get; } = new();

    /// <summary>Gets the session that is sent with.</summary>
    public TransportSession? Current { get; internal set; }

    /// <summary>Gets the sessions before, newest last, on which packets under way may still arrive; at most four.</summary>
    public IReadOnlyList<TransportSession> Previous => Retained;

    /// <summary>Gets the session that this side answered and that is not yet confirmed.</summary>
    public TransportSession? Next { get; internal set; }

    /// <summary>Gets the endpoint last heard from or configured.</summary>
    public EndpointAddress Endpoint { get; internal set; }

    /// <summary>Gets the newest timestamp received in an initiation.</summary>
    public Tai64N NewestReceived { get; internal set; }

    /// <summary>Gets the newest timestamp sent in an initiation.</summary>
    public Tai64N NewestSent { get; internal set; }

    /// <summary>Gets when a handshake last completed: as initiator when the answer came, as responder with the first packet.</summary>
    public Instant? LastHandshake { get; internal set; }

    /// <summary>Gets whether the peer left AES-256-GCM initiations unanswered, so that plain ones are sent. Readable on any thread.</summary>
    public bool SuiteFellBack => Volatile.Read(ref _suiteFellBack);

    /// <summary>Gets or sets until when only plain initiations are sent.</summary>
    internal Instant? PlainUntil { get; set; }

    internal List<TransportSession> Retained { get; } = [];

    /// <summary>Gets the index of the initiation that is outstanding.</summary>
    internal SessionIndex? Outstanding { get; set; }

    internal void NoteSuiteFellBack(bool fellBack) => Volatile.Write(ref _suiteFellBack, fellBack);

    /// <summary>Zeroes all sessions and gives their indexes back.</summary>
    public void Clear(ISessionIndexes indexes)
    {
        foreach (var session in Retained.Append(Current).Append(Next))
        {
            if (session is null)
                continue;
            indexes.Release(session.Local);
            session.Dispose();
        }
        Current = Next = null;
        Retained.Clear();
        if (Outstanding is { } index)
            indexes.Release(index);
        Outstanding = null;
    }
}
