namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Names one handshake or session on the machine that chose it: 32 random bits, little-endian on the wire, in the sender and receiver
/// fields of every message (WireGuard paper section 5.4).
/// </summary>
public readonly record struct SessionIndex(uint Value)
{
    /// <summary>Prints 8 hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("x8", System.Globalization.CultureInfo.InvariantCulture);
}
