namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Names why a datagram or packet was not taken. Values are stable: they are counted, exported and printed. <see cref="None"/> means
/// that it was taken.
/// </summary>
public enum DropReason
{
    /// <summary>It was taken.</summary>
    None = 0,

    /// <summary>The datagram is shorter than a message of its type, or a handshake message is longer.</summary>
    MessageLength = 1,

    /// <summary>The type is none of 1 to 4, a reserved byte is not zero, or the device does not take part in the suite that it marks.</summary>
    MessageType = 2,

    /// <summary>mac1 is wrong: the sender does not know this machine's public key (paper section 5.4.4).</summary>
    Mac1 = 3,

    /// <summary>The device is under load and the sender had not yet proven its address: it was answered with a cookie (paper section
    /// 5.4.7).</summary>
    CookieRequired = 4,

    /// <summary>The device is under load and the sender's address has used up its share.</summary>
    SourceLimited = 5,

    /// <summary>The bounded queue to the handshake worker or to a peer was full.</summary>
    HandshakeQueueFull = 6,

    /// <summary>An initiation or response does not authenticate.</summary>
    HandshakeAuthentication = 7,

    /// <summary>An initiation authenticates, but its key belongs to no peer.</summary>
    UnknownPeer = 8,

    /// <summary>An initiation's timestamp is not newer than the newest of that peer: a replay (paper section 5.1).</summary>
    StaleTimestamp = 9,

    /// <summary>Initiations of one peer arrive closer together than 20 ms.</summary>
    InitiationFlood = 10,

    /// <summary>A response or cookie reply answers nothing that is outstanding.</summary>
    UnexpectedMessage = 11,

    /// <summary>A cookie reply does not authenticate.</summary>
    CookieAuthentication = 12,

    /// <summary>The receiver index belongs to no session.</summary>
    UnknownSession = 13,

    /// <summary>The session is older than 180 s or has carried all messages it may.</summary>
    SessionExpired = 14,

    /// <summary>The session was retired and its keys zeroed while the packet was under way.</summary>
    SessionRetired = 15,

    /// <summary>The counter was received before, or lies behind the replay window.</summary>
    Replay = 16,

    /// <summary>A transport message does not authenticate.</summary>
    TransportAuthentication = 17,

    /// <summary>The buffer that the caller gave has no room for header, padding and tag.</summary>
    BufferTooSmall = 18,

    /// <summary>An inner packet is not IPv4 or IPv6, or its lengths contradict each other.</summary>
    InnerPacket = 19,

    /// <summary>An inner packet's source address is not one that its peer may use.</summary>
    InnerSource = 20,

    /// <summary>No peer has the destination address among its allowed addresses.</summary>
    NoRoute = 21,

    /// <summary>The peer has no known endpoint.</summary>
    NoEndpoint = 22,

    /// <summary>The packet was the oldest of those held during a handshake and made room for a newer one.</summary>
    StagingOverflow = 23,

    /// <summary>The packet was held during a handshake that gave up.</summary>
    HandshakeGaveUp = 24,

    /// <summary>The rules do not permit the peer to open that flow towards this node.</summary>
    Policy = 25,

    /// <summary>The packet is larger than the path or the device carries.</summary>
    TooBig = 26,

    /// <summary>The operating system refused the send or the write.</summary>
    Io = 27,

    /// <summary>The device or peer is down or being removed.</summary>
    Down = 28,

    /// <summary>An inner packet's destination is not one of this node's addresses.</summary>
    InnerDestination = 29,

    /// <summary>A later fragment of an inner packet whose first one did not pass the rules.</summary>
    Fragment = 30,

    /// <summary>The rules do not permit this node to open that flow towards the peer.</summary>
    PolicySend = 31,
}
