namespace Mesh.Protocol.Tunnel;

/// <summary>Says what kind of datagram a machine produced.</summary>
public enum TransmitKind
{
    /// <summary>A handshake initiation, 148 bytes.</summary>
    Initiation,

    /// <summary>A handshake response, 92 bytes.</summary>
    Response,

    /// <summary>A transport message without payload, 32 bytes.</summary>
    Keepalive,
}

/// <summary>Describes a datagram that was written to the caller's buffer: where it goes, and how many bytes it has.</summary>
public readonly record struct Transmit(EndpointAddress To, int Length, TransmitKind Kind);
