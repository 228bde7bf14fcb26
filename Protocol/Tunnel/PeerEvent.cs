namespace Mesh.Protocol.Tunnel;

/// <summary>Says what happened in a <see cref="PeerMachine"/>; the owner publishes it to the data path or reports it.</summary>
public abstract record PeerEvent
{
    private PeerEvent() { }

    /// <summary>
    /// The session to send with changed. With a session, packets held back may go out on it; with null, packets are held until the next
    /// one. Receiving needs no event: sessions are found in the index table as soon as they exist.
    /// </summary>
    public sealed record SendSessionChanged(TransportSession? Session) : PeerEvent;

    /// <summary>A handshake completed; both sides hold keys. For a responder it is confirmed only with the first packet.</summary>
    public sealed record HandshakeCompleted(TransportSession Session) : PeerEvent;

    /// <summary>A session's keys were zeroed and its index released.</summary>
    public sealed record SessionRetired(TransportSession Session) : PeerEvent;

    /// <summary>Nobody answered for 90 s; packets held back should be dropped. The next packet starts anew.</summary>
    public sealed record HandshakeGaveUp : PeerEvent;

    /// <summary>An authenticated message came from another endpoint; send there from now on.</summary>
    public sealed record EndpointChanged(EndpointAddress Endpoint) : PeerEvent;

    /// <summary>The peer left AES-256-GCM initiations unanswered; plain ones are sent now.</summary>
    public sealed record SuiteFellBack : PeerEvent;
}
