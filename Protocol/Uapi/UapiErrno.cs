namespace Mesh.Protocol.Uapi;

/// <summary>
/// Numbers of the line <c>errno=</c> that ends an answer: 0, or a negated errno of Linux, as wireguard-go prints them.
/// </summary>
public static class UapiErrno
{
    /// <summary>Done.</summary>
    public const int None = 0;

    /// <summary>EIO: the system refused for another reason.</summary>
    public const int Io = -5;

    /// <summary>EINVAL: a key that is not known there, or a value that will not do.</summary>
    public const int Invalid = -22;

    /// <summary>EPROTO: a line without an equals sign.</summary>
    public const int Protocol = -71;

    /// <summary>EADDRINUSE: somebody else has the UDP port.</summary>
    public const int AddressInUse = -98;
}
